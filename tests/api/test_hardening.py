"""`harness harden` as a whole, on a tiny model that can learn its task in seconds."""

from __future__ import annotations

import inspect
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

import harness
from harness.api.hardening_data import check_enough
from harness.api.training import run_training
from harness.cli.app import run as command
from harness.core.errors import IncompleteRunError, NothingToEvaluateError, UsageError
from harness.hardening.config import HardenConfig
from harness.hardening.split import Wording
from harness.tasks.paraphrase_bank import Bank
from tests.support.hardening_task import (
    INSTRUCTIONS,
    SMALL,
    write_place,
    write_rows,
    write_task,
)
from trainers.config import TrainConfig
from trainers.train import TrainResult

LEVELS = ("perturbed", "clean", "character", "word", "sentence", "semantic")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model, a task, rows of it to train on, and another task."""
    folder = tmp_path_factory.mktemp("harden")
    write_place(folder)
    write_task(folder / "other.yaml", INSTRUCTIONS[:1])
    return folder


@pytest.fixture(autouse=True)
def _private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))


def harden(place: Path, out: Path, *, task: str = "red.yaml", **options: Any) -> Any:
    given = {"train": place / "train.jsonl", **SMALL, **options}
    return harness.harden(place / "model", place / task, out=out, **given)


@pytest.fixture(scope="module")
def interrupted(place: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The checkpoint of a hardening that was stopped before plain tuning, and its age."""
    out = tmp_path_factory.mktemp("done") / "ckpt"

    def stopped(config: TrainConfig, **given: Any) -> TrainResult:
        if config.out.name == "control":
            raise KeyboardInterrupt
        return run_training(config, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.api.hardening_runs.run_training", stopped)
        with pytest.raises(KeyboardInterrupt):
            harden(place, out, also=str(place / "other.yaml"))
    return out, (out / "model.safetensors").stat().st_mtime


@pytest.fixture(scope="module")
def hardened(place: Path, interrupted: tuple[Path, float]) -> Any:
    """The same call, which ends it."""
    return harden(place, interrupted[0], also=str(place / "other.yaml"))


def test_every_option_is_a_keyword_with_its_default() -> None:
    parameters = dict(inspect.signature(harness.harden).parameters)
    parameters.pop("progress")
    ours = {
        name: None if one.default is inspect.Parameter.empty else one.default
        for name, one in parameters.items()
    }
    fields = {
        name: None if field.get_default() is PydanticUndefined else field.get_default()
        for name, field in HardenConfig.model_fields.items()
    }
    assert ours == fields


@pytest.mark.slow
def test_what_a_model_learnt_is_measured_and_the_card_says_so(hardened: Any) -> None:
    changes = {(one.metric, one.level): one for one in hardened.outcome.task}
    assert {level for metric, level in changes if metric == "accuracy"} == set(LEVELS)
    found = changes["accuracy", "perturbed"]
    runs = hardened.runs
    assert found.gain.value == pytest.approx(found.after - found.before)
    assert found.over_control.value == pytest.approx(found.after - found.control)
    assert found.after > 0.8
    assert found.gain.value > 0.3
    assert runs["after"].summary.levels["clean"].accuracy.value == pytest.approx(
        changes["accuracy", "clean"].after
    )
    card = (hardened.out / "README.md").read_text("utf-8")
    assert card.index("## What was gained and lost") < card.index("## Objective")
    assert f"| accuracy | all perturbed | {found.before:.1%} | {found.after:.1%} |" in card
    assert "| other | clean |" in card
    assert hardened.power in card
    assert (hardened.out / "model.safetensors").is_file()
    assert set(hardened.frame["level"]) == set(LEVELS)


@pytest.mark.slow
def test_nothing_that_is_tested_was_trained_on(hardened: Any) -> None:
    pairs = [
        json.loads(line) for line in (hardened.work / "pairs.jsonl").read_text("utf-8").splitlines()
    ]
    variants = hardened.runs["after"].variants
    asked = set(variants["text"]) | set(variants["original"])
    assert not asked & {text for pair in pairs for text in (pair["original"], pair["paraphrase"])}
    assert not set(variants["perturbation"]) & {pair["perturbation"] for pair in pairs}
    control = (hardened.work / "control-pairs.jsonl").read_text("utf-8").splitlines()
    plain = [json.loads(line) for line in control]
    assert [p["input"] for p in plain] == [p["input"] for p in pairs]
    assert len({(p["original"], p["paraphrase"]) for p in plain}) == 1


@pytest.mark.slow
def test_the_policy_holds_for_what_was_reached(hardened: Any) -> None:
    after = hardened.runs["after"]
    assert harness.check(after, after, policy=hardened.policy).passed


@pytest.mark.slow
def test_the_same_call_goes_on_where_it_was_and_another_is_refused(
    hardened: Any, interrupted: tuple[Path, float], place: Path
) -> None:
    assert (hardened.out / "model.safetensors").stat().st_mtime == interrupted[1]
    with pytest.raises(UsageError, match=r"another steps \(40 there, 41 now\)"):
        harden(place, hardened.out, steps=41)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        {"choices": {"field": "options", "gold": "answer"}, "labels": None},
        {"answer": {"field": "label", "grader": "exact"}, "labels": None},
    ],
    ids=["choices", "answer"],
)
def test_other_kinds_are_trained_and_a_model_that_guesses_is_said_to(
    kind: dict[str, object], place: Path, tmp_path: Path
) -> None:
    shutil.copytree(place / "model", tmp_path / "model")
    asked = {"options": ["red", "blue"], "answer": 0}
    for name, numbers in (("train", range(0, 40)), ("test", range(100, 112))):
        rows = [
            {"text": f"thing {n}", "label": ("yes", "no")[n % 2], **asked, "answer": n % 2}
            for n in numbers
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(text, "utf-8")
    write_task(tmp_path / "kind.yaml", more=kind)
    with pytest.raises(IncompleteRunError, match=r"not clearly above .* The checkpoint is kept"):
        harden(tmp_path, tmp_path / "ckpt", task="kind.yaml", steps=1, limit=4, cells=60)
    assert (tmp_path / "ckpt" / "model.safetensors").is_file()
    assert not (tmp_path / "ckpt.hardening" / "control").exists()


def test_rows_that_are_tested_are_left_out_and_too_few_are_refused(
    place: Path, tmp_path: Path
) -> None:
    with pytest.raises(NothingToEvaluateError, match=r"0 of 40 rows.*the task evaluates"):
        harden(place, tmp_path / "a", train=place / "test.jsonl")
    rows = write_rows(tmp_path / "few.jsonl", [*range(4), *range(100, 110)])
    with pytest.raises(NothingToEvaluateError, match=r"4 of 14 rows.*8 are needed.*other 10"):
        harden(place, tmp_path / "a", train=rows)
    one_label = write_rows(tmp_path / "one.jsonl", range(0, 60, 2))
    with pytest.raises(NothingToEvaluateError, match="all 30 rows have the answer 'yes'"):
        harden(place, tmp_path / "a", train=one_label)
    assert not (tmp_path / "a.hardening").exists()


def test_too_few_wordings_and_no_reworder_say_how_many_are_needed(
    place: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"1 wordings .* 7 are needed") as error:
        harden(place, tmp_path / "a", task="other.yaml")
    assert not (tmp_path / "a.hardening").exists()
    assert "reworder" in str(error.value.hint)


def test_what_a_reworder_made_is_counted_where_it_is_too_little() -> None:
    bank = Bank(task=None, instructions={"a": "Is it red?"}, paraphrases={"a": ("Red or not?",)})
    wordings = [Wording("Is it red?", "a"), Wording("Red or not?", "a")]
    said = "of what big made .* 1 passed the filters; there are 2 wordings, and 7 are needed"
    with pytest.raises(UsageError, match=said) as told:
        check_enough(wordings, bank, "big")
    assert "a sentence each" in str(told.value.hint)
    check_enough(wordings * 4, bank, "big")


@pytest.mark.parametrize(
    ("model", "message"),
    [("openai:big", "only a model on this machine"), ("nowhere/at-all", "nowhere/at-all")],
)
def test_a_model_that_cannot_be_trained_is_refused_before_anything_is_written(
    model: str, message: str, place: Path, tmp_path: Path
) -> None:
    task, rows = place / "red.yaml", place / "train.jsonl"
    with pytest.raises(UsageError, match=message):
        harness.harden(model, task, rows, tmp_path / "a")
    assert not (tmp_path / "a.hardening").exists()


def test_a_conversation_which_pairs_cannot_hold_is_refused(place: Path, tmp_path: Path) -> None:
    task = write_task(place / "talk.yaml", more={"messages": "talk"})
    with pytest.raises(UsageError, match="has 'messages'"):
        harden(place, tmp_path / "a", task=task.name)


def test_another_task_that_is_not_there_is_refused_at_once(place: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown task 'nosuch'"):
        harden(place, tmp_path / "a", also="nosuch")


def test_other_files_in_the_way_are_left_alone(place: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"b holds files and no train\.json"):
        harden(place, tmp_path / "b", fresh=True)
    (tmp_path / "a.hardening").mkdir()
    (tmp_path / "a.hardening" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds files and no hardening\.json"):
        harden(place, tmp_path / "a", fresh=True)
    assert (tmp_path / "a.hardening" / "mine.txt").read_text() == "mine"


@pytest.mark.slow
def test_the_dry_run_measures_and_writes_nothing(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["harden", "--model", str(place / "model"), "--task", str(place / "red.yaml"),
            "--train", str(place / "train.jsonl"), "--out", str(tmp_path / "ckpt"),
            "--reworder", "none", "--max-length", "512", "--device", "cpu", "--limit", "4",
            "--dry-run"]  # fmt: skip
    assert command([*line, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["rows"], plan["tested"], plan["wordings"]) == (100, 0, 12)
    assert plan["work"] == {"trainings": 2, "evaluations": 3, "steps": 48, "cells": 2000}
    assert plan["seconds"] > 0
    assert list(tmp_path.iterdir()) in ([], [tmp_path / "cache"])
