"""Metrics of labels beside accuracy, for the tasks whose files ask for any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from harness.core.records import in_level_order
from harness.results.summary import Summary

NAMES: Final[Mapping[str, str]] = {
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "mcc": "MCC",
    "mean_absolute_error": "Mean absolute error (steps)",
    "quadratic_kappa": "Quadratic kappa",
}
"""Metric -> what a table calls it."""


@dataclass(frozen=True, slots=True)
class LabelMetricRow:
    """One task at one level."""

    task: str
    level: str
    values: Mapping[str, float]
    """Metric -> its mean over prompts."""


def build_label_metrics(summary: Summary) -> tuple[LabelMetricRow, ...]:
    """Every task and level with such metrics, clean first."""
    return tuple(_rows(summary))


def _rows(summary: Summary) -> Iterator[LabelMetricRow]:
    for name, task in summary.tasks.items():
        for level in in_level_order(task.metrics):
            yield LabelMetricRow(name, level, task.metrics[level])
