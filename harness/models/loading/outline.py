"""What can be known of a model without its weights: for a process that has others ask it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from harness.models.backends import BACKENDS
from harness.models.contract import Tokenizer
from harness.models.engines import vllm
from harness.models.fingerprint import fingerprint_model
from harness.models.loading.devices import choose_dtype
from harness.models.loading.load import load_model
from harness.models.loading.source import find_source
from harness.models.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Outline:
    """A model that is not loaded."""

    name: str
    """As the user typed it."""
    spec: ModelSpec
    """As another machine can load it: paths are absolute."""
    tokenizer: Tokenizer
    fingerprint: str
    """Of the files that lie here."""
    base: str | None
    """What was given as the base model of an adapter."""
    bytes_on_cpu: int
    """Of its weights on a machine without a GPU; 0 where that is not known."""


def outline_model(spec: ModelSpec) -> Outline:
    """Read a model's tokenizer and the content of its files; a plug-in's model is loaded.

    Raises:
        UsageError: it can't be loaded.
    """
    backend, _, rest = spec.name.partition(":")
    if rest and backend == vllm.BACKEND:
        return _outline_vllm(spec, rest)
    if rest and backend in BACKENDS:
        model = load_model(spec)
        return Outline(spec.name, spec, model.tokenizer, model.info.fingerprint, model.info.base, 0)
    import torch

    from harness.models.loading.auto_model import architecture_of
    from harness.models.loading.checkpoint import stored_tensors
    from harness.models.loading.pretrained_io import read_config, read_tokenizer
    from harness.models.loading.wrap import wrap_tokenizer

    source, code = find_source(spec), spec.trust_remote_code
    config = read_config(source.directory, code=code)
    tokenizer = wrap_tokenizer(read_tokenizer(source.tokenizer, code=code), architecture_of(config))
    vocabulary = getattr(config.get_text_config(), "vocab_size", None)
    if isinstance(vocabulary, int):
        tokenizer.limit_to(vocabulary)
    dtype = choose_dtype(spec.dtype, torch.device("cpu"), getattr(config, "dtype", None))
    elements = sum(tensor.elements for tensor in stored_tensors(source.directory).values())
    fingerprint = fingerprint_model(
        source.directory, adapter=source.adapter, tokenizer=source.tokenizer
    )
    found = replace(spec, name=_absolute(spec.name), base=spec.base and _absolute(spec.base))
    return Outline(spec.name, found, tokenizer, fingerprint, source.base, elements * dtype.itemsize)


def _outline_vllm(spec: ModelSpec, name: str) -> Outline:
    """Of the files: an engine in this process would hold the memory of a worker's."""
    vllm.check_name(name)
    files = outline_model(replace(spec, name=name))
    return replace(
        files,
        name=spec.name,
        spec=replace(files.spec, name=f"{vllm.BACKEND}:{files.spec.name}"),
        fingerprint=vllm.fingerprint_of(files.fingerprint),
    )


def _absolute(name: str) -> str:
    """The absolute path of what lies here; a hub id or an alias as it is."""
    path = Path(name).expanduser()
    return str(path.resolve()) if path.exists() else name
