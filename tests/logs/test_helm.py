"""HELM's run folders as runs: its perturbations of inputs are variants at a level."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.core.errors import HarnessError
from harness.logs.helm import read_helm
from harness.logs.import_logs import import_logs
from tests.support.foreign_logs import save_helm

TYPOS = {"typos": {"name": "typos", "robustness": True, "prob": 0.1, "computed_on": "perturbed"}}


def test_perturbations_become_levels(tmp_path: Path) -> None:
    folder = save_helm(tmp_path / "mmlu", {"": "yyyn", "typos": "ynnn"}, TYPOS)
    run = import_logs([folder], out=tmp_path / "run").run
    task = run.summary.tasks["mmlu:subject=anatomy"]
    assert task.metric == "quasi_exact_match"
    drop = task.levels["character"].drop
    assert drop is not None
    assert drop.value == 0.5
    assert [(one.perturbation, one.target) for one in run.variant_records] == [
        ("clean", "instruction"),
        ("typos prob=0.1", "input"),
    ]
    assert set(run.samples["prediction"]) == {"right", "wrong"}
    assert set(run.samples["gold"]) == {"right"}
    assert run.examples["input"].tolist()[0] == "question 0"
    assert (run.manifest["config"]["few_shot"], run.manifest["config"]["target"]) == (5, "input")
    assert len(run.manifest["imported"]["files"]) == 3


def test_runs_of_two_models_are_found_below_their_suite(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_helm(tmp_path / "suite" / name, {"": "yn"}, {})
    with pytest.raises(HarnessError, match="are both of 'mmlu:subject=anatomy'"):
        import_logs([tmp_path / "suite"])


def test_a_perturbation_of_no_level_is_asked_for(tmp_path: Path) -> None:
    new = {"new": {"name": "new", "mode": "a"}}
    folder = save_helm(tmp_path / "mmlu", {"": "yn", "new": "nn"}, new)
    with pytest.raises(HarnessError, match="Type: --level LEVEL=new"):
        import_logs([folder])
    run = import_logs([folder], out=tmp_path / "run", levels={"new": "word"}).run
    assert set(run.summary.levels) == {"clean", "word"}


def test_trials_are_one_cell_with_their_mean(tmp_path: Path) -> None:
    folder = save_helm(tmp_path / "mmlu", {"": "yn"}, {})
    for file in ("scenario_state.json", "per_instance_stats.json"):
        content = json.loads((folder / file).read_text())
        rows = content["request_states"] if isinstance(content, dict) else content
        rows[1] = {**rows[1], "train_trial_index": 1}
        if "instance_id" in rows[1]:
            rows[1]["instance_id"] = "id0"
        else:
            rows[1]["instance"]["id"] = "id0"
        (folder / file).write_text(json.dumps(content))
    (log,) = read_helm(folder)
    assert [row.scored["exact_match"].value for row in log.rows] == [0.5]
    assert log.lost == ("a cell's score is the mean of 2 trials",)


def test_folders_that_are_not_whole_are_one_line(tmp_path: Path) -> None:
    folder = save_helm(tmp_path / "mmlu", {"": "yn"}, {})
    (folder / "per_instance_stats.json").write_text('{"a": 1}')
    with pytest.raises(HarnessError, match="a list of rows was expected, not an object"):
        import_logs([folder])
    (folder / "per_instance_stats.json").write_text('[{"stats": []}]')
    with pytest.raises(HarnessError, match="entry 1 has no instance_id"):
        import_logs([folder])
    (folder / "per_instance_stats.json").unlink()
    with pytest.raises(HarnessError, match=r"has no per_instance_stats\.json"):
        import_logs([folder])
    (folder / "scenario_state.json").unlink()
    with pytest.raises(HarnessError, match="holds no log"):
        import_logs([folder])
