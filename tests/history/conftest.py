"""Runs of a model that changed, and an index of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.make_run import TASKS, make_run
from tests.support.saved_runs import save_run


def save_dated(
    folder: Path, day: int, *, model: str = "nightly", strength: float = 1.0, examples: int = 40
) -> Path:
    """A run of two tasks that ended on a day of November."""
    made = make_run("made", model=model, strength=strength, examples=examples, tasks=TASKS[:2])
    date = f"2026-11-{day:02d}T12:00:00+00:00"
    facts = {"run_id": f"run-{day}", "created": date, "finished": date}
    summary = replace(made.summary, run_id=facts["run_id"])
    return save_run(
        replace(made, manifest={**made.manifest, **facts}, summary=summary), folder / f"day-{day}"
    )


@pytest.fixture(autouse=True)
def history_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the history of a test is kept."""
    folder = tmp_path / "data"
    monkeypatch.setenv("HARNESS_HISTORY_DIR", str(folder))
    return folder


@pytest.fixture(scope="session")
def made_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four nightly runs, the last two of them harmed, and one of another model; to be read only."""
    folder = tmp_path_factory.mktemp("made") / "runs"
    for day in (1, 2, 3, 4):
        save_dated(folder, day, strength=1.0 if day < 3 else 5.0)
    save_dated(folder / "others", 2, model="org/other")
    return folder
