"""From one run to the next: how far a trend moved, and whether that is more than noise.

Runs that asked the same cells are paired by example: the difference is the mean over examples (of
several tasks, the plain mean over tasks) of what each example's mean score changed, with Student's
interval. Its p value is the larger one of that interval's own (Student's t test) and of the exact
sign test over examples, so that a handful of examples is not called a change because they happen to
agree, and that no change is called one whose interval holds 0. Other
runs are compared by the intervals that they have themselves: the difference's interval squares and
adds their reaches (MOVER: Zou & Donner 2008, Statistics in Medicine 27), its p value is the
normal's. Where such runs do share examples that errs on the side of no change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Final

import numpy as np

from harness.results.quantity import Quantity
from harness.stats.arrays import Floats, Singles
from harness.stats.estimate import Estimate, student_quantile
from harness.stats.multiplicity import holm

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Observation:
    """What one run says at one point of a trend."""

    value: Quantity
    confidence: float = CONFIDENCE
    """Of its interval."""
    cells: bytes = b""
    """What was asked; empty where it is not known or was a part."""
    by_task: tuple[Singles, ...] = ()
    """Each task's mean scores by example [N], in an order that `cells` stands for."""


@dataclass(frozen=True, slots=True)
class Change:
    """The second of two runs less the first."""

    difference: Quantity
    paired: bool
    """Whether both asked the same cells."""
    p: float | None
    """None where nothing is known of how sure the runs are."""
    p_adjusted: float | None = None
    """By Holm's correction for all changes that stand beside it."""
    significant: bool = False
    """Whether it is more than noise, and its interval lies beyond the margin that was asked for."""


def measure_steps(observations: Sequence[Observation]) -> tuple[Change, ...]:
    """The change from each observation to the next, not adjusted yet: one fewer than those."""
    steps: list[Change] = []
    last: Observation | None = None
    for cells, group in groupby(observations, key=lambda one: one.cells):
        block = list(group)
        if last is not None:
            steps.append(_unpaired(last, block[0]))
        if cells:
            steps += _paired(block)
        else:
            steps += [_unpaired(first, second) for first, second in pairwise(block)]
        last = block[-1]
    return tuple(steps)


def adjust(changes: Sequence[Change], margin: float = 0.0) -> list[Change]:
    """The changes with their p values adjusted as one family; what has none is no test.

    Args:
        changes: all that are looked at together.
        margin: a change is significant only if its whole interval is farther from 0.
    """
    adjusted = holm([math.nan if one.p is None else one.p for one in changes])
    return [_judge(one, p, margin) for one, p in zip(changes, adjusted, strict=True)]


def _judge(change: Change, p_adjusted: float, margin: float) -> Change:
    if math.isnan(p_adjusted):
        return change
    interval = change.difference.interval
    beyond = interval is not None and max(interval[0], -interval[1]) > margin
    significant = p_adjusted < 1 - CONFIDENCE and (beyond or margin == 0)
    return replace(change, p_adjusted=p_adjusted, significant=significant)


def _paired(block: Sequence[Observation]) -> Iterator[Change]:
    """Steps between runs of the same cells [R], of all of them at once."""
    moved = [
        np.diff(np.stack(task).astype(np.float64), axis=0)
        for task in zip(*(one.by_task for one in block), strict=True)
    ]  # per task [R - 1, N]
    values = np.mean([task.mean(axis=1) for task in moved], axis=0)
    variances, freedom = _variances(moved)
    examples = sum(task.shape[1] for task in moved)
    halves = _half_widths(variances, freedom, examples)
    p_values = np.maximum(_t_test(values, variances, freedom, examples), _sign_test(moved))
    for value, half, p in zip(values.tolist(), halves.tolist(), p_values.tolist(), strict=True):
        interval = None if math.isnan(half) else (max(-1.0, value - half), min(1.0, value + half))
        yield Change(Quantity(value, interval), True, None if math.isnan(p) else p)


def _variances(moved: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Of the mean over tasks of the means over examples, with Satterthwaite's degrees of freedom.

    NaN where a task has one example alone.
    """
    sizes = np.array([task.shape[1] for task in moved], dtype=np.float64)[:, None]
    spread = np.stack([task.var(axis=1) for task in moved])
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = spread / (sizes - 1) / len(moved) ** 2  # [T, R - 1]
        total = parts.sum(axis=0)
        freedom = total**2 / (parts**2 / (sizes - 1)).sum(axis=0)
    return total, freedom


def _half_widths(variances: Floats, freedom: Floats, examples: int) -> Floats:
    """Of the intervals; where nothing varied, by how much could have gone unseen."""
    from scipy.special import stdtrit

    unseen = Estimate(0.0, 0.0, 1.0, examples, "difference", "examples").interval(CONFIDENCE)
    reach = unseen[1] if unseen else math.nan
    some = variances > 0
    quantiles = stdtrit(np.where(some, freedom, 1.0), (1 + CONFIDENCE) / 2)
    known = np.where(np.isnan(variances), math.nan, reach)
    halves: Floats = np.where(some, quantiles * np.sqrt(np.where(some, variances, 1.0)), known)
    return halves


def _t_test(values: Floats, variances: Floats, freedom: Floats, examples: int) -> Floats:
    """Two-sided p values as the intervals have them: Student's, or of what could be unseen."""
    from scipy.special import ndtr, stdtr

    some, moved = variances > 0, np.abs(values)
    errors = moved / np.sqrt(np.where(some, variances, 1.0))
    tails = 2 * stdtr(np.where(some, freedom, 1.0), -errors)
    with np.errstate(divide="ignore"):
        unseen = 2 * ndtr(-np.sqrt(examples * moved / np.maximum(1 - moved, 0.0)))
    p: Floats = np.where(some, tails, np.where(np.isnan(variances), math.nan, unseen))
    return p


def _sign_test(moved: Sequence[Floats]) -> Floats:
    """The exact sign test over the examples of all tasks, two-sided, ties left out."""
    from scipy.special import bdtr

    up = np.sum([(task > 0).sum(axis=1) for task in moved], axis=0)
    down = np.sum([(task < 0).sum(axis=1) for task in moved], axis=0)
    p: Floats = np.minimum(1.0, 2 * bdtr(np.minimum(up, down), up + down, 0.5))
    return p


def _unpaired(first: Observation, second: Observation) -> Change:
    value = second.value.value - first.value.value
    ends = _reaches(first), _reaches(second)
    if ends[0] is None or ends[1] is None:
        return Change(Quantity(value, None), False, None)
    below = math.hypot(ends[0][1], ends[1][0])
    above = math.hypot(ends[0][0], ends[1][1])
    interval = max(-1.0, value - below), min(1.0, value + above)
    reach = below if value > 0 else above
    errors = student_quantile(CONFIDENCE, math.inf) * abs(value) / reach if reach > 0 else 0.0
    p = math.erfc(errors / math.sqrt(2)) if reach > 0 else float(value == 0)
    return Change(Quantity(value, interval), False, p)


def _reaches(one: Observation) -> tuple[float, float] | None:
    """How far its interval would reach below and above its value at the confidence used here."""
    if one.value.interval is None:
        return None
    low, high = one.value.interval
    scale = student_quantile(CONFIDENCE, math.inf) / student_quantile(one.confidence, math.inf)
    return scale * (one.value.value - low), scale * (high - one.value.value)
