"""Described groups of cells as records of summary.json, with the tests that stand beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from harness.metrics.describe import Described, Value
from harness.metrics.measures import MEASURES, Measured
from harness.results.quantity import Quantity
from harness.results.summary import GroupStats
from harness.stats.estimate import Estimate
from harness.stats.multiplicity import holm
from harness.stats.power import minimum_detectable_effect

_DECIMALS: Final = 10

Tests = dict[str, Value]


def write_tasks(
    tasks: Mapping[str, Mapping[str, Described]], confidence: float
) -> dict[str, dict[str, GroupStats]]:
    """The groups of each task as records; all their drops are one family of tests."""
    flat = {(task, name): group for task, own in tasks.items() for name, group in own.items()}
    drops, spreads = _test_drops(flat, confidence), _test_spreads(flat)
    return {
        task: {
            name: _stats(group, drops[task, name] | spreads[task, name], confidence)
            for name, group in own.items()
        }
        for task, own in tasks.items()
    }


def write_groups(groups: Mapping[str, Described], confidence: float) -> dict[str, GroupStats]:
    """Groups over all tasks as records; their drops are one family of tests."""
    return write_tasks({"": groups}, confidence)[""]


def write_quantity(measured: Measured | None, confidence: float) -> Quantity | None:
    """A value with its interval, rounded; None where it is undefined."""
    if measured is None or not math.isfinite(measured.value):
        return None
    interval = measured.interval(confidence)
    if interval is None or not all(map(math.isfinite, interval)):
        return Quantity(rounded(measured.value), None)
    return Quantity(rounded(measured.value), (rounded(interval[0]), rounded(interval[1])))


def rounded(value: float) -> float:
    """A number rounded so that the order of a sum cannot show in it."""
    return round(float(value), _DECIMALS) + 0.0  # + 0.0 turns -0.0 into 0.0


def _test_drops(
    groups: Mapping[tuple[str, str], Described], confidence: float
) -> dict[tuple[str, str], Tests]:
    """For each group the p value of its drop, by Holm over the groups, and what would show."""
    drops = [group.measured.get("drop") for group in groups.values()]
    known = [one if isinstance(one, Estimate) else None for one in drops]
    p_values = [one.p_value() if one else math.nan for one in known]
    count = max(1, sum(not math.isnan(p) for p in p_values))
    effects = [
        minimum_detectable_effect(one, confidence=confidence, tests=count) if one else None
        for one in known
    ]
    rows = zip(groups, p_values, holm(p_values), effects, strict=True)
    return {
        name: {"drop_p": p, "drop_p_adjusted": adjusted, "drop_detectable": effect}
        for name, p, adjusted, effect in rows
    }


def _test_spreads(groups: Mapping[tuple[str, str], Described]) -> dict[tuple[str, str], Tests]:
    """For each group of a task the p value of its spread, by Holm over the tasks that have it."""
    tests: dict[tuple[str, str], Tests] = {}
    for name in dict.fromkeys(name for _, name in groups):
        keys = [key for key in groups if key[1] == name]
        p_values = [groups[key].values["spread_p"] for key in keys]
        known = [p if isinstance(p, float) else math.nan for p in p_values]
        adjusted = zip(keys, holm(known), strict=True)
        tests |= {key: {"spread_p_adjusted": p} for key, p in adjusted}
    return tests


def _stats(described: Described, tests: Tests, confidence: float) -> GroupStats:
    quantities = {
        name: write_quantity(described.measured.get(name), confidence) for name in MEASURES
    }
    accuracy = described.measured["accuracy"]
    over = accuracy.over if isinstance(accuracy, Estimate) else None
    plain = {**tests, **described.values, "intervals_over": over}
    # The names are checked when the record is made, the types when it is read from its file.
    content: dict[str, Any] = {
        **quantities,
        **{name: _plain(value) for name, value in plain.items()},
    }
    return GroupStats(**content)


def _plain(value: Value) -> Value:
    """A JSON value: rounded, and None for NaN."""
    if isinstance(value, list):
        return [rounded(one) for one in value]
    if isinstance(value, float):
        return rounded(value) if math.isfinite(value) else None
    return value
