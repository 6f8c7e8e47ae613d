"""Metrics of the user's own: functions of a run's samples, by entry point or `--plugin FILE`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from harness.core.errors import UnknownNameError, UsageError
from harness.core.plugin_file import add_functions
from harness.core.records import in_level_order
from harness.core.registry import Registry
from harness.metrics.label_metrics import METRICS, ORDINAL
from harness.results.primary import keep_primary

if TYPE_CHECKING:
    import pandas as pd

    from harness.results.rundir import Run
    from harness.results.summary import Summary

MetricFunction: TypeAlias = "Callable[[pd.DataFrame], float | None]"
"""The samples of one task at one level, one row per cell -> a number, or None for nothing to say.

The columns are those of `harness.Run.samples`, read by the run's first scorer.
"""

OWN: Final[Registry[MetricFunction]] = Registry("metric", group="harness.metrics")
"""Metrics by name: those of entry points of the group `harness.metrics` and of `--plugin`."""
SHIPPED: Final = frozenset({"accuracy", *METRICS, *ORDINAL})
"""Names that a task file asks for, and no plug-in may take."""
_ADDED: Final = "A metric comes with a package or with --plugin FILE, which lists it in METRICS."


def load_metrics(path: Path) -> tuple[str, ...]:
    """Register the metrics of a Python file, which lists them in `METRICS`: name -> function.

    Returns:
        The names of the file's metrics.

    Raises:
        UsageError: no such file, it fails, lists no functions, or takes a name in use.
    """
    return add_functions(path, "METRICS", OWN, taken=SHIPPED)


def check_metrics(names: Sequence[str]) -> None:
    """Validate before a run that its metrics are there: they are computed when it has ended.

    Raises:
        UnknownNameError: no metric has that name; the message offers the nearest ones.
        UsageError: it is one that a task file asks for, or its package cannot be loaded.
    """
    for name in names:
        if name in SHIPPED:
            raise UsageError(
                f"{name} is a metric of labels, which a task's file asks for.",
                hint=f"Write into it: metric: [accuracy, {name}].",
            )
        if name not in OWN:
            raise UnknownNameError("metric", name, OWN.names(), hint=_ADDED)
        _function(name)


def add_own_metrics(summary: Summary, run: Run) -> Summary:
    """The summary with what the run's own metrics say of its samples, beside those of labels.

    Raises:
        UsageError: a function failed, or returned something else than a number or None.
    """
    names = run.manifest["config"].get("metrics") or ()
    if not names:
        return summary
    samples = keep_primary(run.samples, summary.scorer, run.manifest["tasks"])
    found = measure_own(names, samples)
    tasks = {
        task: replace(stats, metrics=_merge(stats.metrics, found.get(task, {})))
        for task, stats in summary.tasks.items()
    }
    return replace(summary, tasks=tasks)


def measure_own(
    names: Sequence[str], samples: pd.DataFrame
) -> dict[str, dict[str, dict[str, float]]]:
    """Task -> level -> metric -> what its function says of the samples there.

    Args:
        names: the metrics that are wanted.
        samples: one row per cell, of one scorer.

    Raises:
        UsageError: a function failed, or returned something else than a number or None.
    """
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name in dict.fromkeys(names):
        for task, of_task in samples.groupby("task", observed=True, sort=False):
            for level in in_level_order(of_task["level"].unique()):
                there = of_task[of_task["level"] == level].reset_index(drop=True)
                value = _measure(name, there, f"of {task} at level {level}")
                if value is not None:
                    found.setdefault(str(task), {}).setdefault(level, {})[name] = value
    return found


def _merge(
    known: Mapping[str, Mapping[str, float]], own: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """Level -> metric -> value, of both."""
    levels = in_level_order([*known, *own])
    return {level: {**known.get(level, {}), **own.get(level, {})} for level in levels}


def _measure(name: str, samples: pd.DataFrame, where: str) -> float | None:
    try:
        value: object = _function(name)(samples)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            f"the metric {name!r} failed on the samples {where}: {type(error).__name__}: {error}.",
            hint="The answers are kept: mend it or leave --metric out, and repeat the command.",
        ) from error
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise UsageError(
            f"the metric {name!r} returned {value!r} on the samples {where}.",
            hint="It must return a finite number, or None where it has nothing to say.",
        )
    return float(f"{float(value):.10g}") + 0.0  # digits, since a small number has no decimals


def _function(name: str) -> MetricFunction:
    try:
        return OWN.get(name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"metric {name!r} cannot be loaded: {error}.") from error
