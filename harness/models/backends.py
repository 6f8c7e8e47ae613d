"""Backends: other ways to run a model, shipped or added by plug-ins."""

from __future__ import annotations

from typing import Final, Protocol

from harness.core.registry import Registry
from harness.models.contract import Model
from harness.models.spec import ModelSpec


class Backend(Protocol):
    """Loads a model that another engine runs."""

    def __call__(self, spec: ModelSpec) -> Model:
        """Load the model of `spec`, whose name is what stood after the colon.

        Raises:
            UsageError: it can't be loaded, or an option means nothing to this backend.
        """
        ...


BACKENDS: Final[Registry[Backend]] = Registry("model backend", group="harness.models")
"""Backends by the name that stands before the colon in `backend:name`."""
BACKENDS.add("llama.cpp", "harness.models.servers.llamacpp:load_llama_cpp")
BACKENDS.add("vllm", "harness.models.engines.vllm:load_vllm")
