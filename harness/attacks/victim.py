"""The victim: a model behind the engine, asked for texts on examples, every answer logged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.attacks.querylog import Query, QueryLog, make_query
from harness.core.progress import Progress
from harness.core.records import Example, Variant, stable_id
from harness.evaluation.engine import Engine
from harness.evaluation.plan import Block, cut_pieces, windows
from harness.tasks import Task
from perturbations.search.ledger import Ask
from perturbations.search.recipes import Damage

OnStage = Callable[[str], None]


@dataclass(slots=True)
class Victim:
    """Answers cells from the log, and from the model where the log has no answer yet.

    The texts of a call are evaluated together, in windows that are cut by what is asked and never
    by what is missing: a resumed search sends the model the batches that an undisturbed one sends.
    """

    task: Task
    instruction_id: str
    engine: Engine
    log: QueryLog
    window: int
    on_stage: OnStage
    progress: Progress
    computed: int = 0
    """Cells that this process asked the engine."""

    def ask(self, asked: Iterable[tuple[str, Sequence[Example]]], stage: str) -> None:
        """See to it that the log holds these texts on these examples."""
        self.on_stage(stage)
        wanted = ((self._variant(text), examples) for text, examples in asked)
        for window in windows(cut_pieces(self.task, wanted, self.window), self.window):
            cells = sum(len(block) for block in window)
            if all(self._is_known(block) for block in window):
                self.progress.reuse(cells)
                continue
            samples, _ = self.engine.evaluate(window, {}, self.progress)
            texts = [block.variant.text for block in window for _ in block.examples]
            pairs = zip(texts, samples, strict=True)
            self.log.write(
                make_query(stage, text, sample)
                for text, sample in pairs
                if self.log.get(text, sample.example_id) is None
            )
            self.computed += cells

    def query(self, text: str, example: Example) -> Query:
        """The answer to a cell that has been asked."""
        query = self.log.get(text, example.id)
        if query is None:
            raise LookupError(f"example {example.id} was not asked for {text!r}")
        return query

    def _is_known(self, block: Block) -> bool:
        text = block.variant.text
        return all(self.log.get(text, example.id) is not None for example in block.examples)

    def _variant(self, text: str) -> Variant:
        return Variant(
            id=stable_id(self.task.name, self.instruction_id, "query", text),
            task=self.task.name,
            level="semantic",
            perturbation="query",
            instruction_id=self.instruction_id,
            index=0,
            seed=0,
            text=text,
            original=text,
        )


@dataclass(frozen=True, slots=True)
class SearchObjective:
    """The search split as a `perturbations.search.ledger.Objective`."""

    victim: Victim
    examples: tuple[Example, ...]
    damage: Damage

    @property
    def size(self) -> int:
        """How many examples the search split has."""
        return len(self.examples)

    def measure(self, asks: Sequence[Ask], stage: str) -> list[list[float]]:
        """The damage of each cell of each ask."""
        self.victim.ask(((a.text, self.examples[a.start : a.stop]) for a in asks), stage)
        return [
            [
                damage_of(self.victim.query(ask.text, example), self.damage)
                for example in self.examples[ask.start : ask.stop]
            ]
            for ask in asks
        ]


def damage_of(query: Query, damage: Damage) -> float:
    """The damage of one cell, in [0, 1]; see `perturbations.search.recipes.Damage`."""
    error = 1.0 - query.score
    if damage == "error":
        return error
    return (error + _wrong_mass(query)) / 2


def _wrong_mass(query: Query) -> float:
    """The share of the labels' probability that is not the gold label's."""
    if query.scores is None:
        return 1.0
    top = max(query.scores.values())
    masses = {label: math.exp(score - top) for label, score in query.scores.items()}
    return 1.0 - masses[query.gold] / math.fsum(masses.values())
