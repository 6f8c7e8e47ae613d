"""The folders whose runs the history shows where none is named: those that were named before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from harness.core.atomic import write_json
from harness.core.errors import UsageError
from harness.history.index import history_dir
from harness.results.jsonfiles import read_json


def remembered_folders() -> tuple[Path, ...]:
    """The folders named so far; none where the file that says so is damaged."""
    try:
        listed = read_json(_file()).get("folders")
    except UsageError:
        return ()
    texts = listed if isinstance(listed, list) else []
    return tuple(Path(text) for text in texts if isinstance(text, str))


def remember_folders(folders: Iterable[Path]) -> None:
    """Remember folders besides those that are known; a folder below another is not needed."""
    known = dict.fromkeys([*remembered_folders(), *folders])
    _write(one for one in known if not any(one.is_relative_to(up) for up in known if up != one))


def forget_folders(folders: Sequence[Path]) -> None:
    """Forget folders, which may be gone already.

    Raises:
        UsageError: no folder is named, or one that is not remembered.
    """
    known = remembered_folders()
    listed = ", ".join(map(str, known)) or "none"
    if not folders:
        raise UsageError("no folder to forget is named.", hint=f"Remembered: {listed}.")
    for folder in folders:
        if not {folder.absolute(), folder.resolve()} & set(known):
            raise UsageError(f"{folder} is not remembered.", hint=f"Remembered: {listed}.")
    gone = {path for folder in folders for path in (folder.absolute(), folder.resolve())}
    _write(one for one in known if one not in gone)


def _write(folders: Iterable[Path]) -> None:
    # A folder of data that cannot be written costs the memory alone, not the answer.
    with suppress(OSError):
        _file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_json(_file(), {"folders": [str(folder) for folder in folders]})


def _file() -> Path:
    return history_dir() / "folders.json"
