"""What hardening changed: the comparisons of its runs as rows of one table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

from harness.comparison import Comparison
from harness.comparison.differences import Difference
from harness.comparison.result import plain
from harness.core.records import PERTURBED
from harness.results.jsonfiles import Json

METRICS: Final = ("accuracy", "consistency", "worst_prompt_accuracy")
"""What is compared: how often right, how alike the answers, and the worst wording."""


@dataclass(frozen=True, slots=True)
class Change:
    """One metric of one level before and after, beside plain tuning where there is that."""

    metric: str
    level: str
    """`perturbed` stands for all perturbed levels alike."""
    before: float
    after: float
    gain: Difference
    """After less before."""
    control: float | None = None
    over_control: Difference | None = None
    """After less plain tuning of the same rows and steps."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What hardening changed, on the task and elsewhere."""

    task: tuple[Change, ...]
    elsewhere: tuple[tuple[str, Change], ...] = ()
    """Name of another task -> its accuracy, clean and perturbed."""

    @property
    def headline(self) -> Change | None:
        """Accuracy over all perturbed levels: held-out wordings under held-out perturbations."""
        return next((one for one in self.task if one.level == PERTURBED), None)

    def to_dict(self) -> Json:
        """The outcome in plain JSON types."""
        return plain(
            {
                "task": [asdict(one) for one in self.task],
                "elsewhere": [{"task": name, **asdict(one)} for name, one in self.elsewhere],
            }
        )


def read_changes(gained: Comparison, over_control: Comparison | None) -> tuple[Change, ...]:
    """The changes on the task, the mean over perturbed levels first.

    Args:
        gained: of the untouched model with the hardened one.
        over_control: of plain tuning with the hardened one.
    """
    (pair,) = gained.pairs
    other = over_control.pairs[0] if over_control is not None else None
    overall = _change(pair.overall, None if other is None else other.overall)
    by_level = (
        _change(one, None if other is None else other.difference(one.metric, one.level))
        for one in pair.differences
        if one.task is None
    )
    return tuple(one for one in (overall, *by_level) if one is not None)


def read_elsewhere(
    lost: Comparison, over_control: Comparison | None
) -> Iterator[tuple[str, Change]]:
    """The changes in accuracy on each other task, clean and by level."""
    (pair,) = lost.pairs
    other = over_control.pairs[0] if over_control is not None else None
    for one in pair.differences:
        if one.task is None or one.metric != "accuracy":
            continue
        over = None if other is None else other.difference(one.metric, one.level, one.task)
        found = _change(one, over)
        if found is not None:
            yield one.task, found


def _change(gain: Difference | None, over: Difference | None) -> Change | None:
    if gain is None:
        return None
    return Change(
        metric=gain.metric,
        level=gain.level,
        before=gain.first,
        after=gain.second,
        gain=gain,
        control=None if over is None else over.first,
        over_control=over,
    )
