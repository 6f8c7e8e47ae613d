"""What a summary needs to know of a task besides its samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.metrics.variant_validity import UnmadeVariants
from harness.results.kinds import OWN_SCORERS


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What a summary needs to know of a task besides its samples."""

    chance: float
    labels: Sequence[str]
    label_tokens: Sequence[int] | None = None
    """How many tokens each label has; without them POSIX is undefined."""
    unmade: UnmadeVariants = field(default_factory=UnmadeVariants)
    metric: str = "accuracy"
    """What the mean score is called."""
    metrics: Sequence[str] = ()
    """Metrics of labels that are wanted beside it."""
    order: Sequence[str] = ()
    """The names of ordinal labels from one end of their scale to the other."""
    own_scorers: Sequence[str] = ()
    """Which scorers read its answers where the one asked for cannot."""


def task_facts(task: Mapping[str, Any]) -> TaskFacts:
    """The facts that run.json has of a task."""
    unmade = {kind: task.get(kind, {}) for kind in ("no_ops", "duplicates", "dissimilar")}
    return TaskFacts(
        task["chance"],
        task["labels"],
        task.get("label_tokens"),
        UnmadeVariants(**unmade),
        metric=task.get("metric", "accuracy"),
        metrics=task.get("metrics", ()),
        order=task.get("order", ()),
        own_scorers=OWN_SCORERS.get(task.get("kind", ""), ()),
    )
