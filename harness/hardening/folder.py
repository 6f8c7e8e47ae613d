"""Where the steps of a hardening lie, and what is known of them after a kill.

OUT              the checkpoint: weights, README.md, train.json
OUT.hardening/   hardening.json  what was asked, and what was decided on the way
                 bank.yaml  requests.jsonl  siblings.yaml  tested.jsonl  pairs.jsonl
                 control-pairs.jsonl  control/  plain tuning
                 held-out.yaml  the task in the wordings of the test
                 runs/  before  control  after, and the same on other tasks (also-before …)
                 report.html  report.md  robustness-policy.yaml
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError

from harness.core.atomic import remove_parts, write_json
from harness.core.errors import UsageError
from harness.results.jsonfiles import Json, read_json
from trainers.manifest import MANIFEST

STATE: Final = "hardening.json"
RunName = Literal["before", "control", "after"]


@dataclass(frozen=True, slots=True)
class Folder:
    """The checkpoint's folder, and the one beside it that holds all else."""

    checkpoint: Path

    @property
    def work(self) -> Path:
        """Where everything but the checkpoint lies."""
        return self.checkpoint.with_name(f"{self.checkpoint.name}.hardening")

    def file(self, name: str) -> Path:
        """A file of the work folder."""
        return self.work / name

    def run(self, name: RunName, *, elsewhere: bool = False) -> Path:
        """The directory of a run on the task, or on the other tasks."""
        return self.work / "runs" / (f"also-{name}" if elsewhere else name)


class State(BaseModel):
    """What was asked, and what was decided on the way and is kept when resumed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    config: dict[str, object]
    reworded: StrictBool = False
    """Whether a model has done all of its rewording."""
    steps: int | None = None
    """Of each training, once it is known what fits into the time."""
    cells: int | None = None
    """Of each evaluation, likewise."""


def place_at(out: Path) -> Folder:
    """The folders of a hardening whose checkpoint goes to `out`; nothing is made.

    Raises:
        UsageError: there can be no checkpoint, or no folder beside it.
    """
    place = out if out.name not in ("", "..") else out.resolve()
    if not place.name:
        raise UsageError(
            f"--out {out} has no place beside it.", hint="Type: --out with a new folder."
        )
    folder = Folder(place)
    for one in (folder.checkpoint, folder.work):
        if one.exists() and not one.is_dir():
            raise UsageError(f"{one} is a file.", hint="Type: --out with a new folder.")
    return folder


def open_state(folder: Folder, identity: Json, *, fresh: bool) -> State:
    """The state of this hardening, begun or resumed; the folder is locked already.

    Args:
        folder: where it lies.
        identity: the options that define it, in plain JSON types.
        fresh: start over, and remove what is there.

    Raises:
        UsageError: the folder holds another hardening, or other things.
    """
    path = folder.file(STATE)
    for place in filter(Path.is_dir, (folder.checkpoint, folder.work)):
        remove_parts(place)
    if not (folder.checkpoint / MANIFEST).is_file() and _holds_files(folder.checkpoint):
        raise UsageError(
            f"{folder.checkpoint} holds files and no {MANIFEST}, so it is no checkpoint to resume.",
            hint="Type: --out with a new folder.",
        )
    if fresh and path.is_file():
        _clear(folder)
    if not path.is_file():
        if _holds_files(folder.work):
            raise UsageError(
                f"{folder.work} holds files and no {STATE}, so it is no hardening to resume.",
                hint="Type: --out with a new folder.",
            )
        return save_state(folder, State(config=identity))
    state = _read(path)
    for key, value in identity.items():
        if state.config.get(key) != value:
            raise UsageError(
                f"{folder.work} holds a hardening with another --{key.replace('_', '-')} "
                f"({state.config.get(key)!r} there, {value!r} now).",
                hint="Type: --fresh to start over, or --out with a new folder.",
            )
    return state


def save_state(folder: Folder, state: State) -> State:
    """Write what is known, at once."""
    write_json(folder.file(STATE), state.model_dump(mode="json"))
    return state


def _holds_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _read(path: Path) -> State:
    hint = "Type: --fresh to start over, or --out with a new folder."
    try:
        return State.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{path} is damaged: {where}: {first['msg'].lower()}.", hint=hint
        ) from None
    except UsageError as error:
        raise UsageError(error.message, hint=hint) from None


def _clear(folder: Folder) -> None:
    """Remove what a hardening left, what says that it is one last."""
    for path in folder.work.iterdir():
        if path.name == STATE:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    folder.file(STATE).unlink()
