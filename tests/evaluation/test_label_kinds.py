"""Ordinal labels and several labels at once, from the task file to the summary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.api.tasks import parse_task
from harness.core.errors import UsageError
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.prepare import prepare
from harness.results.rundir import Run
from harness.tasks import Task
from harness.tasks.load import build_task
from reports.html import render_html
from reports.markdown import render_markdown
from reports.view import build_view
from tests.support.checkpoints import save_tiny_llama


def stars(**changes: Any) -> dict[str, Any]:
    names = ["bad", "fair", "good"]
    return {
        "name": "stars",
        "input": "{{ text }}",
        "labels": names,
        "ordinal": True,
        "instructions": ["Rate the following film: say 'bad', 'fair' or 'good'."],
        "source": {"rows": [{"text": f"film {n}", "label": names[n % 3]} for n in range(9)]},
        **changes,
    }


def aspects(**changes: Any) -> dict[str, Any]:
    given = [["food", "price"], ["price"], [], "food, price", ["food"]]
    return {
        "name": "aspects",
        "input": "{{ text }}",
        "labels": ["food", "price"],
        "multiple": True,
        "label_field": "about",
        "instructions": ["Which are named, 'food', 'price' or none?"],
        "source": {"rows": [{"text": f"text {n}", "about": one} for n, one in enumerate(given)]},
        **changes,
    }


def load(content: dict[str, Any]) -> Task:
    return build_task(parse_task(content), Path("mine.yaml"), data_dir=None)


def run(content: dict[str, Any], out: Path, **options: Any) -> Run:
    model = save_tiny_llama(out.parent / "model")
    config = RunConfig(
        model=str(model), tasks=(content["name"],), out=out, device="cpu", cache=False, full=True,
        perturbations=("keyboard",), resamples=200, **options,
    )  # fmt: skip
    return execute(prepare(config, specs=(parse_task(content),)), command="test")


def test_ordinal_labels_have_two_more_metrics(tmp_path: Path) -> None:
    found = run(stars(), tmp_path / "run", scorers=("loglik",))
    metrics = found.summary.tasks["stars"].metrics
    assert set(metrics) == {"clean", "character"}
    samples = found.samples[found.samples["level"] == "clean"]
    place = {"bad": 0, "fair": 1, "good": 2}
    steps = [
        abs(place[gold] - place[said])
        for gold, said in zip(samples["gold"], samples["prediction"], strict=True)
    ]
    assert metrics["clean"]["mean_absolute_error"] == pytest.approx(sum(steps) / len(steps))
    assert "quadratic_kappa" in metrics["clean"]
    view, shown = build_view([found]), f"{sum(steps) / len(steps):.2f}"
    assert "| Task | Level | Mean absolute error (steps) | Quadratic kappa |" in (
        render_markdown(view)
    )
    assert shown in render_markdown(view).split("## Metrics beside accuracy")[1].split("##")[0]
    assert 'id="label-metrics"' in render_html(view)
    assert found.manifest["tasks"]["stars"]["order"] == ["bad", "fair", "good"]


def test_an_order_may_be_written_out() -> None:
    assert load(stars(ordinal=["good", "fair", "bad"])).order == ("good", "fair", "bad")
    assert load(stars(ordinal=False)).order == ()
    assert load(stars(ordinal=False)).metrics == ("accuracy",)


def test_several_labels_are_generated_and_scored_by_f1(tmp_path: Path) -> None:
    task = load(aspects())
    assert [one.gold for one in task.examples] == [
        "food, price", "price", "none", "food, price", "food",
    ]  # fmt: skip
    assert (task.scorers, task.chance, task.metric_name) == (("generate",), 0.0, "set F1")
    assert task.label_words == ("food", "price")
    found = run(aspects(), tmp_path / "run")
    assert set(found.samples["scorer"]) == {"generate"}
    assert found.summary.tasks["aspects"].metric == "set F1"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (
            stars(ordinal=["bad", "good"]),
            "the task 'stars': ordinal names bad, good, and the labels are bad, fair, good; each "
            "stands once in an order.",
        ),
        (
            stars(ordinal=False, metric="quadratic_kappa"),
            "the task 'stars': metric 'quadratic_kappa' needs an order of the labels: ordinal: "
            "true.",
        ),
        (
            stars(multiple=True),
            "the task 'stars': labels are ordinal or multiple, not both.",
        ),
        (
            aspects(metric="mcc"),
            "the task 'aspects': metric 'mcc' is of labels, not of several labels at once.",
        ),
        (
            {key: value for key, value in stars(answer={"grader": "exact"}).items()
             if key != "labels"},
            "the task 'stars': ordinal is said of labels, and this task has answer.",
        ),
        (
            aspects(source={"rows": [{"text": "x", "about": ["food", "drink"]}]}),
            "mine.yaml: row 1 cannot be graded: the label 'drink' is not among the labels (food, "
            "price).",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(content: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(content)
    assert caught.value.message == line
