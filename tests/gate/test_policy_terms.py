"""Tiers, known regressions, single tasks, relative drops, equivalence, and a first run."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from harness.comparison import RunData
from harness.comparison.comparable import ExampleContent
from harness.comparison.lost import find_lost
from harness.core.errors import ExitCode, UsageError
from harness.gate.files import check_runs
from harness.gate.judge import judge
from harness.gate.policy import Policy, read_policy
from harness.gate.verdict import Verdict
from harness.metrics.grid import build_grids
from harness.metrics.measures import measure, measure_relative_worsening, resample_grid
from reports.github import MARKER, render_badge, render_comment
from reports.junit import render_verdict_junit
from tests.support.make_run import make_run
from tests.support.saved_runs import save_run
from tests.support.simulated_runs import World

WORLD = World(seed=5)


@pytest.fixture(scope="module")
def base() -> RunData:
    return WORLD.run("base")


@pytest.fixture(scope="module")
def worse() -> RunData:
    return WORLD.run("worse", shift=-1.5, luck=1)


def verdict_of(
    base: RunData | None, candidate: RunData, *rules: dict[str, object], **more: object
) -> Verdict:
    """The verdict of a policy with these rules."""
    policy = Policy.model_validate({"rules": list(rules)})
    return judge(policy, candidate, base, resamples=200, **more)  # type: ignore[arg-type]


def test_what_should_be_so_is_said_and_fails_nothing(base: RunData, worse: RunData) -> None:
    rule = {"metric": "accuracy", "level": "clean", "max_drop": 0.01}
    assert verdict_of(base, worse, rule).outcome == "failed"
    soft = verdict_of(base, worse, {**rule, "tier": "should"})
    assert soft.outcome == "passed"
    assert soft.checks[0].status == "fail"
    assert "<failure" not in render_verdict_junit(soft)
    assert "(should)" in render_comment(soft)


@pytest.mark.parametrize(
    ("today", "status", "outcome"),
    [
        (date(2030, 1, 31), "known", "passed"),
        (date(2030, 2, 1), "fail", "failed"),
        (None, "known", "passed"),
    ],
)
def test_a_known_regression_is_borne_with_until_its_day(
    base: RunData, worse: RunData, today: date | None, status: str, outcome: str
) -> None:
    known = {"until": "2030-01-31", "because": "new template"}
    rule = {"metric": "accuracy", "level": "clean", "max_drop": 0.01, "known": known}
    verdict = verdict_of(base, worse, rule, today=today)
    assert (verdict.checks[0].status, verdict.outcome) == (status, outcome)
    assert "new template" in verdict.checks[0].message


def test_what_is_known_and_kept_passes(base: RunData) -> None:
    known = {"until": "2030-01-31", "because": "new template"}
    rule = {"metric": "accuracy", "level": "clean", "min": 0.01, "known": known}
    assert verdict_of(None, base, rule).checks[0].status == "pass"


def test_single_tasks_with_bounds_of_their_own(base: RunData) -> None:
    (task,) = base.manifest["tasks"]
    rule = {"metric": "accuracy", "level": "clean", "min": 0.999, "per_task": True}
    verdict = verdict_of(None, base, rule)
    assert [(one.task, one.limit) for one in verdict.checks] == [(task, 0.999)]
    eased = verdict_of(None, base, {**rule, "overrides": {task: {"min": 0.01}}})
    assert [(one.limit, one.status) for one in eased.checks] == [(0.01, "pass")]
    strange = verdict_of(None, base, {**rule, "overrides": {"other": {"min": 0.01}}})
    assert [one.status for one in strange.checks if one.task == "other"] == ["missing"]


def test_a_relative_drop_is_a_share_of_the_baselines_value(base: RunData, worse: RunData) -> None:
    rules = [{"metric": "accuracy", "level": "clean", bound: 0.0} for bound in
             ("max_drop", "max_relative_drop")]  # fmt: skip
    absolute, relative = verdict_of(base, worse, *rules).checks
    before = verdict_of(None, base, {"metric": "accuracy", "level": "clean", "min": 0.0}).checks[0]
    assert absolute.value is not None
    assert before.value is not None
    assert relative.value == pytest.approx(absolute.value / before.value)
    assert relative.interval is not None
    assert "relative worsening" in relative.message


def test_the_relative_worsening_moves_with_both_runs(base: RunData, worse: RunData) -> None:
    """Its variance is that of the linearised ratio: by hand on the cells."""
    (task,) = base.manifest["tasks"]
    groups = []
    for run in (base, worse):
        grid = build_grids(run.samples, run.variants, {task: []}, scorer="loglik")[task]
        group = grid.group(grid.rows(level="clean"))
        assert group is not None
        assert measure("accuracy", group, resample_grid(grid, 0, 10)) is not None
        groups.append(group)
    first, second = groups
    found = measure_relative_worsening("accuracy", second, first)
    assert found is not None
    before, after = first.score.mean(), second.score.mean()
    assert found.value == pytest.approx(1 - after / before)
    moved = (after / before * first.score - second.score) / before
    by_example = moved.mean(axis=0)
    least = by_example.var(ddof=1) / len(by_example)
    assert found.variance >= least * 0.99
    assert found.variance < 50 * least


@pytest.mark.parametrize(("limit", "outcome"), [(0.5, "passed"), (0.0001, "undecided")])
def test_equivalence_is_to_be_shown(base: RunData, limit: float, outcome: str) -> None:
    rule = {"metric": "accuracy", "level": "clean", "no_worse_than": limit}
    verdict = verdict_of(base, base, rule)
    assert verdict.outcome == outcome
    # The same bound as `max_drop` is content with what was not shown.
    assert verdict_of(base, base, {**rule, "max_drop": limit}).count("fail") == 0


def test_what_is_worse_is_not_equivalent(base: RunData, worse: RunData) -> None:
    rule = {"metric": "accuracy", "level": "clean", "no_worse_than": 0.01}
    assert verdict_of(base, worse, rule).exit_code == ExitCode.GATE_FAILED


def test_a_first_run_is_judged_by_what_needs_no_baseline(base: RunData) -> None:
    rules: list[dict[str, object]] = [
        {"metric": "accuracy", "level": "clean", "max_drop": 0.01, "min": 0.01},
        {"metric": "accuracy", "level": "clean", "no_worse_than": 0.01},
    ]
    assert verdict_of(None, base, *rules).outcome == "failed"
    first = verdict_of(None, base, *rules, first=True)
    assert first.outcome == "passed"
    assert [one.bound for one in first.checks] == ["min"]
    assert "2 checks compare with one" in first.notes[0]


def test_a_first_run_has_no_baseline(tmp_path: Path) -> None:
    run = save_run(make_run(tmp_path / "run", examples=12), tmp_path / "run")
    policy = Policy.model_validate({"rules": [{"metric": "accuracy", "max_drop": 0.1}]})
    with pytest.raises(UsageError, match="--first"):
        check_runs(run, policy, baseline=run, first=True)
    assert check_runs(run, policy, first=True).passed


def test_runs_are_called_by_their_models(tmp_path: Path) -> None:
    paths = {
        name: save_run(make_run(tmp_path / name, model=model, examples=12), tmp_path / name)
        for name, model in (("a", "small"), ("b", "large"), ("c", "small"))
    }
    policy = Policy.model_validate({"rules": [{"metric": "accuracy", "max_drop": 0.9}]})
    verdict = check_runs(paths["a"], policy, baseline=paths["b"])
    assert (verdict.candidate, verdict.baseline) == ("small", "large")
    same = check_runs(paths["a"], policy, baseline=paths["c"])
    assert (same.candidate, same.baseline) == ("a", "c")


def test_lost_examples_come_first_that_lost_most(base: RunData, worse: RunData) -> None:
    (task,) = base.manifest["tasks"]
    grids = tuple(
        build_grids(run.samples, run.variants, {task: []}, scorer="loglik")[task]
        for run in (base, worse)
    )
    contents = {task: {example: ExampleContent(f"text {example}", "a", "") for example in
                       grids[0].examples}}  # fmt: skip
    lost = find_lost({task: grids}, contents)
    change = [grid.score.mean(axis=0) for grid in grids]
    most = np.sort(change[1] - change[0])[:5]
    assert [one.second - one.first for one in lost] == pytest.approx(list(most), abs=1e-6)
    assert all(one.input == f"text {one.example_id}" for one in lost)
    assert find_lost({task: (grids[0], grids[0])}, contents) == ()


def test_a_comment_says_before_after_and_what_was_lost(base: RunData, worse: RunData) -> None:
    rule = {"metric": "accuracy", "level": "clean", "max_drop": 0.01}
    verdict = verdict_of(base, worse, rule)
    text = render_comment(verdict)
    assert text.startswith(f"{MARKER}\n## Robustness gate failed: worse against base\n")
    assert "### Accuracy by level" in text
    assert "**worse**" in text
    assert "### Examples lost most" in text
    badge = json.loads(render_badge(verdict))
    assert badge["schemaVersion"] == 1
    assert badge["color"] == "red"


def test_a_comment_is_no_longer_than_github_takes(base: RunData, worse: RunData) -> None:
    rule = {"metric": "accuracy", "level": "clean", "max_drop": 0.01}
    verdict = verdict_of(base, worse, rule)
    text = render_comment(replace(verdict, checks=verdict.checks * 1000))
    assert 50_000 < len(text) < 65_536
    assert text.startswith(MARKER)
    assert text.endswith("> Cut here: the job's summary has all 1000 checks.\n")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("tier: may", "must"),
        ("known: {until: soon, because: x}", "until"),
        ("known: {until: 2030-01-31}", "because"),
        ("known: {until: 2030-01-31, because: ' '}", "because"),
        ("overrides: {mood: {min: 0.1}}", "add per_task: true"),
        ("per_task: true, task: mood", "leave one out"),
        ("per_task: true, overrides: {mood: {}}", "needs one of"),
        ("no_worse_than: 0", "greater than 0"),
        ("max_relativ_drop: 0.1", "Did you mean 'max_relative_drop'"),
    ],
)
def test_a_wrong_term_names_its_line(tmp_path: Path, rule: str, words: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(f"rules:\n  - {{metric: accuracy, min: 0.5, {rule}}}\n")
    with pytest.raises(UsageError, match=words) as caught:
        read_policy(path)
    assert "line 2" in str(caught.value)
