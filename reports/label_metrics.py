"""Metrics beside accuracy, where a task's file asks for any of labels or a run for one's own."""

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
"""Metric of labels -> what a table calls it; one's own is called by its name."""


METRICS_LEDE: Final = (
    "Those of labels are means over prompts, others are what the user's own functions return; "
    "without intervals."
)
"""What the numbers are."""


@dataclass(frozen=True, slots=True)
class LabelMetricRow:
    """One task at one level."""

    task: str
    level: str
    values: Mapping[str, float]
    """Metric -> its value."""


def build_label_metrics(summary: Summary) -> tuple[LabelMetricRow, ...]:
    """Every task and level with such metrics, clean first."""
    return tuple(_rows(summary))


def _rows(summary: Summary) -> Iterator[LabelMetricRow]:
    for name, task in summary.tasks.items():
        for level in in_level_order(task.metrics):
            yield LabelMetricRow(name, level, task.metrics[level])


def metric_name(metric: str) -> str:
    """What a table calls a metric."""
    return NAMES.get(metric, metric)
