"""How a run tells where it is. The terminal draws it; a library call may pass nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Progress(Protocol):
    """Told what a run does; never asked anything."""

    def start(self, total: int, finished: int = 0, *, unit: str = "cells") -> None:
        """There are `total` answers to get, so many of them from before, counted in `unit`."""

    def doing(self, task: str, level: str) -> None:
        """The task and level that come next."""

    def advance(self, answers: int) -> None:
        """So many answers have just been computed."""

    def reuse(self, answers: int) -> None:
        """So many answers were there already: on disk, in the cache, or equal to another's."""

    def note(self, text: str) -> None:
        """Something the user should know."""

    def stop(self) -> None:
        """The run has ended, well or not."""


class NoProgress:
    """Says nothing."""

    def start(self, total: int, finished: int = 0, *, unit: str = "cells") -> None:
        """Ignored."""

    def doing(self, task: str, level: str) -> None:
        """Ignored."""

    def advance(self, answers: int) -> None:
        """Ignored."""

    def reuse(self, answers: int) -> None:
        """Ignored."""

    def note(self, text: str) -> None:
        """Ignored."""

    def stop(self) -> None:
        """Ignored."""


@dataclass(slots=True)
class Pace:
    """How fast answers are computed, and how long the rest takes.

    Answers that were there already come in no time. Neither they nor the time between them count,
    else a resumed run would look a thousand times as fast as it is, and its end minutes away.

    Example:
        >>> now = iter([0.0, 1.0, 3.0]).__next__
        >>> pace = Pace(total=100, finished=50, clock=now)
        >>> pace.reuse(50)  # at 1 s
        >>> pace.advance(10)  # at 3 s, 2 s later
        >>> pace.rate, pace.seconds_left
        (5.0, 8.0)
    """

    total: int
    finished: int = 0
    """Answers that are known to be on disk before the first comes in."""
    clock: Callable[[], float] = time.monotonic
    unit: str = "cells"
    """What is counted, in the plural."""
    computed: int = 0
    reused: int = 0
    busy: float = 0.0
    """Seconds that went by while answers were computed."""
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.clock()

    def advance(self, answers: int) -> None:
        """So many answers have been computed since the last call."""
        now = self.clock()
        self.busy += now - self._last
        self.computed += answers
        self._last = now

    def reuse(self, answers: int) -> None:
        """So many answers were there already."""
        self.reused += answers
        self._last = self.clock()

    @property
    def done(self) -> int:
        """Answers that are there, computed or reused."""
        return self.computed + self.reused

    @property
    def rate(self) -> float | None:
        """Computed answers per second; None before the first."""
        return self.computed / self.busy if self.computed and self.busy > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this rate; 0 where nothing is left to compute."""
        left = self.total - self.done - max(self.finished - self.reused, 0)
        if left <= 0:
            return 0.0
        return None if self.rate is None else left / self.rate
