"""Which models can be explained: those that run here through transformers, from whole weights.

Whoever cannot be explained is refused before any weight is read, with what to run instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from harness.core.errors import UsageError
from harness.models import Model, ModelSpec, load_model
from harness.models.engines.vllm import BACKEND as VLLM
from harness.models.loading.checkpoint import quantization_of
from harness.models.loading.source import find_source
from harness.models.servers.address import is_served
from harness.models.servers.llamacpp import BACKEND as LLAMA_CPP
from harness.results.rundir import Run

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_WHOLE_WEIGHTS: Final = (
    "Run the weights that it was quantised from, and explain that run: "
    "harness run --model DIRECTORY."
)


def check_explainable(run: Run) -> None:
    """Refuse a run whose model was asked where no gradient comes from, by its manifest alone.

    Raises:
        UsageError: a server, llama.cpp or vLLM answered.
    """
    model: Mapping[str, object] = run.manifest["model"]
    offer = model.get("offer")
    way = offer.get("way", "engine") if isinstance(offer, Mapping) else "engine"
    if model["kind"] == LLAMA_CPP:
        raise _by_llama_cpp(f"{run.path}: {model['name']}")
    if model["kind"] == VLLM:
        raise _by_vllm(f"{run.path}: {model['name']}")
    if way != "engine":
        raise _by_server(f"{run.path}: {model['name']}")


def load_explainable(spec: ModelSpec) -> Model:
    """Load a model that is to be explained.

    Raises:
        UsageError: it has no gradients, or cannot be loaded.
    """
    if is_served(spec):
        raise _by_server(spec.name)
    if spec.name.startswith(f"{LLAMA_CPP}:"):
        raise _by_llama_cpp(spec.name)
    if spec.name.startswith(f"{VLLM}:"):
        raise _by_vllm(spec.name)
    if ":" not in spec.name:  # else a plugin's backend has it, and what it loads is looked at later
        check_whole(spec.name, quantization_of(find_source(spec).directory))
    return load_model(spec)


def check_whole(name: str, quantization: str | None) -> None:
    """Refuse weights that are rounded to few values.

    Args:
        name: What the model is called.
        quantization: How its weights are quantised, if they are.

    Raises:
        UsageError: they are.
    """
    if quantization is not None:
        raise UsageError(
            f"{name} is quantised ({quantization}), and words are weighed by gradients through "
            "whole weights.",
            hint=_WHOLE_WEIGHTS,
        )


def check_in_memory(model: PreTrainedModel, name: str) -> None:
    """Refuse a split model of which layers are fetched from elsewhere whenever they are run.

    Raises:
        UsageError: the GPUs do not hold all of its layers.
    """
    if any(parameter.is_meta for parameter in model.parameters()):
        raise UsageError(
            f"{name} has layers that the GPUs do not hold, and gradients need all of them at once.",
            hint="Explain it on a machine with more GPU memory, or with --device cpu.",
        )


def _by_server(name: str) -> UsageError:
    return UsageError(
        f"{name} was asked at a server, and a server returns no gradients, by which words are "
        "weighed.",
        hint="Run the same weights here: harness run --model DIRECTORY.",
    )


def _by_llama_cpp(name: str) -> UsageError:
    return UsageError(
        f"{name} is run by llama.cpp from quantised weights, which return no gradients, by which "
        "words are weighed.",
        hint=f"Run the same file through transformers, and explain that run: leave {LLAMA_CPP}: "
        "out of --model.",
    )


def _by_vllm(name: str) -> UsageError:
    return UsageError(
        f"{name} is run by vLLM, which returns no gradients, by which words are weighed.",
        hint="Run the same weights through transformers, and explain that run: leave "
        f"{VLLM}: out of --model.",
    )
