"""The points at which a job writes, found by interposition, and the death at one of them."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

KILLED = 77
_CHANGES = {
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "os.link",
    "os.symlink",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_STATEMENTS = re.compile(
    r"\s*(BEGIN|COMMIT|CREATE|DELETE|PRAGMA journal|PRAGMA wal)", re.IGNORECASE
)


@dataclass
class Points:
    """The points of one process, and the one at which it is killed."""

    folder: str = ""
    kill_at: int = 0
    seen: list[str] = field(default_factory=list)

    def reach(self, what: str, *, before_exit: Callable[[], None] | None = None) -> None:
        """Note a point, and die at the one that was chosen."""
        self.seen.append(what)
        if len(self.seen) == self.kill_at:
            if before_exit:
                before_exit()
            os._exit(KILLED)


POINTS: Final = Points()
"""Of this process."""


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    """What Python's audit events are handed to."""
    if not POINTS.folder:
        return
    path = str(arguments[0]) if arguments else ""
    if not path.startswith(POINTS.folder):
        return
    if event in _CHANGES or (event == "open" and (arguments[2] or 0) & _WRITING):
        POINTS.reach(f"{event} {Path(path).name}")


def _statement(text: str) -> None:
    if _STATEMENTS.match(text):
        POINTS.reach(f"sqlite {text.split('(', maxsplit=1)[0].strip()[:30]}")


def watch_sqlite() -> None:
    """Make every statement that writes a point."""
    connect = sqlite3.connect

    def watched(database: Any, *arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(database, *arguments, **options)
        if POINTS.folder and POINTS.folder in str(database) and "mode=ro" not in str(database):
            POINTS.reach(f"opened {Path(database).name}")
            connection.set_trace_callback(_statement)
        return connection

    sqlite3.connect = watched  # type: ignore[assignment]


def watch_safetensors() -> None:
    """Make every file of weights two points: before it, and half way through it."""
    import safetensors.torch

    save = safetensors.torch.save_file

    def watched(tensors: Any, filename: Any, metadata: Any = None) -> None:
        path = Path(filename)
        watched_here = str(path).startswith(POINTS.folder or "\0")
        if watched_here:
            POINTS.reach(f"save {path.name}")
        save(tensors, filename, metadata)
        if watched_here:
            half = path.stat().st_size // 2
            POINTS.reach(f"half of {path.name}", before_exit=lambda: os.truncate(path, half))

    safetensors.torch.save_file = watched
