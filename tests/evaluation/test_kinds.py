"""Runs of choices and of free text on a tiny model: what they measure, and that it is stable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.api.tasks import parse_task
from harness.comparison.comparable import find_differences, run_data
from harness.core.records import Cell, Sample
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute, window_size
from harness.evaluation.prepare import RunPlan, prepare
from harness.models.inference.full_forward import FullForwardScorer
from harness.results.rundir import Run
from harness.results.store import SampleStore
from tests.support.checkpoints import save_tiny_llama
from tests.support.kinds import answer_task, choice_task

TASKS: dict[str, dict[str, Any]] = {
    "letter": choice_task(),
    "token": choice_task(by="text", normalize="token"),
    "pmi": choice_task(by="text", normalize="pmi"),
    "answer": answer_task(stop=["\n"]),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("model") / "tiny")


def plan(model: Path, content: dict[str, Any], out: Path, **options: Any) -> RunPlan:
    chosen = {"perturbations": ("keyboard", "option-order"), "cache": False, "full": True}
    config = RunConfig(
        model=str(model), tasks=(content["name"],), out=out, device="cpu", **{**chosen, **options}
    )
    return prepare(config, specs=(parse_task(content),))


def run(model: Path, content: dict[str, Any], out: Path, **options: Any) -> Run:
    return execute(plan(model, content, out, **options), command="test")


def cells(found: Run) -> dict[tuple[str, str, str], Any]:
    columns = ("variant_id", "example_id", "scorer", "prediction", "score", "text", "scores")
    return {
        row[:3]: row[3:] for row in found.samples[list(columns)].itertuples(index=False, name=None)
    }


def same(first: Run, second: Run) -> None:
    one, other = cells(first), cells(second)
    assert one.keys() == other.keys()
    for key, (*plain, scores) in one.items():
        *others, more = other[key]
        assert str(plain) == str(others)
        assert scores == more or scores == pytest.approx(more, abs=1e-4)


@pytest.mark.parametrize("name", TASKS)
def test_batches_cache_and_resuming_change_nothing(
    model: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    content = TASKS[name]
    whole = run(model, content, tmp_path / "whole", window=256)
    same(whole, run(model, content, tmp_path / "single", window=1))
    run(model, content, tmp_path / "first", cache=True)
    cached = run(model, content, tmp_path / "again", cache=True)
    assert cached.manifest["timing"]["cache_hits"] > 0
    same(whole, cached)
    part = plan(model, content, tmp_path / "resumed", share=0.3, full=False)
    execute(part, command="test")
    same(whole, run(model, content, tmp_path / "resumed"))


def test_written_answers_reach_the_disk_in_smaller_windows(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    write = SampleStore.write

    def count(store: SampleStore, samples: Sequence[Sample], priors: Mapping[str, Any]) -> None:
        sizes.append(len(samples))
        write(store, samples, priors)

    monkeypatch.setattr(SampleStore, "write", count)
    some = ("keyboard", "ocr", "politeness")
    made = plan(model, answer_task(max_new_tokens=2), tmp_path / "run", perturbations=some)
    found = execute(made, command="test")
    assert sum(sizes) == len(found.samples) > 64
    # A window ends with a variant's last example.
    assert 32 <= max(sizes) < 32 + len(made.plan.tasks[0].examples)
    assert window_size("cpu", None) == 128
    assert window_size("cpu", 5, writes=True) == 5


def test_options_are_scored_as_plain_forwards_score_them(model: Path, tmp_path: Path) -> None:
    made = plan(model, choice_task(by="text"), tmp_path / "run", scorers="loglik")
    found = execute(made, command="test")
    task = made.plan.tasks[0]
    variant = made.plan.variants["city"][0]
    requests = made.tools["city"].requests([Cell(variant, one) for one in task.examples])
    scorer = FullForwardScorer(made.model._model, made.model._budget)  # type: ignore[attr-defined]
    plain = {index: dict(response.scores or {}) for index, response in scorer.score(requests)}
    rows = found.samples[found.samples["variant_id"] == variant.id].set_index("example_id")
    for index, example in enumerate(task.examples):
        assert rows.loc[example.id, "scores"] == pytest.approx(plain[index], abs=1e-4)
        assert rows.loc[example.id, "prediction"] == max(plain[index], key=plain[index].__getitem__)


@pytest.mark.parametrize("normalize", ["token", "byte", "pmi"])
def test_normalised_predictions_by_hand(model: Path, tmp_path: Path, normalize: str) -> None:
    content = choice_task(by="text", normalize=normalize)
    made = plan(model, content, tmp_path / "run", scorers="loglik")
    found = execute(made, command="test")
    task, tools = made.plan.tasks[0], made.tools["city"]
    by_id = {example.id: example for example in task.examples}
    clean = {v.id: v for v in made.plan.variants["city"] if v.level == "clean"}
    rows: list[dict[Any, Any]] = found.samples.to_dict("records")
    for row in (row for row in rows if row["variant_id"] in clean):
        cell = Cell(clean[row["variant_id"]], by_id[row["example_id"]])
        (request,) = tools.requests([cell])
        if normalize == "token":
            worth = {k: v / len(request.continuations[k]) for k, v in row["scores"].items()}
        elif normalize == "byte":
            worth = {k: v / len(cell.example.words[k].encode()) for k, v in row["scores"].items()}
        else:
            (alone,) = made.model.loglik(tools.premises([cell]))
            worth = {k: v - (alone[1].scores or {})[k] for k, v in row["scores"].items()}
        assert row["prediction"] == max(worth, key=worth.__getitem__)
        assert row["score"] == float(row["prediction"] == cell.example.gold)


def test_choices_are_summed_up_against_the_chance_of_their_options(
    model: Path, tmp_path: Path
) -> None:
    found = run(model, choice_task(), tmp_path / "run", scorers="loglik")
    summary = found.summary.tasks["city"]
    assert summary.labels == ["A", "B", "C", "D"]
    assert summary.chance == pytest.approx((1 / 3 + 1 / 4) / 2)
    assert set(found.summary.perturbations) == {"keyboard", "option-order"}
    rows = found.samples
    means = rows[rows["level"] == "clean"].groupby("variant_id", observed=True)["score"].mean()
    clean = summary.levels["clean"].accuracy
    assert clean is not None
    assert clean.value == pytest.approx(means.mean())


def test_free_text_agrees_by_its_words_and_flips_by_its_score(model: Path, tmp_path: Path) -> None:
    found = run(model, answer_task(), tmp_path / "run")
    stats = found.summary.tasks["free"].levels["character"]
    assert found.summary.scorer == "generate"
    assert stats.kappa is None
    assert stats.posix is None
    assert stats.consistency is not None
    assert stats.flip_rate is not None
    assert stats.flip_rate.value == 0.0  # a random model is never right
    assert found.samples["text"].notna().all()


def test_kinds_stand_in_one_run_each_read_in_its_way(model: Path, tmp_path: Path) -> None:
    labels = {
        "name": "mood", "input": "{{ text }}", "labels": ["good", "bad"],
        "instructions": ["Say 'good' or 'bad'."],
        "source": {"rows": [{"text": f"film {n}", "label": ("good", "bad")[n % 2]}
                            for n in range(10)]},
    }  # fmt: skip
    specs = tuple(map(parse_task, (labels, choice_task(), answer_task())))
    config = RunConfig(
        model=str(model), tasks=tuple(spec.name for spec in specs), out=tmp_path / "run",
        device="cpu", cache=False, full=True, perturbations=("keyboard",),
    )  # fmt: skip
    found = execute(prepare(config, specs=specs), command="test")
    read_by = found.samples.groupby("task", observed=True)["scorer"].unique().map(set).to_dict()
    assert read_by == {
        "mood": {"calibrated", "loglik", "generate"},
        "city": {"loglik", "generate"},
        "free": {"generate"},
    }
    assert list(found.summary.tasks) == ["mood", "city", "free"]
    assert set(found.summary.scorers["generate"].tasks) == {"mood", "city", "free"}
    assert json.loads((found.path / "run.json").read_text("utf-8"))["tasks"]["free"]["kind"]


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        (answer_task(), answer_task(grader="contains"), "grader"),
        (answer_task(), answer_task(extract="final"), "extract"),
        (answer_task(), answer_task(stop=["."]), "stop"),
        (
            choice_task(by="text"),
            choice_task(by="text", normalize="byte"),
            "normalize",
        ),
    ],
)
def test_runs_that_score_answers_in_other_ways_are_not_compared(
    model: Path, tmp_path: Path, first: dict[str, Any], second: dict[str, Any], named: str
) -> None:
    options = {"levels": ("clean",), "perturbations": (), "full": False}
    runs = [
        run_data(run(model, content, tmp_path / name, **options))
        for name, content in (("one", first), ("other", second))
    ]
    (line,) = find_differences(*runs).lines()
    assert line.startswith(f"{named} (how answers are scored) of ")
    assert not find_differences(runs[0], runs[0]).lines()
