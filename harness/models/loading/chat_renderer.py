"""Rendering by a process of its own: started when first needed, ended with its owner."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from harness.core.errors import UsageError

_WORKER: Final = Path(__file__).with_name("chat_worker.py")
_PLAIN: Final = "Type --prompt-format plain."


@dataclass(frozen=True, slots=True)
class Limits:
    """What one rendering may take."""

    seconds: float = 5.0
    characters: int = 10_000_000
    memory_bytes: int = 2 * 2**30


class ChatRenderer:
    """Renders one chat template within limits that no template can pass."""

    def __init__(self, source: str, limits: Limits = Limits()) -> None:
        self._source = source
        self._limits = limits
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._end: weakref.finalize | None = None  # type: ignore[type-arg]

    def render(self, variables: Mapping[str, object]) -> str:
        """The text that the template makes of the variables, which are plain JSON.

        Raises:
            UsageError: the template fails, or takes more time, text or memory than it may.
        """
        with self._lock:
            # A forked process must not read what its parent asked for.
            if self._process is None or self._owner != os.getpid():
                self._start()
            return self._ask(variables)

    def _start(self) -> None:
        import jinja2
        import markupsafe

        limits = self._limits
        paths = {str(Path(str(m.__file__)).parents[1]) for m in (jinja2, markupsafe)}
        numbers = (limits.seconds, limits.characters, limits.memory_bytes)
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_WORKER), *map(str, numbers), *sorted(paths)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="ascii",
        )
        self._owner = os.getpid()
        self._end = weakref.finalize(self, _stop, self._process, self._owner)
        self._ask(self._source)

    def _ask(self, question: object) -> str:
        process = cast("subprocess.Popen[str]", self._process)
        try:
            answer = _exchange(process, json.dumps(question))
        except BaseException:  # an interrupt, too: the next answer read would be this one's
            self._forget()
            raise
        if answer is None:
            self._forget()
            raise _refused(f"it {self._why_ended(process)}")
        if "error" in answer:
            if question is self._source:
                self._forget()
            raise _refused(answer["error"])
        return answer["text"]

    def _why_ended(self, process: subprocess.Popen[str]) -> str:
        if process.returncode == -getattr(signal, "SIGALRM", 0):
            return f"takes longer than {self._limits.seconds:g} seconds"
        return "takes too much time or memory"

    def _forget(self) -> None:
        if self._end is not None:
            self._end()
        self._process = None


def _exchange(process: subprocess.Popen[str], question: str) -> dict[str, str] | None:
    """The answer to a question; None where the process has ended."""
    requests, answers = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
    try:
        requests.write(question + "\n")
        requests.flush()
        line = answers.readline()
    except BrokenPipeError:
        line = ""
    if line.endswith("\n"):
        return cast("dict[str, str]", json.loads(line))
    process.wait()
    return None


def _refused(why: str) -> UsageError:
    return UsageError(
        f"the model's chat template rejects the messages: {why.rstrip('.')}.", hint=_PLAIN
    )


def _stop(process: subprocess.Popen[str], owner: int) -> None:
    if owner != os.getpid():
        return  # of the process that this one was forked from
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        try:
            if stream is not None:
                stream.close()
        except OSError:  # something was left unwritten, for a process that is gone
            pass
