"""What a report is made from: runs, and careful ways into their run.json."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.core.records import LeftOut, Variant
from harness.results.primary import keep_primary
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
    def variants(self) -> pd.DataFrame:
        """One row per variant."""

    @property
    def scored_samples(self) -> pd.DataFrame:
        """One row per cell and scorer, without generated text."""

    @property
    def compact_samples(self) -> pd.DataFrame:
        """One row per cell and scorer, without scores and generated text."""

    @property
    def priors(self) -> Mapping[str, Mapping[str, float]]:
        """Variant -> label -> its log-probability without content; may be empty."""

    def said(self, limit: int, length: int) -> Mapping[tuple[str, str], str]:
        """(variant id, example id) -> the start of what was generated there, of `limit` cells."""


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
    """The samples of the scorer whose numbers stand in the summary's main tables.

    Of a task whose answers it cannot read, those of the task's own.
    """
    samples = run.compact_samples
    if samples.empty:
        return samples
    return keep_primary(samples, run.summary.scorer, section(run.manifest, "tasks"))
