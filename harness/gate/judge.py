"""Judges a run by a policy: one function, from which every output and the exit code follow.

The policy's confidence is shared out among its checks (Bonferroni), so that it holds for all of
them together; the intervals shown are those that were judged by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeVar

from harness.comparison.alignment import Aligned, align_runs, primary_scorer
from harness.comparison.comparable import (
    RunData,
    Unlike,
    all_label_tokens,
    all_labels,
    all_own_scorers,
)
from harness.comparison.differences import Difference, Paired, levels_of, measure_differences
from harness.comparison.lost import find_lost
from harness.core.records import CLEAN
from harness.gate.policy import AGAINST_BASELINE, Policy
from harness.gate.verdict import Check, Evidence, Verdict, decide
from harness.metrics.grid import Grid, build_grids
from harness.metrics.measures import (
    Measured,
    average,
    get_measure,
    measure,
    measure_difference,
    measure_relative_worsening,
    resample_grid,
)
from harness.stats.arrays import Singles
from harness.stats.estimate import Estimate

RESAMPLES: Final = 2000

T = TypeVar("T")


def judge(
    policy: Policy,
    candidate: RunData,
    baseline: RunData | None = None,
    *,
    scorer: str | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    unlike: Unlike = "refuse",
    first: bool = False,
    today: date | None = None,
) -> Verdict:
    """The verdict on `candidate`; bounds of `AGAINST_BASELINE` compare it with `baseline`.

    Bounds on values use all of the candidate's cells, comparisons those that both runs have.

    Args:
        policy: the rules.
        candidate: the run to judge.
        baseline: the run it must not be worse than; without one, comparisons are missing.
        scorer: whose samples to use; default: of those that both have, the candidate's first.
        seed: from which resamples follow, for the worst prompt.
        resamples: how many.
        unlike: what becomes of runs that asked different questions.
        first: there is no baseline yet: bounds that compare with one are left out, and said so.
        today: the day on which known regressions may have expired; default: they have not.

    Raises:
        UsageError: the two runs asked different questions.
        NothingToEvaluateError: there is no sample, or no cell that both have.
    """
    scorer = scorer or primary_scorer(candidate, *([baseline] if baseline else []))
    tasks = _candidate_tasks(candidate, scorer, seed, resamples)
    aligned = align_runs([baseline, candidate], scorer=scorer, unlike=unlike) if baseline else None
    pairs = _paired_tasks(aligned, seed, resamples) if aligned else None
    levels = levels_of([task.grid for task in tasks.values()])
    listed = list(_list_checks(policy, levels, list(tasks)))
    checks = [one for one in listed if not (first and one.bound in AGAINST_BASELINE)]
    notes = aligned.notes if aligned else ()
    if len(checks) < len(listed):
        notes += (_say_first(len(listed) - len(checks)),)
    return Verdict(
        candidate=candidate.name,
        baseline=baseline.name if baseline else None,
        scorer=scorer,
        confidence=policy.confidence,
        strict=policy.strict,
        checks=tuple(
            _bear(check, policy, today) for check in _judge_checks(checks, policy, tasks, pairs)
        ),
        notes=notes,
        levels=_accuracy_by_level(pairs, policy.confidence) if pairs else (),
        lost=find_lost(aligned.grids, candidate.examples) if aligned else (),
    )


def _judge_checks(
    checks: Sequence[Check],
    policy: Policy,
    tasks: Mapping[str, _Task],
    pairs: Mapping[str, Paired] | None,
) -> Iterator[Check]:
    """Every check with its status, at a confidence that holds for all of them together."""
    levels = levels_of([task.grid for task in tasks.values()])
    measured = [_measure(check, tasks, pairs) for check in checks]
    # Only what could be measured can fail by chance.
    count = max(1, sum(one is not None for one in measured))
    confidence = 1 - (1 - policy.confidence) / count
    for check, one in zip(checks, measured, strict=True):
        if one is None:
            yield _explain_missing(check, tasks, levels, compared=pairs is not None)
        else:
            yield decide(check, _evidence(one, confidence), min_examples=policy.min_examples)


def _accuracy_by_level(pairs: Mapping[str, Paired], confidence: float) -> tuple[Difference, ...]:
    found = measure_differences(pairs, ["accuracy"], confidence=confidence)
    return tuple(one for one in found if one.task is None)


@dataclass(frozen=True, slots=True)
class _Task:
    """One task's cells and its prompts' resampled means."""

    grid: Grid
    resampled: Singles


def _candidate_tasks(run: RunData, scorer: str, seed: int, resamples: int) -> dict[str, _Task]:
    grids = build_grids(
        run.samples,
        run.variants,
        all_labels(run),
        scorer=scorer,
        label_tokens=all_label_tokens(run),
        own_scorers=all_own_scorers(run),
    )
    return {name: _Task(grid, resample_grid(grid, seed, resamples)) for name, grid in grids.items()}


def _paired_tasks(aligned: Aligned, seed: int, resamples: int) -> dict[str, Paired]:
    pairs = {}
    for name, (before, after) in aligned.grids.items():
        resampled = tuple(resample_grid(grid, seed, resamples) for grid in (before, after))
        pairs[name] = Paired(before, after, (resampled[0], resampled[1]))
    return pairs


def _list_checks(policy: Policy, levels: Sequence[str], tasks: Sequence[str]) -> Iterator[Check]:
    """Every bound of every rule, at each level and task that the rule applies to."""
    perturbed = [level for level in levels if level != CLEAN]
    for number, rule in enumerate(policy.rules, start=1):
        named = dict.fromkeys((*tasks, *rule.overrides)) if rule.per_task else [rule.task]
        # A run without perturbed levels must not pass for having nothing to check.
        for level in [rule.level] if rule.level else (perturbed or ["perturbed"]):
            for task in named:
                for bound, limit in rule.bounds_for(task).items():
                    check = Check(number, rule.metric, level, task, bound, limit, rule.margin)
                    yield replace(check, tier=rule.tier)


def _bear(check: Check, policy: Policy, today: date | None) -> Check:
    """The check; where it fails as was foreseen, it is borne with until the day that was said."""
    known = policy.rules[check.rule - 1].known
    if known is None or check.status != "fail":
        return check
    if today is not None and today > known.until:
        expired = f"{check.message}; it was known ({known.because}) until {known.until}"
        return replace(check, message=expired)
    borne = f"{check.message}; known until {known.until}: {known.because}"
    return replace(check, status="known", message=borne)


def _say_first(count: int) -> str:
    checks = "1 check compares" if count == 1 else f"{count} checks compare"
    return f"There is no baseline yet: {checks} with one and will be judged from the next run on."


def _measure(
    check: Check, tasks: Mapping[str, _Task], pairs: Mapping[str, Paired] | None
) -> Measured | None:
    """What the check is about, as the plain mean over its tasks; None where it is undefined."""
    if check.bound in AGAINST_BASELINE:
        chosen = _chosen(check, pairs or {})
        found: list[Measured | None] = [_worsening(check, pair) for pair in chosen]
    else:
        found = [_value(check, task) for task in _chosen(check, tasks)]
    known = [one for one in found if one is not None]
    return average(known) if known else None


def _chosen(check: Check, tasks: Mapping[str, T]) -> list[T]:
    return [one for name, one in tasks.items() if check.task in {None, name}]


def _value(check: Check, task: _Task) -> Measured | None:
    group = task.grid.group(task.grid.rows(level=check.level))
    return measure(check.metric, group, task.resampled) if group else None


def _worsening(check: Check, pair: Paired) -> Estimate | None:
    """By how much the candidate is worse than the baseline: negative where it is better."""
    groups = pair.groups(check.level)
    if groups is None:
        return None
    before, after = groups
    if check.bound == "max_relative_drop":
        return measure_relative_worsening(check.metric, after, before)
    change = measure_difference(check.metric, after, before, pair.resampled[::-1])
    if change is None or get_measure(check.metric).better == "lower":
        return change
    return replace(change, value=-change.value)


def _evidence(measured: Measured, confidence: float) -> Evidence:
    return Evidence(
        value=measured.value,
        interval=measured.interval(confidence),
        confidence=confidence,
        examples=measured.examples,
        prompt_share=measured.prompt_share,
    )


def _explain_missing(
    check: Check, tasks: Mapping[str, _Task], levels: Sequence[str], *, compared: bool
) -> Check:
    if check.task is not None and check.task not in tasks:
        reason = f"the run has no task {check.task!r}; it has {', '.join(tasks) or 'none'}"
    elif check.level not in levels:
        reason = f"the run has no level {check.level!r}; it has {', '.join(levels) or 'none'}"
    elif check.bound in AGAINST_BASELINE and not compared:
        reason = f"{check.bound} needs a baseline run, none was given"
    elif check.bound in AGAINST_BASELINE:
        reason = f"{check.metric} is undefined here in one of the runs, or they share no cell"
    else:
        reason = f"{check.metric} is undefined here"
    return replace(check, status="missing", message=reason)
