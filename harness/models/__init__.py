"""Models: loading them, and asking them for label likelihoods and greedy text."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.models.contract import Model, ModelInfo, Tokenizer
    from harness.models.loading.load import load_model
    from harness.models.spec import ModelSpec

__all__ = ["Model", "ModelInfo", "ModelSpec", "Tokenizer", "load_model"]

_HOMES = {
    "Model": "harness.models.contract",
    "ModelInfo": "harness.models.contract",
    "ModelSpec": "harness.models.spec",
    "Tokenizer": "harness.models.contract",
    "load_model": "harness.models.loading.load",
}


def __getattr__(name: str) -> Any:
    # On first use: what a model is asked with is known before one is loaded.
    if name not in _HOMES:
        raise AttributeError(f"module 'harness.models' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
