"""The pool: workers that Ray runs, each with a copy of the model, and what they are asked."""

from __future__ import annotations

import pickle
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from types import ModuleType
from typing import Any, Final

from harness.core.errors import IncompleteRunError, UsageError
from harness.models import ModelSpec
from harness.models.questions import Answers, Question
from harness.workers import node
from harness.workers.cluster import first_line, nodes_of
from harness.workers.dispatch import Dispatch
from harness.workers.fit import Share
from harness.workers.messages import Copy, Refused
from harness.workers.versions import versions_here

OPEN_WITHIN: Final = 600.0
"""Seconds without any worker, at the start or later, after which a run gives up."""
TICK: Final = 1.0
"""Seconds between two looks at what is slow and at who has joined."""
_LOOK_FOR_NODES: Final = 5.0
_LOST_IN_LOADING: Final = 3

Check = Callable[[Copy], None]
"""Raises `UsageError` where a copy is not of the model that the run is of."""


@dataclass(slots=True)
class _Hired:
    """A worker of the pool."""

    actor: Any
    copy: Copy | None = None
    """None while it loads."""


@dataclass(slots=True)
class Pool:
    """Asks workers; whichever is lost, what it was asked is asked of another."""

    ray: ModuleType
    spec: ModelSpec
    share: Share
    wanted: int | None
    """How many workers; None for as many as the machines hold, however many there are."""
    check: Check
    answered: Counter[str] = field(default_factory=Counter)
    """Machine -> questions that it has answered first."""
    lost: int = 0
    """Workers that ended before the run did."""
    joined: int = 0
    """Workers that came since it was last told."""
    news: deque[str] = field(default_factory=deque)
    """What happened since it was last read that a user should know."""
    dispatch: Dispatch = field(default_factory=Dispatch)
    _workers: dict[str, _Hired] = field(default_factory=dict)
    _names: count[int] = field(default_factory=lambda: count(1))
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _questions: dict[int, bytes] = field(default_factory=dict)
    _asked: dict[Any, tuple[str, int | None]] = field(default_factory=dict)
    """Reference of what is awaited -> worker and question; None while it loads its model."""
    _arrived: list[tuple[int, Answers]] = field(default_factory=list)
    _failed_loads: int = 0
    _alone_since: float | None = None
    _looked: float = float("-inf")

    def open(self) -> Copy:
        """Hire workers and wait for the first; the others join when they are ready.

        Raises:
            UsageError: a worker cannot load the model, or none comes up in time.
        """
        self._hire()
        while not self.copies:
            self._step()
        return self.copies[0]

    @property
    def copies(self) -> list[Copy]:
        """The copies that can be asked now."""
        return [one.copy for one in self._workers.values() if one.copy is not None]

    @property
    def aim(self) -> int:
        """How many workers there are to be, with the machines that there are now."""
        return self.wanted or self.share.count_all(nodes_of(self.ray))

    def submit(self, question: Question) -> int:
        """See `ManyAtOnce`."""
        number = next(self._numbers)
        self._questions[number] = pickle.dumps(question)
        self.dispatch.add(number, size=len(question))
        self._send()
        return number

    def wait(self) -> list[tuple[int, Answers]]:
        """See `ManyAtOnce`."""
        while not self._arrived:
            self._step()
        arrived, self._arrived = self._arrived, []
        return arrived

    def ask(self, question: Question) -> Answers:
        """The answers to one question; others that are answered meanwhile wait to be taken."""
        number = self.submit(question)
        others: list[tuple[int, Answers]] = []
        while True:
            for arrived in self.wait():
                if arrived[0] == number:
                    self._arrived = others + self._arrived
                    return arrived[1]
                others.append(arrived)

    def close(self) -> None:
        """Let all workers go."""
        for hired in self._workers.values():
            self.ray.kill(hired.actor)
        self._workers.clear()
        self._asked.clear()

    def _step(self) -> None:
        """Wait for something to happen, a moment at most, and take note of it."""
        self._hire()
        self._send()
        waiting = list(self._asked)
        if waiting:
            self.ray.wait(waiting, num_returns=1, timeout=TICK)
            done, _ = self.ray.wait(waiting, num_returns=len(waiting), timeout=0)
        else:
            time.sleep(TICK)
            done = []
        for reference in done:
            self._take(reference)
        self._send()
        self._check_anyone()

    def _hire(self) -> None:
        """Have as many workers as are wanted; those that find no room yet wait for a machine."""
        now = time.monotonic()
        if now - self._looked < _LOOK_FOR_NODES:
            return
        self._looked = now
        for _ in range(self.aim - len(self._workers)):
            self._hire_one()

    def _hire_one(self) -> None:
        self.ray.cloudpickle.register_pickle_by_value(node)  # a machine may lack the module
        make = self.ray.remote(node.Worker).options(
            num_cpus=self.share.cpus,
            num_gpus=self.share.gpus,
            memory=self.share.memory or None,
            max_restarts=0,
            max_task_retries=0,
        )
        name, actor = f"worker {next(self._names)}", make.remote()
        self.ray.cloudpickle.unregister_pickle_by_value(node)
        self._workers[name] = _Hired(actor)
        spec, expected = pickle.dumps(self.spec), pickle.dumps(versions_here())
        self._asked[actor.open.remote(spec, expected)] = (name, None)

    def _send(self) -> None:
        for name, number in self.dispatch.assign(time.monotonic()):
            actor = self._workers[name].actor
            self._asked[actor.answer.remote(self._questions[number])] = (name, number)

    def _take(self, reference: Any) -> None:
        if reference not in self._asked:  # of a worker that has just been lost
            return
        name, number = self._asked.pop(reference)
        exceptions = self.ray.exceptions
        try:
            message = pickle.loads(self.ray.get(reference))
        except exceptions.TaskCancelledError:
            message = None
        except exceptions.RayTaskError as error:
            raise error.as_instanceof_cause() from None
        except exceptions.RayError as error:
            self._lose(name, first_line(error))
            return
        if number is None:
            self._join(name, message)
        else:
            self._answer(name, number, message)

    def _join(self, name: str, message: Copy | Refused | dict[str, str]) -> None:
        try:
            copy = _read_opened(message)
            self.check(copy)
        except UsageError as error:
            if not self.answered:
                raise
            self.news.append(f"a worker is turned away: {error}")
            self.ray.kill(self._workers[name].actor)  # kept in the list: it is not tried again
            return
        self._workers[name].copy = copy
        self._failed_loads = 0
        self.dispatch.join(name)
        self.joined += 1

    def _answer(self, name: str, number: int, message: Answers | Refused | None) -> None:
        if isinstance(message, Refused):
            raise message.error()
        first = self.dispatch.answered(name, number, time.monotonic())
        if not first or message is None:
            return
        del self._questions[number]
        copy = self._workers[name].copy
        self.answered[copy.where if copy else name] += 1
        self._arrived.append((number, message))
        self._cancel(number)

    def _cancel(self, number: int) -> None:
        """What has been answered is not begun elsewhere; where it is at work it ends there."""
        holders = set(self.dispatch.holders(number))
        for reference, (name, asked) in self._asked.items():
            if asked == number and name in holders:
                self.ray.cancel(reference, force=False)

    def _lose(self, name: str, reason: str) -> None:
        hired = self._workers.pop(name)
        self._asked = {ref: asked for ref, asked in self._asked.items() if asked[0] != name}
        self.lost += 1
        self._looked = float("-inf")  # another is hired at once
        where = hired.copy.where if hired.copy else "while it loaded the model"
        self.news.append(f"{name} is lost ({where}): {reason}")
        if hired.copy is None:
            self._failed_loads += 1
            if self._failed_loads >= _LOST_IN_LOADING:
                raise UsageError(
                    f"{self._failed_loads} workers ended while they loaded the model: {reason}",
                    hint="Type fewer --workers, or a smaller --dtype, if memory ran out.",
                )
        doomed = self.dispatch.leave(name)
        self.ray.kill(hired.actor)
        if doomed is not None:
            raise IncompleteRunError(
                f"the same {len(pickle.loads(self._questions[doomed]).requests)} prompts have "
                f"ended several workers, the last on {where}: {reason}",
                hint="All answers so far are kept; the same command goes on. If memory ran out, "
                "type fewer --workers.",
            )

    def _check_anyone(self) -> None:
        """Give up where nobody has been there for long.

        Raises:
            IncompleteRunError: no worker is left, and no other has come in their place.
        """
        if self.copies:
            self._alone_since = None
            return
        now = time.monotonic()
        self._alone_since = self._alone_since or now
        if now - self._alone_since > OPEN_WITHIN:
            raise IncompleteRunError(
                f"no worker answers for {OPEN_WITHIN / 60:.0f} minutes; each wants "
                f"{self.share.cpus} cores and {self.share.gpus} GPUs.",
                hint="All answers so far are kept; the same command goes on.",
            )


def _read_opened(message: Copy | Refused | dict[str, str]) -> Copy:
    """The copy that a worker has opened.

    Raises:
        UsageError: it has none.
    """
    if isinstance(message, Copy):
        return message
    if isinstance(message, Refused):
        raise message.error()
    raise UsageError(
        f"on the node {message['where']}: the harness cannot be imported ({message['missing']}).",
        hint="Install it on every machine, the same version: pip install 'robustness-harness[ray]'",
    )
