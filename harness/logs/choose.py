"""Which of a log's metrics becomes the score of a cell."""

from __future__ import annotations

from collections.abc import Sequence

from harness.core.errors import UnknownNameError, UsageError
from harness.logs.record import Log


def choose_metric(logs: Sequence[Log], wanted: str | None) -> str:
    """The metric that all logs of a task have, and whose values are scores.

    Args:
        logs: of one task.
        wanted: its name; without what follows a comma the first of that name. Default: the tool's
            main metric that is a score.

    Returns:
        Its whole name.

    Raises:
        UnknownNameError: no such metric.
        UsageError: its values are no scores, or no metric has any.
    """
    shared = [name for name in logs[0].metrics if all(name in log.metrics for log in logs[1:])]
    if wanted is not None:
        named = [name for name in shared if wanted in (name, name.partition(",")[0])]
        if not named:
            raise UnknownNameError(f"metric of {logs[0].task}", wanted, shared)
        if why := unfit(logs, named[0]):
            raise UsageError(f"the metric {named[0]} of {logs[0].task} cannot be carried: {why}.")
        return named[0]
    for name in shared:
        if not unfit(logs, name):
            return name
    reasons = "; ".join(f"{name}: {unfit(logs, name)}" for name in shared)
    raise UsageError(
        f"{logs[0].task}: no metric of this log is a score from 0 to 1 per example"
        f" ({reasons or 'it has none'})."
    )


def unfit(logs: Sequence[Log], metric: str) -> str:
    """Why a metric's values are no scores; empty where they are."""
    if any(metric in log.worse_when_higher for log in logs):
        return "less of it is better"
    found = [row.scored[metric].value for log in logs for row in log.rows if metric in row.scored]
    values = [value for value in found if value is not None]
    if not values:
        return "it has no number per example"
    low, high = min(values), max(values)
    if low < 0 or high > 1:
        return f"its values go from {low:g} to {high:g}, scores from 0 to 1"
    return ""
