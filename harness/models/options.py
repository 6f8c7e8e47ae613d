"""The options by which a command's user says which model to load."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import ConfigDict, Field

from harness.core.plain_numbers import PlainNumbers
from harness.models.spec import DType, ModelDevice, ModelSpec, ServerSpec

SERVER_FIELDS: Final = (
    "base_url", "key_env", "concurrency", "timeout", "price_in", "price_out", "max_cost",
)  # fmt: skip
"""How a server is asked; what it answers does not hang on them."""
NAMING_FIELDS: Final = frozenset({"model", "base", "revision", *SERVER_FIELDS})
"""Where a model lies; what it is stands in a run's content, as its fingerprint."""
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ModelOptions(PlainNumbers):
    """The part of a configuration that names a model; `run` and `attack` build on it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: str
    """Directory, hub id, .gguf file, adapter directory, the bundled smollm2-135m, a .gguf file as
    it is stored (llama.cpp:FILE), a checkpoint or adapter that vLLM runs (vllm:MODEL), or a model
    of a server: openai:NAME, or the URL of one that has one model."""
    base: str | None = None
    """Base model of an adapter, where not the one that it names."""
    revision: str | None = None
    """Branch, tag or commit of a hub model."""
    trust_remote_code: bool = False
    """Run Python code that comes with a hub model."""
    dtype: DType = "auto"
    """Number format of the weights; auto: float32 on a CPU, else the checkpoint's."""
    device: ModelDevice = "auto"
    """Where the model runs; auto: a GPU where there is one; split: its layers on all GPUs, for one
    that is too large for any."""
    base_url: str | None = None
    """URL of the server of openai:NAME. Default: OPENAI_BASE_URL, or OpenAI's."""
    key_env: str | None = None
    """Environment variable that holds the server's key. Default: OPENAI_API_KEY for openai:NAME."""
    concurrency: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Requests in flight. Default: as many as make the server faster."""
    timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 120.0
    """Seconds to wait for one answer of a server."""
    price_in: Price = 0.0
    """Price of a million prompt tokens."""
    price_out: Price = 0.0
    """Price of a million generated tokens."""
    max_cost: Price | None = None
    """Stop, to be resumed, once a run has cost so much by these prices."""

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
            server=ServerSpec(**{name: getattr(self, name) for name in SERVER_FIELDS}),
        )
