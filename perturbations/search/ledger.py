"""What a search has asked and what it may still ask: cells, never more than the budget."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Ask:
    """One text on the examples `start:stop` of the search split."""

    text: str
    start: int
    stop: int

    @property
    def cells(self) -> int:
        """How many cells it takes."""
        return self.stop - self.start


class Objective(Protocol):
    """Measures how much damage texts do, example by example."""

    @property
    def size(self) -> int:
        """How many examples the search split has; they have a fixed order."""
        ...

    def measure(self, asks: Sequence[Ask], stage: str) -> list[list[float]]:
        """The damage of each cell of each ask, in [0, 1]; `stage` says what it is asked for."""
        ...


class Ledger:
    """Asks an objective on behalf of a search, each cell once, within a budget of cells.

    A text is always measured on a prefix of the search split, so that texts which have been
    measured equally deep have been measured on the same examples and can be compared in pairs.
    """

    def __init__(self, objective: Objective, budget: int) -> None:
        self.budget = budget
        self.spent = 0
        self._objective = objective
        self._damages: dict[str, list[float]] = {}

    @property
    def size(self) -> int:
        """How many examples there are: the depth at which a text is fully measured."""
        return self._objective.size

    @property
    def left(self) -> int:
        """How many cells may still be asked."""
        return self.budget - self.spent

    @property
    def texts(self) -> Collection[str]:
        """All texts that have been measured."""
        return self._damages.keys()

    def depth(self, text: str) -> int:
        """On how many examples the text has been measured."""
        return len(self._damages.get(text, ()))

    def cost(self, texts: Sequence[str], depth: int) -> int:
        """How many new cells it takes to measure all texts down to `depth`."""
        return sum(max(0, depth - self.depth(text)) for text in dict.fromkeys(texts))

    def affordable_depth(self, texts: Sequence[str], cells: int) -> int:
        """The greatest depth down to which all texts can be measured within so many new cells."""
        cells = min(cells, self.left)
        low, high = 0, self.size
        while low < high:
            middle = (low + high + 1) // 2
            if self.cost(texts, middle) <= cells:
                low = middle
            else:
                high = middle - 1
        return low

    def extend(self, texts: Sequence[str], depth: int, stage: str) -> None:
        """Measure all texts down to `depth`, what is new in one call of the objective.

        Raises:
            UsageError: that would exceed the budget.
        """
        depth = min(depth, self.size)
        wanted = [Ask(t, self.depth(t), depth) for t in dict.fromkeys(texts)]
        asks = [ask for ask in wanted if ask.cells > 0]
        cells = sum(ask.cells for ask in asks)
        if cells > self.left:
            raise UsageError(f"{stage}: {cells} cells were asked for and {self.left} are left.")
        if not asks:
            return
        for ask, damages in zip(asks, self._objective.measure(asks, stage), strict=True):
            self._damages.setdefault(ask.text, []).extend(damages)
        self.spent += cells

    def mean(self, text: str, depth: int | None = None) -> float:
        """Mean damage of a text on the first `depth` examples, or on all it was measured on."""
        damages = self._damages[text][:depth]
        return sum(damages) / len(damages)
