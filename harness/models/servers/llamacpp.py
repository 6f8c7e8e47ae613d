"""`llama.cpp:FILE`: a GGUF file as it is stored, run by llama.cpp in a process of ours."""

from __future__ import annotations

import importlib.util
import json
import os
import weakref
from dataclasses import fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

from harness.core.errors import MissingPackageError, UsageError
from harness.models.contract import Offer
from harness.models.file_hashes import hash_files, hash_text
from harness.models.loading.bundled import BUNDLED, find_bundled
from harness.models.loading.gguf import check_gguf, trained_context
from harness.models.servers.address import Address
from harness.models.servers.client import Client, Patience
from harness.models.servers.llamacpp_process import Slots, start_llama
from harness.models.servers.load import assemble, probe_server
from harness.models.servers.model import ServedModel
from harness.models.servers.pace import Pace
from harness.models.spec import ModelSpec

BACKEND: Final = "llama.cpp"
_PACKAGE: Final = "xllamacpp"
_OPTIONS: Final = ("name", "device", "server")
"""What may be said of such a model; its numbers are as they are stored."""
_MOST_SLOTS: Final = 4
_MOST_CONTEXT: Final = 8192
"""Tokens per slot: memory is taken for all of them at the start."""
_TIMEOUT: Final = 3600.0
"""Seconds for one answer: a large model reads a long prompt for minutes on few cores."""


def load_llama_cpp(spec: ModelSpec) -> ServedModel:
    """The model of a GGUF file, its weights quantised as they are stored.

    Args:
        spec: its name is the file, or a bundled model's alias.

    Raises:
        MissingPackageError: xllamacpp isn't installed.
        UsageError: no whole GGUF file is there, llama.cpp can't load it, or an option says how to
            load what is converted.
    """
    _check_options(spec)
    path = find_file(spec.name)
    if importlib.util.find_spec(_PACKAGE) is None:
        raise MissingPackageError(
            _PACKAGE,
            needed_for="a model that llama.cpp runs",
            install="pip install 'robustness-harness[llamacpp]'",
        )
    check_gguf(path)
    slots = Slots(
        count=min(os.cpu_count() or 1, _MOST_SLOTS),
        context=min(trained_context(path) or _MOST_CONTEXT, _MOST_CONTEXT),
        gpu_layers=0 if spec.device == "cpu" else -1,
    )
    return _serve(spec, path, slots)


def _check_options(spec: ModelSpec) -> None:
    plain = ModelSpec(spec.name)
    for one in fields(ModelSpec):
        if one.name not in _OPTIONS and getattr(spec, one.name) != getattr(plain, one.name):
            option = f"--{one.name.replace('_', '-')}"
            raise UsageError(
                f"{option} says how to load a model, and {BACKEND}:{spec.name} is run as it is "
                "stored.",
                hint=f"Leave out {option}.",
            )


def find_file(name: str) -> Path:
    """The GGUF file that stands behind the colon.

    Raises:
        UsageError: there is none.
    """
    path = find_bundled(name) if name in BUNDLED else Path(name).expanduser().resolve()
    if not path.is_file() or path.suffix != ".gguf":
        found = "is no .gguf file" if path.exists() else "is not there"
        raise UsageError(
            f"--model {BACKEND}:{name}: {path} {found}.",
            hint=f"Type: --model {BACKEND}:FILE.gguf",
        )
    return path


def _serve(spec: ModelSpec, path: Path, slots: Slots) -> ServedModel:
    process = start_llama(path, slots)
    try:
        address = Address(f"{process.url}/v1", None, process.key)
        client = Client(address, Patience(_TIMEOUT), pace=Pace(slots.count))
        served, dialect, offer = probe_server(client)
        model = assemble(spec, client, served, dialect, offer)
    except BaseException:
        process.stop()
        raise
    weakref.finalize(model, process.stop)
    model.info = replace(
        model.info,
        name=f"{BACKEND}:{spec.name}",
        kind=BACKEND,
        path=str(path),
        fingerprint=_fingerprint(path, offer),
        device="cpu" if spec.device == "cpu" else "auto",
        max_context=slots.context,
    )
    model.notes[:] = [
        f"{path.name} is run by llama.cpp ({_PACKAGE} {version(_PACKAGE)}) as it is stored "
        f"({model.info.dtype}), {slots.count} prompts at a time."
    ]
    return model


def _fingerprint(path: Path, offer: Offer) -> str:
    """A hash of the file and of what runs it: another release may round otherwise."""
    parts = [BACKEND, version(_PACKAGE), hash_files([path])[path], offer.way, offer.prompt]
    return hash_text(json.dumps(parts))
