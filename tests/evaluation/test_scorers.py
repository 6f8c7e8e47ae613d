"""The scorers of a run: which are chosen, what each is asked on, what they make of an answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.comparison import compare
from harness.comparison.comparable import run_data
from harness.core.errors import UnknownNameError, UsageError
from harness.core.names import parse_scorers
from harness.core.records import SCORERS
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.prepare import prepare
from harness.evaluation.scorers import FEWEST_BESIDE, choose_scorers
from harness.results.export import export_samples
from harness.results.rundir import Run
from harness.results.store import SampleStore
from harness.tasks import Task, load_tasks
from tests.support.checkpoints import save_tiny_llama


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def task() -> Task:
    return load_tasks(suite=None, names=["sentiment"], data_dir=None, few_shot=False)[0]


def evaluate(model: Path, out: Path, **options: Any) -> Run:
    chosen = {"tasks": ("sentiment",), "limit": 20, "instructions": 1, "levels": ("character",)}
    config = RunConfig(
        model=str(model), out=out, cache=False, device="cpu", **{**chosen, **options}
    )
    return execute(prepare(config), command="test")


@pytest.fixture(scope="module")
def default(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of which nobody said how answers are read."""
    return evaluate(model, tmp_path_factory.mktemp("run") / "default")


def rows(run: Run, scorer: str) -> pd.DataFrame:
    own = run.samples[run.samples["scorer"] == scorer]
    return own.set_index(["variant_id", "example_id"]).sort_index()


def chosen(*tasks: Task, **options: Any) -> RunConfig:
    return choose_scorers(RunConfig(model="m", **options), tasks)[0]


def test_three_scorers_read_a_run_and_text_is_generated_for_some_examples(default: Run) -> None:
    assert default.manifest["config"]["scorers"] == list(SCORERS)
    assert default.summary.scorer == "calibrated"
    cells = {scorer: len(rows(default, scorer)) for scorer in SCORERS}
    variants = len(default.variants)
    assert cells == {
        "calibrated": 20 * variants,
        "loglik": 20 * variants,
        "generate": FEWEST_BESIDE * variants,
    }
    assert default.summary.levels == default.summary.scorers["calibrated"].levels


def test_calibrated_answers_follow_from_the_stored_scores_and_priors(default: Run) -> None:
    raw, calibrated = rows(default, "loglik"), rows(default, "calibrated")
    assert list(raw["scores"]) == list(calibrated["scores"])
    with SampleStore(default.path / "samples.sqlite") as store:
        for row in calibrated.reset_index().to_dict("records"):
            prior = store.prior(row["variant_id"])
            assert prior is not None
            adjusted = {label: score - prior[label] for label, score in row["scores"].items()}
            assert row["prediction"] == max(adjusted, key=adjusted.__getitem__)
    for row in raw.to_dict("records"):
        assert row["prediction"] == max(row["scores"], key=row["scores"].__getitem__)


def test_a_scorer_reads_the_same_alone_and_beside_others(
    model: Path, default: Run, tmp_path: Path
) -> None:
    for scorer in ("calibrated", "loglik"):
        alone = evaluate(model, tmp_path / scorer, scorers=scorer)
        assert alone.summary.scorers == {}
        assert set(alone.samples["scorer"]) == {scorer}
        mine, other = rows(alone, scorer), rows(default, scorer)
        assert list(mine["prediction"]) == list(other["prediction"])
        assert alone.summary.levels == default.summary.scorers[scorer].levels
        # Without a word on it, two runs are compared by a scorer that both have.
        assert compare([run_data(default), run_data(alone)], resamples=100).scorer == scorer


def test_a_run_that_lost_one_scorers_samples_asks_them_again(
    model: Path, default: Run, tmp_path: Path
) -> None:
    first = evaluate(model, tmp_path / "run")
    (first.path / "run.json").write_text(
        json.dumps({**first.manifest, "status": "running", "files": {}}), "utf-8"
    )
    with SampleStore(first.path / "samples.sqlite") as store, store._db:
        store._db.execute("DELETE FROM samples WHERE scorer = 'generate' AND level = 'clean'")
    again = evaluate(model, tmp_path / "run")
    assert again.manifest["timing"]["cells"] == FEWEST_BESIDE
    assert len(rows(again, "generate")) == len(rows(default, "generate"))


def test_all_scorers_are_exported(default: Run, tmp_path: Path) -> None:
    path = export_samples(default.path, file_format="csv", out=tmp_path / "samples.csv")
    counts = pd.read_csv(path)["scorer"].value_counts().to_dict()
    assert counts == {scorer: len(rows(default, scorer)) for scorer in SCORERS}


def test_a_share_is_of_the_first_examples_drawn(model: Path, tmp_path: Path) -> None:
    options = {"scorers": ("generate", "calibrated"), "levels": ()}
    run = evaluate(model, tmp_path / "run", scorer_share=0.6, **options)
    assert run.summary.scorer == "generate"
    assert (len(rows(run, "generate")), len(rows(run, "calibrated"))) == (20, 12)
    more = evaluate(model, tmp_path / "more", scorer_share=0.8, **options)
    assert set(rows(run, "calibrated").index) < set(rows(more, "calibrated").index)


def test_a_task_file_names_its_scorer(task: Task) -> None:
    assert chosen(task).scorers == ("calibrated", "loglik", "generate")
    assert chosen(replace(task, scorer="generate")).scorers[0] == "generate"
    assert chosen(replace(task, scorer="generate"), scorers="loglik").scorers == ("loglik",)


def test_tasks_that_name_different_scorers_need_the_users_word(task: Task) -> None:
    other = replace(task, name="other", scorer="generate")
    with pytest.raises(UsageError, match="sentiment: calibrated, other: generate") as raised:
        chosen(task, other)
    assert "--scorer calibrated" in str(raised.value.hint)
    assert chosen(task, other, scorers="all").scorers == SCORERS


def test_what_cannot_be_calibrated_is_read_without(task: Task, monkeypatch: Any) -> None:
    def fail(_: Task) -> None:
        raise UsageError("calibration shows 'N/A' in place of a row's fields, and it fails")

    monkeypatch.setattr(Task, "content_free_inputs", fail)
    config, notes = choose_scorers(RunConfig(model="m"), [task])
    assert config.scorers == ("loglik", "generate")
    assert len(notes) == 1
    assert notes[0].startswith("answers are not calibrated: calibration shows 'N/A'")


def test_text_that_cannot_hold_a_label_is_generated_only_where_it_is_asked_for(
    model: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"tasks": ("paraphrase",), "limit": 2, "levels": ()}
    run = evaluate(model, tmp_path / "run", **options)
    assert run.manifest["config"]["scorers"] == ["calibrated", "loglik"]
    assert any(note.startswith("no text is generated: ") for note in run.manifest["notes"])
    with pytest.raises(UsageError, match="has 9 tokens, and --max-new-tokens 7"):
        evaluate(model, tmp_path / "asked", scorers="all", **options)


@pytest.mark.parametrize(
    ("given", "scorers"),
    [
        ("all", SCORERS),
        ("generate,all", ("generate", "calibrated", "loglik")),
        (["loglik", "generate", "loglik"], ("loglik", "generate")),
    ],
)
def test_scorers_are_read_in_order(given: str | list[str], scorers: tuple[str, ...]) -> None:
    assert parse_scorers(given) == scorers


def test_another_scorer_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'calibrated'"):
        parse_scorers("calibrate")
    with pytest.raises(UsageError, match="--scorer is empty"):
        parse_scorers(" , ")
