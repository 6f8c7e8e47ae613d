"""What a hardening finds in its folder: nothing, itself, another, or the rest of a killed one."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.hardening.folder import STATE, Folder, open_state, place_at, save_state

ASKED = {"steps": 4, "seed": 0}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "ckpt")
    made.work.mkdir()
    return made


def test_what_was_decided_is_found_again(folder: Folder) -> None:
    state = open_state(folder, ASKED, fresh=False)
    decided = save_state(folder, state.model_copy(update={"steps": 3, "cells": 60}))
    assert open_state(folder, ASKED, fresh=False) == decided


def test_a_kill_within_the_first_write_leaves_nothing_in_the_way(folder: Folder) -> None:
    (folder.work / ".ee752f177d29f870.part").write_text("{")
    assert open_state(folder, ASKED, fresh=False).config == ASKED
    assert [path.name for path in folder.work.iterdir()] == [STATE]


def test_fresh_starts_over_and_removes_what_was_there(folder: Folder) -> None:
    state = open_state(folder, ASKED, fresh=False)
    save_state(folder, state.model_copy(update={"reworded": True}))
    (folder.work / "runs").mkdir()
    again = open_state(folder, {**ASKED, "steps": 5}, fresh=True)
    assert again.config["steps"] == 5
    assert not again.reworded
    assert [path.name for path in folder.work.iterdir()] == [STATE]


def test_another_hardening_and_a_damaged_one_are_refused(folder: Folder) -> None:
    open_state(folder, ASKED, fresh=False)
    with pytest.raises(UsageError, match=r"another --steps \(4 there, 5 now\)"):
        open_state(folder, {**ASKED, "steps": 5}, fresh=False)
    for content in ("{", "[]", '{"config": 3}', '{"config": {}, "reworded": "yes"}'):
        (folder.work / STATE).write_text(content)
        with pytest.raises(UsageError) as error:
            open_state(folder, ASKED, fresh=False)
        assert "--fresh" in str(error.value.hint)


@pytest.mark.parametrize("out", ["/", "file", "taken"])
def test_what_can_be_no_checkpoint_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("file", "taken.hardening"):
        Path(name).write_text("")
    with pytest.raises(UsageError, match=r"is a file|has no place beside it"):
        place_at(Path(out))
    assert {path.name for path in tmp_path.iterdir()} == {"file", "taken.hardening"}


def test_the_working_directory_is_a_folder_like_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "ckpt" / "inner"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    assert place_at(Path()).work == tmp_path / "ckpt" / "inner.hardening"
    assert place_at(Path("..")).work == tmp_path / "ckpt.hardening"
