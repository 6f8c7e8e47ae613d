"""llama.cpp's server as a process of ours: started, waited for, and ended with its owner."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from harness.core.errors import UsageError

_WORKER: Final = Path(__file__).with_name("llamacpp_worker.py")
_ERROR: Final = re.compile(r"error loading model: (.+)$", re.MULTILINE)
"""What llama.cpp's log says of a file that it can't load."""
_PATIENCE: Final = 5.0
"""Seconds in which a process that was told to end does so."""


@dataclass(frozen=True, slots=True)
class Slots:
    """How much is asked at a time."""

    count: int
    """Prompts in flight; each slot keeps what its last prompt began with."""
    context: int
    """Tokens of the longest prompt with its answer."""
    gpu_layers: int
    """Layers on a GPU: 0 for none, -1 for all that fit."""


@dataclass(frozen=True, slots=True)
class LlamaProcess:
    """A running server: where it is, and the key that it alone knows."""

    url: str
    key: str
    _process: subprocess.Popen[str]
    _owner: int

    def stop(self) -> None:
        """End it and wait for that; nothing happens in a process that was forked from its owner."""
        if self._owner == os.getpid():
            _end(self._process)


def start_llama(path: Path, slots: Slots) -> LlamaProcess:
    """Serve a GGUF file on a free port of this machine, to who knows a key made for it.

    Returns:
        The server, with the model loaded.

    Raises:
        UsageError: llama.cpp can't load the file; the message says why.
    """
    key = secrets.token_hex(16)
    settings = {
        "model": str(path),
        "key": key,
        "slots": slots.count,
        "context": slots.context,
        "gpu_layers": slots.gpu_layers,
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-P", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="ascii",
        )
        try:
            answer = _ask(process, settings)
        except BaseException:  # an interrupt while the model is loaded
            _end(process)
            raise
        if "url" not in answer:
            _end(process)
            raise _not_loaded(path, answer.get("error", ""), log)
    return LlamaProcess(answer["url"], key, process, os.getpid())


def _ask(process: subprocess.Popen[str], settings: dict[str, object]) -> dict[str, str]:
    """What the process says once it has loaded the model; nothing where it died over it."""
    orders, answers = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
    try:
        orders.write(json.dumps(settings) + "\n")
        orders.flush()
        line = answers.readline()
    except BrokenPipeError:
        line = ""
    return cast("dict[str, str]", json.loads(line)) if line.endswith("\n") else {}


def _end(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _not_loaded(path: Path, error: str, log: IO[bytes]) -> UsageError:
    log.seek(0)
    said = _ERROR.search(log.read().decode("utf-8", "replace"))
    reason = said[1].strip() if said else error or "its process ended"
    return UsageError(
        f"llama.cpp can't load {path}: {reason.rstrip('.')}.",
        hint=f"Give another file, or let transformers read it: --model {path}",
    )
