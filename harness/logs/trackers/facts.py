"""What of a run goes to an experiment tracker: tags, parameters, metrics with bounds, tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.core.records import CLEAN
from harness.results.jsonfiles import Json
from harness.results.quantity import Quantity, quantities_of
from harness.results.rundir import Run
from harness.results.summary import GroupStats, Summary

Row = Mapping[str, str | float | None]
MAX_TAG: Final = 250
"""Characters of a tag: trackers refuse longer ones."""
_COUNTED: Final = ("examples", "cells", "drop_p_adjusted", "drop_detectable")
"""What is worth a curve though it has no interval."""
_PARAMETERS: Final = (
    "scorers", "few_shot", "target", "temperature", "repeats", "limit", "instructions", "strength",
    "seed", "confidence", "resamples",
)  # fmt: skip
"""Options of a run that are told; paths, addresses and names of keys are not among them."""


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A run as every tracker is told of it."""

    name: str
    run_id: str
    tags: Mapping[str, str]
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    """Name -> value; an interval's ends follow the name as `…_low` and `…_high`."""
    tables: Mapping[str, Sequence[Row]]


def tracked_run(run: Run) -> TrackedRun:
    """What of a finished run is told to a tracker.

    Raises:
        UsageError: one of its files is missing or damaged.
    """
    manifest, summary = run.manifest, run.summary
    return TrackedRun(
        name=run.path.resolve().name,
        run_id=str(manifest["run_id"]),
        tags=dict(_tags(manifest, summary)),
        parameters=dict(_parameters(manifest)),
        metrics=dict(_metrics(summary)),
        tables=_tables(summary),
    )


def _tags(manifest: Json, summary: Summary) -> Iterator[tuple[str, str]]:
    model = manifest["model"]
    tags = {
        "run_id": manifest["run_id"],
        "model": model.get("name"),
        "fingerprint": model.get("fingerprint"),
        "tasks": ", ".join(manifest["tasks"]),
        "levels": ", ".join(level for level in summary.levels if level != CLEAN),
        "seed": manifest["seed"],
        "scorer": summary.scorer,
        "metric": ", ".join(dict.fromkeys(task.metric for task in summary.tasks.values())),
        "prompt_format": manifest["prompt_format"],
        "imported_from": manifest.get("imported", {}).get("tool"),
    }
    for name, value in tags.items():
        if value not in (None, ""):
            yield f"harness.{name}", _one_line(value)


def _parameters(manifest: Json) -> Iterator[tuple[str, str]]:
    for name in _PARAMETERS:
        value = manifest["config"].get(name)
        if value is not None:
            listed = isinstance(value, list | tuple)
            yield name, _one_line(", ".join(map(str, value)) if listed else value)


def _metrics(summary: Summary) -> Iterator[tuple[str, float]]:
    for level, stats in summary.levels.items():
        yield from _of_group(level, stats)
    for name, task in summary.tasks.items():
        for level, stats in task.levels.items():
            yield from _of_group(f"task/{metric_part(name)}/{level}", stats)


def metric_part(name: str) -> str:
    """A task's name as a part of a metric's: trackers take few signs, and a slash is a folder."""
    return re.sub(r"[^\w\-. ]+|\.{2,}", "_", name)


def _of_group(prefix: str, stats: GroupStats) -> Iterator[tuple[str, float]]:
    for name in sorted(quantities_of(GroupStats)):
        quantity = getattr(stats, name)
        if isinstance(quantity, Quantity):
            yield f"{prefix}/{name}", quantity.value
            if quantity.interval is not None:
                yield f"{prefix}/{name}_low", quantity.interval[0]
                yield f"{prefix}/{name}_high", quantity.interval[1]
    for name in _COUNTED:
        if (value := getattr(stats, name)) is not None:
            yield f"{prefix}/{name}", float(value)


def _tables(summary: Summary) -> dict[str, list[Row]]:
    """The tables of a report that fit into a tracker: levels, perturbations, worst variants."""
    groups = {
        "levels": [("", summary.levels), *((n, t.levels) for n, t in summary.tasks.items())],
        "perturbations": [("", summary.perturbations)],
    }
    tables: dict[str, list[Row]] = {
        title: [
            {"task": task or "all", title[:-1]: name, **_row(stats)}
            for task, of_task in parts
            for name, stats in of_task.items()
        ]
        for title, parts in groups.items()
    }
    tables["worst_variants"] = [
        {
            "variant": one.variant_id,
            "task": one.task,
            "level": one.level,
            "perturbation": one.perturbation,
            "accuracy": one.accuracy,
            "clean_accuracy": one.clean_accuracy,
            **_with_ends("drop", one.drop),
            "drop_p_adjusted": one.drop_p_adjusted,
        }
        for one in summary.worst_variants
    ]
    return {name: rows for name, rows in tables.items() if rows}


def _row(stats: GroupStats) -> dict[str, float | None]:
    names = ("accuracy", "drop", "flip_rate", "consistency", "worst_prompt_accuracy")
    found: dict[str, float | None] = {}
    for name in names:
        found |= _with_ends(name, getattr(stats, name))
    return {**found, "drop_p_adjusted": stats.drop_p_adjusted, "cells": float(stats.cells)}


def _with_ends(name: str, quantity: Quantity | None) -> dict[str, float | None]:
    if quantity is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: quantity.value, f"{name}_low": quantity.low, f"{name}_high": quantity.high}


def _one_line(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= MAX_TAG else f"{text[: MAX_TAG - 1]}…"
