"""The options by which a command's user says which model to load."""

from __future__ import annotations

from typing import Final

from pydantic import ConfigDict

from harness.core.plain_numbers import PlainNumbers
from harness.models.spec import Device, DType, ModelSpec

NAMING_FIELDS: Final = frozenset({"model", "base", "revision"})
"""Where a model lies; what it is stands in a run's content, as its fingerprint."""


class ModelOptions(PlainNumbers):
    """The part of a configuration that names a model; `run` and `attack` build on it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: str
    """Directory, hub id, .gguf file, adapter directory, or the bundled smollm2-135m."""
    base: str | None = None
    """Base model of an adapter, where not the one that it names."""
    revision: str | None = None
    """Branch, tag or commit of a hub model."""
    trust_remote_code: bool = False
    """Run Python code that comes with a hub model."""
    dtype: DType = "auto"
    """Number format of the weights; auto: float32 on a CPU, else the checkpoint's."""
    device: Device = "auto"
    """Where the model runs; auto: a GPU where there is one."""

    @property
    def model_spec(self) -> ModelSpec:
        """The model to load, as one record."""
        return ModelSpec(
            name=self.model,
            base=self.base,
            dtype=self.dtype,
            device=self.device,
            revision=self.revision,
            trust_remote_code=self.trust_remote_code,
        )
