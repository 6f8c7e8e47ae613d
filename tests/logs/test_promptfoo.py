"""promptfoo's results as runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import HarnessError
from harness.logs.import_logs import import_logs
from harness.logs.promptfoo import read_promptfoo
from tests.support.foreign_logs import promptfoo_results, promptfoo_row

ROWS = [
    *(promptfoo_row(0, test, "Paris", score) for test, score in enumerate((1, 1, 0.5, 0))),
    *(promptfoo_row(1, test, "Lyon", score) for test, score in enumerate((1, 0, 0, 0))),
]


def _save(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_prompts_of_a_file_are_variants_of_one_task(tmp_path: Path) -> None:
    path = _save(tmp_path / "out.json", promptfoo_results(ROWS))
    run = import_logs([path], out=tmp_path / "run", levels={"polite": "sentence"}).run
    task = run.summary.tasks["capitals"]
    means = {name: stats.accuracy for name, stats in task.levels.items()}
    assert {name: one.value for name, one in means.items() if one} == {
        "clean": 0.5,
        "sentence": 0.25,
    }
    assert task.metric == "success"
    assert [one.text for one in run.variant_records] == [
        "plain: capital of {{country}}?",
        "polite: capital of {{country}}?",
    ]
    assert run.examples["input"].tolist()[0] == "country: France"
    assert set(run.examples["gold"]) == {"X"}
    assert run.manifest["imported"]["version"] == "0.118.0"


def test_scores_between_are_kept_under_their_name(tmp_path: Path) -> None:
    path = _save(tmp_path / "out.json", promptfoo_results(ROWS[:4]))
    run = import_logs([path], out=tmp_path / "run", metric="score").run
    assert list(run.samples["score"]) == [1, 1, 0.5, 0]
    assert run.summary.tasks["capitals"].metric == "score"


def test_an_error_of_the_provider_is_no_wrong_answer(tmp_path: Path) -> None:
    rows = [*ROWS[:3], promptfoo_row(0, 3, None, 0, error="503 from the server")]
    imported = import_logs([_save(tmp_path / "out.json", promptfoo_results(rows))])
    assert len(imported.run.samples) == 3
    assert any("1 rows ended in an error" in one for one in imported.lost)
    assert any("1 of 4 rows of plain have no number" in one for one in imported.lost)


def test_repeats_of_a_test_are_one_cell_with_their_mean(tmp_path: Path) -> None:
    again = [{**ROWS[0], "testIdx": 7, "success": False}, {**ROWS[0], "testIdx": 8}]
    content = promptfoo_results([ROWS[0], *again])
    (log,) = read_promptfoo(_save(tmp_path / "out.json", content))
    assert [row.example for row in log.rows] == ["0"]
    assert log.rows[0].scored["success"].value == pytest.approx(2 / 3)
    assert log.lost == ("a cell's score is the mean of up to 3 repeats of a test",)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_two_providers_are_two_models_and_prompts_called_alike_are_numbered(tmp_path: Path) -> None:
    rows = [ROWS[0], promptfoo_row(2, 0, "Rome", 0), promptfoo_row(1, 0, "Oslo", 1)]
    rows[2]["provider"] = {"id": "openai:large"}
    logs = read_promptfoo(_save(tmp_path / "out.json", promptfoo_results(rows)))
    assert [(log.model, log.name) for log in logs] == [
        ("openai:small", "plain (1)"),
        ("openai:large", "polite"),
        ("openai:small", "plain (3)"),
    ]
    with pytest.raises(HarnessError, match="of 2 models: openai:large, openai:small"):
        import_logs([tmp_path / "out.json"])


def test_tests_without_a_place_are_known_by_their_variables(tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "testIdx"} for row in (*ROWS[:2], *ROWS[4:6])]
    one, two = read_promptfoo(_save(tmp_path / "out.json", promptfoo_results(rows)))
    assert [row.example for row in one.rows] == [row.example for row in two.rows]
    assert len({row.example for row in one.rows}) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (promptfoo_results(ROWS, version=2), "version 2; 3 is read"),
        (promptfoo_results([]), "holds no result"),
        (promptfoo_results([{**ROWS[0], "promptIdx": None}]), "result 1 does not say its prompt"),
        (
            promptfoo_results([{**ROWS[0], "success": 7, "score": -1, "namedScores": 3}]),
            "no metric",
        ),
        (
            promptfoo_results(
                [
                    {
                        **ROWS[0],
                        "testCase": {"assert": [{"type": {}}]},
                        "success": 2,
                        "score": 9,
                        "namedScores": None,
                    }
                ]
            ),
            "no metric",
        ),
        ({"results": {"results": "x", "version": 3}}, "a list of rows was expected, not a string"),
        ({"some": "file"}, "is no log that is known"),
    ],
)
def test_files_that_make_no_run_are_one_line(
    tmp_path: Path, content: dict[str, Any], message: str
) -> None:
    with pytest.raises(HarnessError, match=message):
        import_logs([_save(tmp_path / "out.json", content)])
