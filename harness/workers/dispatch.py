"""Which worker answers which job: who was asked what, and who is asked next.

Nothing is sent here and no clock is read: whoever sends tells what happened and when.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from statistics import median
from typing import Final

DEPTH: Final = 2
"""Jobs that a worker holds: one that it answers and one behind it, so that it never waits."""
TRIES: Final = 3
"""Workers that may be lost over one job before it is taken to be what ends them."""
SLOW: Final = 2.0
"""How many times the usual a job takes that is asked a second time."""
_REMEMBERED: Final = 64
_FEWEST_KNOWN: Final = 3
"""Jobs that were answered before it is known what is usual."""


@dataclass(slots=True)
class _Job:
    size: int
    asked: list[str] = field(default_factory=list)
    """The workers that hold it."""
    lost: int = 0
    """Workers that were lost while they answered it."""


@dataclass(slots=True)
class _Held:
    jobs: deque[int] = field(default_factory=deque)
    """What the worker was sent and has not answered, the first of it at work."""
    since: float = 0.0
    """When it began with the first."""


@dataclass(slots=True)
class Dispatch:
    """Jobs, workers, and who holds what.

    A job goes to the worker that holds least, in the order in which jobs came. What a lost worker
    held waits again, before all that came later. A worker that would be idle is given what waits
    behind another's job, or a job that takes far longer than usual: the first answer counts.

    Example:
        >>> dispatch = Dispatch()
        >>> dispatch.join("a")
        >>> dispatch.add(1, size=10)
        >>> list(dispatch.assign(now=0.0))
        [('a', 1)]
        >>> dispatch.answered("a", 1, now=2.0)
        True
    """

    again: int = 0
    """How often a job was asked a second time because a worker was idle."""
    _jobs: dict[int, _Job] = field(default_factory=dict)
    _waiting: list[int] = field(default_factory=list)
    _workers: dict[str, _Held] = field(default_factory=dict)
    _paces: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """Seconds per unit of size of the last answers."""

    @property
    def workers(self) -> list[str]:
        """Those that can be asked."""
        return list(self._workers)

    def join(self, worker: str) -> None:
        """A worker can be asked from now on."""
        self._workers[worker] = _Held()

    def leave(self, worker: str) -> int | None:
        """A worker is lost, and what it alone held waits again.

        Returns:
            The job over which too many have been lost, if there is one.
        """
        held = self._workers.pop(worker, _Held())
        doomed = None
        for place, number in enumerate(held.jobs):
            job = self._jobs.get(number)
            if job is None:
                continue
            job.asked.remove(worker)
            job.lost += place == 0
            if job.lost >= TRIES:
                doomed = number
            if not job.asked:
                heappush(self._waiting, number)
        return doomed

    def add(self, number: int, *, size: int) -> None:
        """A job waits for a worker; its size is in any unit that time goes with."""
        self._jobs[number] = _Job(size)
        heappush(self._waiting, number)

    def assign(self, now: float) -> Iterator[tuple[str, int]]:
        """Yields (worker, job) for all that is to be sent now."""
        while self._waiting and (worker := self._least_busy()) is not None:
            yield self._give(worker, heappop(self._waiting), now)
        for worker, held in self._workers.items():
            if not held.jobs and (number := self._late(worker, now)) is not None:
                self.again += 1
                yield self._give(worker, number, now)

    def answered(self, worker: str, number: int, now: float) -> bool:
        """A worker is done with a job, well or not; returns whether its answer is the first."""
        held = self._workers.get(worker)
        if held is not None and number in held.jobs:
            first = held.jobs[0] == number
            held.jobs.remove(number)
            if first and number in self._jobs:
                self._paces.append((now - held.since) / max(self._jobs[number].size, 1))
            if first:
                held.since = now
        return self._jobs.pop(number, None) is not None

    def holders(self, number: int) -> list[str]:
        """The workers that hold a job, answered or not."""
        return [worker for worker, held in self._workers.items() if number in held.jobs]

    def _least_busy(self) -> str | None:
        worker = min(self._workers, key=lambda one: len(self._workers[one].jobs), default=None)
        return None if worker is None or len(self._workers[worker].jobs) >= DEPTH else worker

    def _give(self, worker: str, number: int, now: float) -> tuple[str, int]:
        held = self._workers[worker]
        if not held.jobs:
            held.since = now
        held.jobs.append(number)
        self._jobs[number].asked.append(worker)
        return worker, number

    def _late(self, idle: str, now: float) -> int | None:
        """A job of another worker that an idle one should be asked too."""
        behind: list[int] = []
        overdue: list[tuple[float, int]] = []
        for held in self._workers.values():
            for place, number in enumerate(held.jobs):
                job = self._jobs.get(number)
                if job is None or len(job.asked) > 1 or idle in job.asked:
                    continue
                if place:
                    behind.append(number)
                elif (late := now - held.since - SLOW * self._usual(job)) > 0:
                    overdue.append((late, number))
        if behind:
            return min(behind)
        return max(overdue)[1] if overdue else None

    def _usual(self, job: _Job) -> float:
        """Seconds that a job of this size takes; for ever while nothing is known."""
        if len(self._paces) < _FEWEST_KNOWN:
            return float("inf")
        return median(self._paces) * job.size
