"""Which model to load, and how: the one record that every command hands to the loader."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

DType = Literal["auto", "float32", "bfloat16", "float16"]
Device = Literal["auto", "cpu", "cuda", "mps"]
ModelDevice = Literal["auto", "cpu", "cuda", "mps", "split"]
"""Where a model is evaluated; `split` has its layers on several GPUs."""


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """How a served model is asked, and what that may cost."""

    base_url: str | None = None
    """The server's URL, where the model is named as `openai:NAME`."""
    key_env: str | None = None
    """The environment variable that holds the key."""
    timeout: float = 120.0
    """Seconds for one answer."""
    concurrency: int | None = None
    """Requests in flight; None looks for the server's best."""
    price_in: float = 0.0
    """Per million prompt tokens."""
    price_out: float = 0.0
    """Per million generated tokens."""
    max_cost: float | None = None
    """What a run may cost."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as the user names it, and how it is to be loaded.

    Example:
        >>> ModelSpec("smollm2-135m", device="cpu").name
        'smollm2-135m'
    """

    name: str
    """A directory, a hub id, a `.gguf` file, an adapter directory, an alias, `openai:NAME`, the URL
    of a server, or `backend:name`, such as `llama.cpp:FILE` and `vllm:MODEL`."""
    base: str | None = None
    """The base model of an adapter, where the one that it names is not to be used."""
    dtype: DType = "auto"
    """`auto` is float32 on a CPU, else the checkpoint's."""
    device: ModelDevice = "auto"
    revision: str | None = None
    """Branch, tag or commit of a hub id."""
    trust_remote_code: bool = False
    """Whether Python code of the checkpoint may run."""
    server: ServerSpec = field(default_factory=ServerSpec)
    """How it is asked, where a server has it."""
