"""A run in Python: its frames, its table and its charts."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

import harness
from harness.api.results import Run, to_run
from harness.core.errors import IncompleteRunError, UnknownNameError, UsageError
from harness.results import rundir
from tests.support.make_run import TASKS, make_run
from tests.support.saved_runs import save_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    made = make_run(tasks=TASKS[:2], examples=12)
    return harness.load_run(save_run(made, tmp_path_factory.mktemp("runs") / "base"))


def unfinished(folder: Path, run: Run) -> Path:
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({**run.manifest, "status": "running"}), "utf-8")
    return folder


def test_the_frame_of_levels_is_summary_json(run: Run) -> None:
    levels = run.summary.to_json()["levels"]
    assert list(run.levels.index) == list(levels)
    for level, block in levels.items():
        row = run.levels.loc[level]
        assert row["accuracy"] == block["accuracy"]
        assert [row["accuracy_low"], row["accuracy_high"]] == block["accuracy_ci"]
    assert run.levels.loc[["clean"], ["drop", "drop_low"]].isna().all(axis=None)


def test_tasks_and_perturbations_have_the_same_columns(run: Run) -> None:
    assert list(run.tasks.columns) == list(run.perturbations.columns) == list(run.levels.columns)
    assert run.tasks.index.names == ["task", "level"]
    assert set(run.tasks.index.get_level_values("task")) == {task.name for task in TASKS[:2]}
    assert run.perturbations["cells"]["keyboard"] > 0


class Cells(HTMLParser):
    """The texts of a table's cells, and every tag that is met."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_notebook_shows_the_headline_and_every_level_with_intervals(run: Run) -> None:
    page = Cells()
    page.feed(run._repr_html_() or "")
    assert [text for text in page.texts if text in run.levels.index] == list(run.levels.index)
    assert page.texts.count("95% interval") == 2
    low, high = (run.levels[f"accuracy_{end}"]["clean"] for end in ("low", "high"))
    assert f"[{100 * low:.1f}, {100 * high:.1f}]" in page.texts


def test_names_are_never_markup(run: Run, tmp_path: Path) -> None:
    made = make_run(tasks=TASKS[:1], examples=12, model="<script>alert(1)</script>\x1b[2J")
    page = Cells()
    shown = harness.load_run(save_run(made, tmp_path / "run"))
    page.feed(shown._repr_html_() or "")
    assert "script" not in page.tags
    assert "<script>" in "".join(page.texts)
    assert "\x1b" not in "".join(page.texts) + str(shown)


def test_what_a_console_shows(run: Run) -> None:
    assert repr(run) == f"Run({str(run.path)!r}: SmolLM2-135M-Instruct, 2 tasks, complete)"
    lines = str(run).splitlines()
    assert [line.split()[0] for line in lines[1:7]] == ["level", *run.levels.index]
    assert lines[-1] == str(run.path)


def test_an_unfinished_run_can_still_be_looked_at(run: Run, tmp_path: Path) -> None:
    folder = unfinished(tmp_path / "half", run)
    with pytest.raises(IncompleteRunError):
        harness.load_run(folder)
    half = harness.load_run(folder, partial=True)
    assert repr(half).endswith("running)")
    assert half._repr_html_() is None
    assert repr(Run(tmp_path / "nothing")).endswith("no run)")


@pytest.mark.parametrize("chart", ["levels", "tasks", "perturbations", "consistency", "variants-2"])
def test_charts_stand_alone(run: Run, chart: str) -> None:
    drawn = run.plot(chart).to_dict()
    layout = json.dumps({key: value for key, value in drawn.items() if key != "datasets"})
    assert "var(--" not in layout
    assert drawn["title"]["text"]
    assert any(drawn["datasets"].values())
    assert run.plot(chart)._repr_mimebundle_()


def test_a_chart_is_drawn(run: Run, tmp_path: Path) -> None:
    run.plot().save(str(tmp_path / "levels.svg"))
    drawn = (tmp_path / "levels.svg").read_text("utf-8")
    assert "character" in drawn


def test_an_unknown_chart(run: Run) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown chart 'level'\. Did you mean 'levels'"):
        run.plot("level")


def test_a_run_is_taken_as_itself_or_by_its_directory(run: Run) -> None:
    assert to_run(run) is run
    plain = to_run(rundir.Run(run.path))
    assert isinstance(plain, Run)
    assert to_run(str(run.path)).path == run.path
    with pytest.raises(UsageError, match="Did you mean 'base'"):
        to_run(run.path.with_name("bass"))
