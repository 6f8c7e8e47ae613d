"""What a comparison found, typed, and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

from harness.compare.changes import Changes, PromptTest
from harness.compare.differences import Difference
from harness.compare.ranking import Ranking

_DECIMALS: Final = 10

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """One run against the first."""

    first: str
    second: str
    differences: tuple[Difference, ...]
    changes: tuple[Changes, ...]
    prompts: tuple[PromptTest, ...]

    def difference(self, metric: str, level: str, task: str | None = None) -> Difference | None:
        """The difference of a metric at a level, of one task or over all; None if undefined."""
        wanted = (metric, level, task)
        found = (d for d in self.differences if (d.metric, d.level, d.task) == wanted)
        return next(found, None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two or more runs on the cells that all of them have."""

    runs: tuple[str, ...]
    scorer: str
    confidence: float
    tasks: tuple[str, ...]
    cells: int
    """Cells that every run has."""
    unmatched: tuple[int, ...]
    """For each run, its cells that another run lacks."""
    notes: tuple[str, ...]
    """Differences between the runs' questions that were let pass."""
    pairs: tuple[Pair, ...]
    """Every other run against the first."""
    rankings: tuple[Ranking, ...]
    """By level."""

    def to_dict(self) -> Json:
        """The comparison in plain JSON types, null where a number is undefined."""
        found = plain(asdict(self))
        if not isinstance(found, dict):
            raise TypeError(type(found))
        return found


def plain(value: object) -> object:
    """A JSON value: tuples as lists, floats rounded, null for NaN and infinity."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return round(value, _DECIMALS) + 0.0 if math.isfinite(value) else None
    return value
