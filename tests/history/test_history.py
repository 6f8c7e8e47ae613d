"""Runs found, indexed and followed; an index that is old, damaged or cannot be written."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.core.errors import NothingToEvaluateError, UnknownNameError, UsageError
from harness.history.answer import Answer, answer, answer_json
from harness.history.folders import forget_folders, remembered_folders
from harness.history.refresh import FILE, History, load_history
from harness.history.select import Selection, parse_since, select_runs
from harness.history.trends import Trend
from tests.history.conftest import save_dated

HARMED = frozenset({"character", "word", "sentence", "semantic"})


def ask(history: History, **wanted: tuple[str, ...]) -> Answer:
    return answer(history, Selection(**wanted))  # type: ignore[arg-type]


def trend(found: Answer, level: str, model: str = "nightly") -> Trend:
    (one,) = [one for one in found.trends if (one.level, one.model) == (level, model)]
    return one


def test_a_change_is_found_where_it_happened_and_nowhere_else(made_runs: Path) -> None:
    found = ask(load_history([made_runs]))
    assert [run.run_id for run in found.runs] == ["run-1", "run-2", "run-2", "run-3", "run-4"]
    word = trend(found, "word")
    assert [step.significant for step in word.steps] == [False, True, False]
    assert all(step.paired for step in word.steps)
    ((change, before, after, level),) = word.change_points
    assert (before.run.run_id, after.run.run_id, level) == ("run-2", "run-3", "word")
    assert change.difference.value == pytest.approx(after.value.value - before.value.value)
    assert word.overall is not None
    assert word.overall.difference.value == pytest.approx(change.difference.value)
    assert not trend(found, "clean").change_points
    assert trend(found, "clean", "org/other").steps == ()


def test_a_trend_s_values_are_the_summary_s(made_runs: Path) -> None:
    found = ask(load_history([made_runs]), tasks=("topic",), levels=("word",))
    summary = json.loads((made_runs / "day-3" / "summary.json").read_text("utf-8"))
    said = summary["tasks"]["topic"]["levels"]["word"]
    point = trend(found, "word").points[2]
    assert (point.value.value, list(point.value.interval or ())) == (
        said["accuracy"],
        said["accuracy_ci"],
    )


def test_drops_are_followed_paired_too(made_runs: Path) -> None:
    found = answer(load_history([made_runs]), Selection(models=("nightly",)), metric="drop")
    assert {one.level for one in found.trends} == HARMED
    change = trend(found, "character").change_points[0]
    assert change.change.paired
    assert change.change.difference.value == pytest.approx(
        change.after.value.value - change.before.value.value, abs=1e-6
    )


def test_all_models_can_be_followed_together(made_runs: Path) -> None:
    found = answer(load_history([made_runs]), Selection(), across_models=True)
    assert {one.model for one in found.trends} == {None}
    assert {len(one.points) for one in found.trends} == {5}


def test_runs_of_other_tasks_are_not_followed_together(tmp_path: Path, made_runs: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(made_runs / "day-1", runs / "one")
    save_dated(runs, 5, examples=8)
    found = ask(load_history([runs]))
    steps = trend(found, "word").steps
    assert [step.paired for step in steps] == [False]  # fewer examples: other cells


def test_a_copy_of_a_run_is_said_to_be_one_and_counts_once(tmp_path: Path, made_runs: Path) -> None:
    runs = tmp_path / "runs"
    for name in ("a", "b"):
        shutil.copytree(made_runs / "day-1", runs / name)
    found = ask(load_history([runs]))
    assert found.copies == {str(runs / "b"): str(runs / "a")}
    assert len(trend(found, "word").points) == 1


def _truncate(run: Path) -> None:
    (run / "run.json").write_text("{")


def _interrupt(run: Path) -> None:
    manifest = json.loads((run / "run.json").read_text("utf-8"))
    (run / "run.json").write_text(json.dumps(manifest | {"status": "incomplete"}))


def _edit(run: Path) -> None:
    path = run / "summary.json"
    path.write_text(path.read_text("utf-8").replace("0.", "0.1", 1), encoding="utf-8")


def _lose(run: Path) -> None:
    (run / "samples.sqlite").unlink()


def _other(run: Path) -> None:
    (run / "run.json").write_text('{"scripts": {}}')


def _nested(run: Path) -> None:
    (run / "run.json").write_text('{"a":' * 100_000)


def _folder(run: Path) -> None:
    (run / "summary.json").unlink()
    (run / "summary.json").mkdir()


@pytest.mark.parametrize(
    ("harm", "state", "why"),
    [
        (_truncate, "broken", "run.json: not JSON"),
        (_interrupt, "unfinished", "its status is 'incomplete'"),
        (_edit, "broken", "summary.json was changed"),
        (_lose, "broken", "samples.sqlite is missing"),
        (_other, "broken", "another program's"),
        (_nested, "broken", "nested too deeply"),
        (_folder, "broken", "summary.json is missing"),
    ],
)
def test_a_run_without_results_is_listed_with_its_reason(
    tmp_path: Path, made_runs: Path, harm: object, state: str, why: str
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(made_runs / "day-1", runs / "whole")
    shutil.copytree(made_runs / "day-2", runs / "harmed")
    load_history([runs])  # it is known as whole already
    assert callable(harm)
    harm(runs / "harmed")
    found = ask(load_history([runs]))
    (other,) = found.others
    assert other.state == state
    assert why in other.reason
    assert str(runs) not in other.reason
    assert [run.run_id for run in found.finished] == ["run-1"]


def test_a_run_that_changed_is_read_again_even_if_its_times_are_kept(
    tmp_path: Path, made_runs: Path
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(made_runs / "day-1", runs / "one")
    before = {path.name: path.stat() for path in (runs / "one").iterdir()}
    load_history([runs])
    for path in (made_runs / "day-2").iterdir():
        shutil.copy(path, runs / "one" / path.name)
        old = before[path.name]
        os.utime(runs / "one" / path.name, ns=(old.st_atime_ns, old.st_mtime_ns))
    (run,) = ask(load_history([runs])).runs
    assert run.run_id == "run-2"


def test_a_run_that_is_gone_is_forgotten_and_one_elsewhere_is_kept(
    tmp_path: Path, made_runs: Path, history_dir: Path
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(made_runs / "day-1", runs / "one")
    load_history([runs])
    load_history([made_runs])
    shutil.rmtree(runs / "one")
    with pytest.raises(NothingToEvaluateError, match="no run stands below"):
        ask(load_history([runs]))
    with closing(sqlite3.connect(history_dir / FILE)) as db:
        assert db.execute("SELECT count(*) FROM runs").fetchone() == (5,)
        assert db.execute("SELECT count(DISTINCT path) FROM scores").fetchone() == (5,)


def _garble(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _scribble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(bytes(content))


def _age(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA user_version = 0")


def _reshape(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("ALTER TABLE runs DROP COLUMN stamp")


def _flip(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE scores SET means = zeroblob(length(means)) WHERE level = 'word'")


@pytest.mark.parametrize("harm", [_garble, _cut, _scribble, _age, _reshape, _flip])
def test_a_damaged_index_is_made_anew_and_said_to_be(
    made_runs: Path, history_dir: Path, harm: object
) -> None:
    whole = answer_json(ask(load_history([made_runs])))
    assert callable(harm)
    harm(history_dir / FILE)
    again = load_history()  # the folders are remembered beside it
    (note,) = again.notes
    assert "made anew" in note
    assert {**answer_json(ask(again)), "notes": []} == whole
    assert load_history().notes == ()


@pytest.mark.parametrize(
    "edit", ["record = replace(record, 'nightly', 'best')", "stamp = CAST(stamp AS BLOB)"]
)
def test_an_edited_row_is_read_again(made_runs: Path, history_dir: Path, edit: str) -> None:
    whole = answer_json(ask(load_history([made_runs])))
    with closing(sqlite3.connect(history_dir / FILE)) as db, db:
        db.execute(f"UPDATE runs SET {edit}")
    assert answer_json(ask(load_history())) == whole


def test_without_a_place_for_the_index_the_answer_is_the_same(
    made_runs: Path, history_dir: Path
) -> None:
    history_dir.write_text("in the way")
    history = load_history([made_runs])
    (note,) = history.notes
    assert "cannot be used" in note
    assert len(ask(history).runs) == 5


def test_folders_are_remembered_until_they_are_forgotten(made_runs: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder of runs is named or remembered"):
        load_history()
    load_history([made_runs / "others"])
    load_history([made_runs])
    assert remembered_folders() == (made_runs.resolve(),)
    (tmp_path / "link").symlink_to(made_runs)
    forget_folders([tmp_path / "link"])
    assert remembered_folders() == ()
    with pytest.raises(UsageError, match="no folder to forget is named"):
        forget_folders([])
    with pytest.raises(UsageError, match="is not remembered"):
        forget_folders([tmp_path])


def test_a_remembered_folder_that_is_away_is_said_to_be_and_its_runs_stay_known(
    tmp_path: Path, made_runs: Path, history_dir: Path
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(made_runs / "day-1", runs / "one")
    load_history([runs])
    runs.rename(tmp_path / "away")
    assert "not looked into" in load_history().notes[0]
    with closing(sqlite3.connect(history_dir / FILE)) as db:
        assert db.execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_links_and_hidden_folders_are_left_out(tmp_path: Path, made_runs: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(made_runs / "day-1", runs / "one")
    shutil.copytree(made_runs / "day-2", runs / ".trash" / "two")
    (runs / "latest").symlink_to(runs / "one")
    (runs / "loop").symlink_to(runs)
    assert [run.run_id for run in load_history([runs]).entries] == ["run-1"]
    assert [run.run_id for run in load_history([runs / "latest"]).entries] == ["run-1"]


def test_models_tasks_and_dates_select(made_runs: Path) -> None:
    entries = load_history([made_runs]).entries

    def days(**wanted: object) -> list[str]:
        return [run.run_id for run in select_runs(entries, Selection(**wanted))]  # type: ignore[arg-type]

    assert days(models=("other",)) == ["run-2"]
    assert days(models=("org/*", "night*")) == ["run-1", "run-2", "run-2", "run-3", "run-4"]
    assert days(since=datetime(2026, 11, 3, tzinfo=UTC)) == ["run-3", "run-4"]
    assert days(tasks=("topic",), models=("nightly",)) == ["run-1", "run-2", "run-3", "run-4"]
    for wanted, kind in (
        (Selection(models=("nightli",)), "model of runs 'nightli'. Did you mean 'nightly'"),
        (Selection(tasks=("topics",)), "task of runs 'topics'. Did you mean 'topic'"),
        (Selection(levels=("words",)), "level of runs 'words'. Did you mean 'word'"),
    ):
        with pytest.raises(UnknownNameError, match=kind):
            select_runs(entries, wanted)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-01", "2026-11-01"),
        ("30d", "2026-10-30"),
        ("2w", "2026-11-15"),
        ("24h", "2026-11-28"),
    ],
)
def test_a_point_in_time(text: str, day: str) -> None:
    now = datetime(2026, 11, 29, tzinfo=UTC)
    assert parse_since(text, now).date().isoformat() == day


@pytest.mark.parametrize("text", ["yesterday", "30", "999999w", "", "2026-13-01", "-3d"])
def test_no_point_in_time(text: str) -> None:
    with pytest.raises(UsageError, match="is no point in time"):
        parse_since(text, datetime(2026, 11, 29, tzinfo=UTC))


def test_names_that_are_no_text_are_said_and_harm_nothing(tmp_path: Path, made_runs: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(made_runs / "day-1", runs / "one")
    try:
        shutil.copytree(made_runs / "day-2", runs / os.fsdecode(b"two\xff"))
    except OSError:
        pytest.skip("this file system takes no such names")
    shutil.copytree(made_runs / "day-3", runs / "three")
    manifest = json.loads((runs / "three" / "run.json").read_text("utf-8"))
    manifest["model"]["name"] = "\ud800" + "n" * 5000
    (runs / "three" / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    history = load_history([runs])
    assert [run.run_id for run in ask(history).finished] == ["run-1"]
    assert "not UTF-8" in history.notes[0]
    assert ask(history).others[0].model.startswith("\\ud800nn")
