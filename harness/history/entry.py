"""What the history knows of one run directory, as typed records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from harness.results.quantity import Quantity

State: TypeAlias = Literal["finished", "unfinished", "broken"]


@dataclass(frozen=True, slots=True)
class Measure:
    """What a run scores at one level, on one task or over all of them."""

    task: str | None
    """None: the mean over the run's tasks."""
    level: str
    metric: str
    """What the mean score is called: accuracy, token F1 …"""
    accuracy: Quantity | None
    drop: Quantity | None
    """None for clean instructions, and where it is undefined."""
    cells: int
    examples: int


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One run directory. Of a broken or unfinished one only what its run.json says is known."""

    path: str
    """Absolute."""
    state: State
    reason: str = ""
    """Why it is not finished, or what is wrong with it."""
    run_id: str = ""
    seal: str = ""
    """Of run.json: two directories with the same one hold copies of one run."""
    model: str = ""
    date: datetime | None = None
    """When it ended, or began where it has not; in UTC."""
    seed: int | None = None
    scorer: str = ""
    confidence: float = 0.95
    """Of its intervals."""
    tasks: tuple[str, ...] = ()
    cells: int = 0
    measures: tuple[Measure, ...] = ()

    @property
    def iso_date(self) -> str | None:
        """Its date for programs, as ISO 8601."""
        return self.date.isoformat() if self.date else None

    @property
    def moment(self) -> float:
        """What runs are sorted by: seconds since 1970, and 0 where no date is known."""
        return self.date.timestamp() if self.date else 0.0

    def measure(self, task: str | None, level: str) -> Measure | None:
        """What it scores on a task (None: over all) at a level."""
        return next((m for m in self.measures if m.task == task and m.level == level), None)


@dataclass(frozen=True, slots=True)
class ExampleScores:
    """The scores of one task at one level, by example: what runs are paired by."""

    task: str
    level: str
    cells: bytes
    """A hash of what was asked: every variant's text on every example's content, and how often."""
    means: bytes
    """The mean score of each example over its variants, float32, in the order of their ids."""


@dataclass(frozen=True, slots=True)
class ReadRun:
    """A run directory, read."""

    entry: RunEntry
    scores: tuple[ExampleScores, ...] = ()
    """Empty where the run asked a part of its grid: its cells are not those of another run."""
