"""Files that are replaced at once: a reader sees the old content or the new, never a part.

The new content goes to a file of an unpredictable name in the same folder, which is made
exclusively (no link that lies there is followed, no file is shared), brought to the disk, and then
takes the target's name. A link of the target's name is replaced, not written through.

A killed process leaves the new file, and the next one that writes in that folder removes it: who
is at work holds a lock on what it writes.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

_PART: Final = re.compile(r"\.[0-9a-f]{16}\.part")
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)
_LOOK: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe would wait


@contextmanager
def replace_file(target: Path) -> Iterator[BinaryIO]:
    """A new file to write, which takes the place of `target` where the block ends well.

    A block that raises leaves the target as it was.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    if _is_stream(target):
        with target.open("wb") as stream:
            yield stream
        return
    _remove_abandoned(target.parent)
    partial, opened = _open_part(target)
    try:
        with os.fdopen(opened, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
    _sync_folder(target.parent)


def write_text(target: Path, text: str | Iterable[str]) -> None:
    """Write a UTF-8 text, whole or in parts, at once; half surrogates are escaped.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    with replace_file(target) as stream:
        for part in (text,) if isinstance(text, str) else text:
            stream.write(part.encode("utf-8", "backslashreplace"))


def write_json(target: Path, content: object) -> None:
    """Write a JSON file at once, indented for people.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    write_text(target, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def is_part(path: Path) -> bool:
    """Whether a file is one that a killed process had not finished."""
    return _PART.fullmatch(path.name) is not None


def remove_parts(folder: Path) -> None:
    """Remove what killed processes had not finished; call it where no other process writes."""
    for path in filter(is_part, folder.iterdir()):
        with suppress(OSError):
            path.unlink()


def reason(error: OSError) -> str:
    """Why a file could not be read or written, in the system's words."""
    return error.strerror or str(error)


def _open_part(target: Path) -> tuple[Path, int]:
    """A new file beside the target, open and locked."""
    while True:
        partial = target.with_name(f".{secrets.token_hex(8)}.part")
        # Opened so that the umask decides who may read it, as for any file.
        opened = os.open(partial, _NEW | _BINARY, 0o666)
        _lock(opened, wait=True)
        if os.fstat(opened).st_nlink:
            return partial, opened
        os.close(opened)  # taken for abandoned before it was locked


def _remove_abandoned(folder: Path) -> None:
    """Remove the unfinished files of processes that are no more."""
    # Only what can be seen, read and locked is known to be nobody's.
    with suppress(OSError):
        for path in filter(is_part, folder.iterdir()):
            with suppress(OSError):
                opened = os.open(path, os.O_RDONLY | _LOOK)
                try:
                    if _lock(opened, wait=False):
                        path.unlink()
                finally:
                    os.close(opened)


def _lock(opened: int, *, wait: bool) -> bool:
    """Lock an open file; returns whether it is, which some file systems and Windows never do."""
    if sys.platform == "win32":
        return False
    import fcntl  # not on Windows

    try:
        fcntl.flock(opened, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _is_stream(target: Path) -> bool:
    """Whether it is a pipe or device, such as /dev/stdout: written to, never replaced."""
    return target.parent == Path("/dev") or (target.exists() and not target.is_file())


def _sync_folder(folder: Path) -> None:
    # Without it a power cut may undo the rename. Some systems open no folders.
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
