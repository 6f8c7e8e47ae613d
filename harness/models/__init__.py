"""Models: loading them, and asking them for label likelihoods and greedy text."""

from harness.models.contract import Model, ModelInfo, Tokenizer
from harness.models.loading.load import load_model
from harness.models.spec import ModelSpec

__all__ = ["Model", "ModelInfo", "ModelSpec", "Tokenizer", "load_model"]
