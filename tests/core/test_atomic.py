"""Files written at once: links, names, half-written content, and what a failure leaves."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core import atomic
from harness.results.rundir import RunDirectory
from tests.support.make_run import make_run


def test_a_failed_write_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "report.md"
    target.write_text("old")

    def parts() -> object:
        yield "new"
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        atomic.write_text(target, parts())  # type: ignore[arg-type]
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_in_the_place_of_the_target_is_replaced_not_followed(tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", tmp_path / "report.md"
    victim.write_text("precious")
    target.symlink_to(victim)
    atomic.write_text(target, "report")
    assert victim.read_text() == "precious"
    assert not target.is_symlink()


def test_a_link_of_the_temporary_name_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "0" * 16)
    victim, link = tmp_path / "victim", tmp_path / f".{'0' * 16}.part"
    victim.write_text("precious")
    link.symlink_to(victim)
    with pytest.raises(FileExistsError):
        atomic.write_text(tmp_path / "report.md", "report")
    assert victim.read_text() == "precious"
    assert link.is_symlink()


def test_two_writes_use_two_names(tmp_path: Path) -> None:
    target = tmp_path / "x"
    with atomic.replace_file(target) as one, atomic.replace_file(target) as two:
        assert one.name != two.name
        assert len([path for path in tmp_path.iterdir() if atomic.is_part(path)]) == 2
    assert list(tmp_path.iterdir()) == [target]


def test_the_umask_decides_who_may_read(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        atomic.write_json(tmp_path / "x.json", {"a": 1})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.json").stat().st_mode) == 0o640


def test_half_surrogates_are_still_json(tmp_path: Path) -> None:
    atomic.write_json(tmp_path / "x.json", {"text": "a\udc80é"})
    assert json.loads((tmp_path / "x.json").read_bytes()) == {"text": "a\udc80é"}


def test_what_a_kill_leaves_is_removed_and_nothing_else(tmp_path: Path) -> None:
    mine = tmp_path / ".0123456789abcdef.part"
    others = [tmp_path / name for name in (".run.json.part", "x.part", ".0123.part", "a")]
    for path in (mine, *others):
        path.write_text("")
    atomic.remove_parts(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_a_write_removes_what_a_killed_one_left_and_not_what_a_living_one_writes(
    tmp_path: Path,
) -> None:
    target, other = tmp_path / "bank.yaml", tmp_path / "other.yaml"
    (tmp_path / f".{'0' * 16}.part").write_text("half")
    os.mkfifo(tmp_path / f".{'1' * 16}.part")  # opened to be looked at, it must not wait
    with atomic.replace_file(other) as living:
        living.write(b"whole")
        atomic.write_text(target, "new")
    assert sorted(tmp_path.iterdir()) == [target, other]
    assert other.read_text() == "whole"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        atomic.write_text(pipe, "report")
        assert os.read(reader, 100) == b"report"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def _write_run_file(folder: Path) -> Path:
    RunDirectory(folder).write_json("run.json", {})
    return folder / "run.json"


def _write_report(folder: Path) -> Path:
    from reports import render

    return render([make_run()], ("md",), folder)["md"]


def _write_pairs(folder: Path) -> Path:
    from trainers.pairs.record import write_pairs

    write_pairs(folder / "pairs.jsonl", [])
    return folder / "pairs.jsonl"


@pytest.mark.parametrize("write", [_write_run_file, _write_report, _write_pairs])
def test_no_writer_uses_a_name_that_can_be_guessed(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    names = ("run.json", "report.md", "pairs.jsonl")
    for name in names:
        (tmp_path / f".{name}.part").symlink_to(victim)
    assert write(tmp_path).is_file()
    assert victim.read_text() == "precious"
