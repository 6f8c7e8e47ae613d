"""Metrics beside accuracy, where a task's file asks for any of labels or a run for one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from harness.core.records import in_level_order
from harness.results.summary import Summary
from reports.formatting import MINUS, number

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
_SMALL: Final = 0.001
_LARGE: Final = 1e7


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


def metric_value(value: float | None) -> str:
    """A metric as a table shows it: three decimals, or three digits where these would hide it.

    Example:
        >>> metric_value(0.3754), metric_value(0.00004), metric_value(1e300)
        ('0.375', '4e-05', '1e+300')
    """
    if value is None or value == 0 or _SMALL <= abs(value) < _LARGE:
        return number(value, 3)
    return f"{value:.3g}".replace("-", MINUS, 1) if value < 0 else f"{value:.3g}"


def metric_name(metric: str) -> str:
    """What a table calls a metric."""
    return NAMES.get(metric, metric)
