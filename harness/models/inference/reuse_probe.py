"""Whether a model's prefixes can be shared between rows, found out on a short probe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from transformers import PreTrainedConfig, PreTrainedModel

from harness.core.errors import UsageError
from harness.core.records import Request
from harness.models.inference import attention
from harness.models.inference.budget import Budget
from harness.models.inference.full_forward import FullForwardScorer
from harness.models.inference.logits_at import vocabulary_size
from harness.models.inference.prefix import PrefixScorer
from harness.models.inference.prefix_groups import Group
from harness.models.inference.token_tree import build_row

PROBE_PREFIX = 5
FULL, SLIDING = "full_attention", "sliding_attention"


@dataclass(frozen=True, slots=True)
class Reuse:
    """What may be reused: nothing, prompts up to a length, or all."""

    longest: int | None
    """Longest request that may reuse a prefix, 0 for none; None where length doesn't matter."""
    note: str | None = None
    """What the user should know."""


@contextmanager
def packed(model: PreTrainedModel) -> Iterator[None]:
    """Lets the model run on packed rows, and puts its own attention back."""
    own = model.config._attn_implementation
    attention.register()
    model.set_attn_implementation(attention.IMPLEMENTATION)
    try:
        yield
    finally:
        model.set_attn_implementation(own)


def check_reuse(model: PreTrainedModel) -> Reuse:
    """What the model's prefixes can be reused for."""
    config = model.config.get_text_config()
    windows: dict[int, int | None] = {}
    reason = _unsupported(model, config)
    if reason is None:
        windows, reason = _probe(model)
    if reason is not None:
        _check_causality(model)
        return Reuse(0, f"prefix reuse is off: {reason}; every prompt is computed in full.")
    return Reuse(min((limit for limit in _limits(config, windows)), default=None))


@torch.inference_mode()
def _check_causality(model: PreTrainedModel) -> None:
    """Refuses a model that looks ahead, as encoders do.

    Raises:
        UsageError: later tokens change what it says about earlier ones.
    """
    context = probe_requests(vocabulary_size(model))[0].context
    tokens = torch.tensor([context], device=model.device)
    whole, part = (model(input_ids=ids, use_cache=False).logits for ids in (tokens, tokens[:, :-4]))
    difference = (whole[:, : part.shape[1]] - part).float().abs().max()
    tolerance = 1e-3 if model.dtype == torch.float32 else 0.1
    if difference > tolerance * part.float().std():
        raise UsageError(
            f"{model.config.model_type} is no causal language model: what it says about a token "
            "depends on those that follow."
        )


def _unsupported(model: PreTrainedModel, config: PreTrainedConfig) -> str | None:
    """Why packed rows can't work, as far as the configuration tells."""
    kinds = set(getattr(config, "layer_types", None) or ()) - {FULL, SLIDING}
    if getattr(model, "_is_stateful", False) or kinds:
        return f"{config.model_type} has layers with a state ({', '.join(sorted(kinds)) or 'all'})"
    if not getattr(model, "_supports_attention_backend", False):
        return f"the attention of {config.model_type} can't be replaced"
    return None


def _probe(model: PreTrainedModel) -> tuple[dict[int, int | None], str | None]:
    """(each layer's sliding window, what is wrong) after scoring a few tokens in both ways."""
    requests = probe_requests(vocabulary_size(model))
    group = Group(
        requests[0].context[:PROBE_PREFIX],
        tuple(build_row([i], requests, PROBE_PREFIX) for i in range(len(requests))),
    )
    plain = dict(FullForwardScorer(model, probe_budget()).score(requests))
    scorer = PrefixScorer(model, probe_budget())
    try:
        with packed(model):
            reused = dict(scorer.score_groups([group], requests))
    except Exception as error:  # a model's own code may do anything with packed rows
        return {}, f"its code fails on packed rows ({type(error).__name__})"
    for index, response in plain.items():
        for label, score in (response.scores or {}).items():
            other = (reused[index].scores or {})[label]
            if abs(score - other) > rounding(score, model.dtype):
                return {}, f"it changes a probe's score from {score:.4f} to {other:.4f}"
    return scorer.windows, None


def probe_budget() -> Budget:
    """Room for a probe."""
    return Budget(tokens=64, logit_rows=16)


def rounding(score: float, dtype: torch.dtype) -> float:
    """Nats by which two orders of the same sums may differ; another attention differs by more."""
    slack = 1e-3 if dtype == torch.float32 else 0.25
    return slack + 8 * torch.finfo(dtype).eps * abs(score)


def probe_requests(vocabulary: int) -> list[Request]:
    """Two prompts of different length with a shared prefix, and labels of one and two tokens."""
    tokens = tuple(1 + 7919 * step % (vocabulary - 1) for step in range(PROBE_PREFIX + 12))
    prefix, (*own, a, b, c, d) = tokens[:PROBE_PREFIX], tokens[PROBE_PREFIX:]
    labels = {"one": (a,), "two": (b, c), "other": (b, d)}
    return [Request((*prefix, *own), labels), Request((*prefix, *own[:3]), labels)]


def _limits(config: PreTrainedConfig, windows: dict[int, int | None]) -> Iterator[int]:
    """Lengths of requests beyond which a reused prefix may not be what a full forward sees."""
    for layer, window in _expected_windows(config).items():
        if windows.get(layer) != window and window is not None:
            yield window
    # These rotary embeddings depend on the length of the whole prompt, beyond a limit.
    rope = getattr(config, "rope_parameters", None) or {}
    for parameters in (rope, *(part for part in rope.values() if isinstance(part, dict))):
        if parameters.get("rope_type") in ("dynamic", "longrope"):
            yield (
                parameters.get("original_max_position_embeddings") or config.max_position_embeddings
            )


def _expected_windows(config: PreTrainedConfig) -> dict[int, int | None]:
    """Each layer's sliding window by the configuration."""
    window: int | None = getattr(config, "sliding_window", None)
    layers = getattr(config, "layer_types", None) or [SLIDING] * config.num_hidden_layers
    return {index: window if kind == SLIDING else None for index, kind in enumerate(layers)}
