"""What a report is made from: runs, and careful ways into their run.json."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.core.records import LeftOut, Variant
from harness.results.summary import Summary

if TYPE_CHECKING:
    import pandas as pd


class Run(Protocol):
    """A run directory, read."""

    @property
    def path(self) -> Path:
        """The run directory."""

    @property
    def manifest(self) -> Mapping[str, object]:
        """run.json."""

    @property
    def summary(self) -> Summary:
        """summary.json."""

    @property
    def left_out(self) -> Sequence[LeftOut]:
        """The perturbations that a level of this run lacks."""

    @property
    def variant_records(self) -> Sequence[Variant]:
        """variants.jsonl."""

    @property
    def examples(self) -> pd.DataFrame:
        """One row per example: task, id, gold and the start of its input; may be empty."""

    @property
    def compact_samples(self) -> pd.DataFrame:
        """One row per cell and scorer, without scores and generated text."""


def section(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    """The JSON object at `key`; empty where there is none."""
    value = parent.get(key)
    return value if isinstance(value, Mapping) else {}


def text_at(parent: Mapping[str, object], key: str, default: str = "") -> str:
    """The value at `key` as text."""
    value = parent.get(key)
    return default if value is None else str(value)


def number_at(parent: Mapping[str, object], key: str) -> float | None:
    """The number at `key`; None for what is none, NaN and booleans included."""
    value = parent.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return float(value)


def count_at(parent: Mapping[str, object], key: str) -> int:
    """The count at `key`; 0 where there is none."""
    return round(number_at(parent, key) or 0)


def texts_at(parent: Mapping[str, object], key: str) -> tuple[str, ...]:
    """The list of texts at `key`."""
    value = parent.get(key)
    if isinstance(value, str) or not isinstance(value, Sequence):
        return ()
    return tuple(str(item) for item in value)


def primary_samples(run: Run) -> pd.DataFrame:
    """The samples of the scorer whose numbers stand in the summary's main tables."""
    samples = run.compact_samples
    if samples.empty:
        return samples
    return samples[samples["scorer"] == run.summary.scorer]


def run_names(runs: Sequence[Run]) -> list[str]:
    """A short name for each run, all different: the model's, or else the folder's.

    Of a model's path only as many last folders are kept as tell the runs apart.
    """
    models = [text_at(section(run.manifest, "model"), "name", run.path.name) for run in runs]
    paths = [_folders(name) for name in models]
    for depth in range(1, max(map(len, paths), default=0) + 1):
        names = ["/".join(path[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    folders = [run.path.name for run in runs]
    if len(set(folders)) == len(folders):
        return folders
    return [f"{name} ({run.path})" for name, run in zip(models, runs, strict=True)]


def _folders(name: str) -> list[str]:
    # One slash alone may be that of a hub id, whose owner says as much as the name.
    return name.rstrip("/").split("/") if name.count("/") > 1 else [name]
