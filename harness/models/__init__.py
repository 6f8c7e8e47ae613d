"""Models: loading them, and asking them for label likelihoods and greedy text."""

from harness.models.base import Model, ModelInfo, Tokenizer
from harness.models.load import load_model

__all__ = ["Model", "ModelInfo", "Tokenizer", "load_model"]
