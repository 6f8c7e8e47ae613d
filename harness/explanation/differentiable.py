"""A model as gradients need it: an attention that has them, and no tensor that refuses them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from transformers import PreTrainedModel

from harness.core.errors import UsageError

DIFFERENTIABLE: Final = ("sdpa", "eager")
"""Implementations of attention through which gradients pass everywhere, the fast one first."""


@contextmanager
def differentiable(model: PreTrainedModel) -> Iterator[None]:
    """Lets gradients pass through the model: an attention that has them, no tensor that refuses.

    Raises:
        UsageError: the model knows no such attention.
    """
    own = model.config._attn_implementation
    _release_buffers(model)
    if own not in DIFFERENTIABLE:
        _choose_attention(model)
    try:
        yield
    finally:
        if model.config._attn_implementation != own:
            model.set_attn_implementation(own)


def _release_buffers(model: PreTrainedModel) -> None:
    """Copy buffers that scoring has renewed without gradients: autograd may not keep such ones."""
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_inference():
                setattr(module, name, buffer.clone())


def _choose_attention(model: PreTrainedModel) -> None:
    for name in DIFFERENTIABLE:
        try:
            model.set_attn_implementation(name)
        except (ValueError, ImportError):
            continue
        return
    raise UsageError(
        f"{model.config.model_type} has no attention through which gradients pass.",
        hint="Explain a run of another model.",
    )
