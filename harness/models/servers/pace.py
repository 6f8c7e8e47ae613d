"""How many requests are in flight: as many as make the server faster, fewer when it says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

FIRST: Final = 4
MOST: Final = 64
_ROUNDS: Final = 4
"""Answers per request in flight before a limit is judged."""
_FASTER: Final = 1.05
"""How much faster a larger limit must be to be worth it."""


@dataclass(slots=True)
class Pace:
    """A limit of requests in flight that doubles while that pays, and halves when it is told to.

    Args:
        fixed: the limit, where it is not to be looked for.
        clock: seconds, from anywhere on.
    """

    fixed: int | None = None
    clock: Callable[[], float] = time.perf_counter
    limit: int = FIRST
    _best: float = 0.0
    _best_limit: int = FIRST
    _ceiling: int = MOST
    _settled: bool = False
    _answers: int = 0
    _begun: float | None = field(default=None)

    def __post_init__(self) -> None:
        if self.fixed is not None:
            self.limit, self._settled = self.fixed, True

    def begin(self) -> None:
        """More is to be asked than may be in flight, from now on."""
        self._answers, self._begun = 0, self.clock()

    def answered(self, *, waiting: int) -> None:
        """An answer came, and so many requests have not been sent yet."""
        if self._settled or self._begun is None:
            return
        if waiting < self.limit:  # the end of a batch says nothing about the server
            self._begun = None
            return
        self._answers += 1
        if self._answers >= _ROUNDS * self.limit:
            self._judge(self._answers / max(self.clock() - self._begun, 1e-9))
            self.begin()

    def refused(self) -> None:
        """The server said that it is asked too much."""
        self._ceiling = max(1, self.limit // 2)
        self.limit, self._settled = self._ceiling, True

    def _judge(self, rate: float) -> None:
        if rate < self._best * _FASTER:
            self.limit, self._settled = self._best_limit, True
            return
        self._best, self._best_limit = rate, self.limit
        self.limit = min(2 * self.limit, self._ceiling)
        self._settled = self.limit == self._best_limit
