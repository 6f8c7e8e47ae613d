"""Windows through a model: one after the other, or several in flight where many copies answer.

In flight a window asks what it would ask alone: all that it wants is known when it begins, windows
begin in the plan's order, and what an earlier one has asked is waited for and not asked again. So
a model is asked the same questions however many copies of it answer and whichever is first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.core.cache import ResponseCache
from harness.core.progress import Progress
from harness.core.records import Response, Sample
from harness.evaluation.engine import Asking, Engine, LookUp, Prior
from harness.evaluation.plan import Block
from harness.models.questions import Answers, ManyAtOnce

WINDOWS_PER_COPY: Final = 3
"""One that is answered, one that waits behind it, and one whose samples are scored."""
FEWEST_WINDOWS: Final = 4
"""In flight even where no copy answers yet."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window of the plan, and what is stored of it already."""

    blocks: Sequence[Block]
    asked: Sequence[Block]
    """The blocks without the cells that are stored; none where all are."""
    known: Mapping[str, Prior]
    """Variant id -> its prior, where it is stored."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A window with its samples, to be stored before the next is asked for."""

    window: Window
    samples: Sequence[Sample] = ()
    priors: Mapping[str, Prior] = field(default_factory=dict)


def evaluate_windows(
    engine: Engine, windows: Iterable[Window], progress: Progress
) -> Iterator[Evaluated]:
    """Evaluate windows; where many copies of the model answer, several at the same time.

    Args:
        engine: What asks, and scores.
        windows: In the plan's order, taken as there is room for them.
        progress: Told of each answer.

    Yields:
        Each window with its samples: in order, or where several are in flight as they are answered.
    """
    if isinstance(engine.model, ManyAtOnce):
        yield from _Flight(engine, engine.model, progress).evaluate(iter(windows))
        return
    for window in windows:
        if window.asked:
            yield Evaluated(window, *engine.evaluate(window.asked, window.known, progress))
        else:
            yield Evaluated(window)


@dataclass(slots=True)
class _Flying:
    """A window on its way."""

    window: Window
    asking: Asking
    answers: dict[bytes, Response] = field(default_factory=dict)
    """What was asked for it, or was in the cache when it began."""
    waiting: set[int] = field(default_factory=set)
    """Numbers of the questions that it waits for, its own and those of windows before it."""
    asked: dict[bytes, LookUp] = field(default_factory=dict)
    """Key -> the look-up that asked for it."""


@dataclass(slots=True)
class _Question:
    owner: _Flying
    keys: Sequence[bytes]


@dataclass(slots=True)
class _Flight:
    engine: Engine
    model: ManyAtOnce
    progress: Progress
    flying: list[_Flying] = field(default_factory=list)
    questions: dict[int, _Question] = field(default_factory=dict)
    in_flight: dict[bytes, int] = field(default_factory=dict)
    """Key -> the number of the question that asks for it."""

    def evaluate(self, windows: Iterator[Window]) -> Iterator[Evaluated]:
        """See `evaluate_windows`."""
        more = True
        while more or self.flying:
            while more and len(self.flying) < self._room:
                window = next(windows, None)
                if window is None:
                    more = False
                elif window.asked:
                    self._begin(window)
                else:
                    yield Evaluated(window)
                yield from self._landed()
            if self.flying:
                for number, answers in self.model.wait():
                    self._take(number, answers)
                for told in self.model.news():
                    self.progress.note(told)
                yield from self._landed()

    @property
    def _room(self) -> int:
        return max(WINDOWS_PER_COPY * self.model.copies, FEWEST_WINDOWS)

    def _begin(self, window: Window) -> None:
        flying = _Flying(window, self.engine.ask(window.asked, window.known))
        self.flying.append(flying)
        self._ask_missing(flying)

    def _ask_missing(self, flying: _Flying) -> None:
        """Ask for what is neither known nor on its way."""
        for look_up in flying.asking.look_ups:
            unknown = [
                key for key in dict.fromkeys(look_up.keys)
                if key not in flying.answers and key not in self.in_flight
            ]  # fmt: skip
            flying.answers |= self.cache.get(unknown)
            places = {
                key: place
                for place, key in enumerate(look_up.keys)
                if key not in flying.answers and key not in self.in_flight
            }
            if places:
                self._submit(flying, look_up, places)
            for key in set(look_up.keys).difference(flying.answers):
                flying.waiting.add(self.in_flight[key])

    @property
    def cache(self) -> ResponseCache:
        """The responses that are known."""
        return self.engine.cache

    def _submit(self, flying: _Flying, look_up: LookUp, places: Mapping[bytes, int]) -> None:
        number = self.model.submit(look_up.question.only(list(places.values())))
        self.questions[number] = _Question(flying, list(places))
        for key in places:
            self.in_flight[key] = number
            flying.asked[key] = look_up

    def _take(self, number: int, answers: Answers) -> None:
        question = self.questions.pop(number)
        owner, found = question.owner, {question.keys[place]: one for place, one in answers}
        self.cache.put(found)
        owner.answers |= found
        for key in question.keys:
            del self.in_flight[key]
        self.progress.advance(sum(owner.asked[key].counts_each for key in found))
        for flying in self.flying:
            flying.waiting.discard(number)

    def _landed(self) -> Iterator[Evaluated]:
        """The windows whose every question is answered."""
        for flying in [one for one in self.flying if not one.waiting]:
            wanted = {key for look_up in flying.asking.look_ups for key in look_up.keys}
            flying.answers |= self.cache.get(list(wanted.difference(flying.answers)))
            self._ask_missing(flying)  # a cache that could not be written has lost some
            if not flying.waiting:
                self.flying.remove(flying)
                yield self._score(flying)

    def _score(self, flying: _Flying) -> Evaluated:
        look_ups = flying.asking.look_ups
        for look_up in look_ups:
            asked = sum(flying.asked.get(key) is look_up for key in set(look_up.keys))
            self.engine.hits += len(look_up.keys) - asked
            if look_up.counts_each:
                self.progress.reuse(len(look_up.keys) - asked)
            else:
                self.progress.advance(look_up.cells)
        answers = [[flying.answers[key] for key in look_up.keys] for look_up in look_ups]
        return Evaluated(flying.window, *self.engine.score(flying.asking, answers))
