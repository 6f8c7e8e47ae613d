"""The section "Why" of a report: explanation.json, shaped for a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.results.explanation import (
    Explanation,
    Fate,
    GroupMeasures,
    Measure,
    ModelExplanation,
    ShownCell,
    ShownPair,
    ShownWord,
    WordPart,
    read_explanation,
)
from harness.results.quantity import Quantity
from reports.source import Run, text_at
from reports.why import LinkRow, faith_rows, link_rows, opening, shown_measures
from reports.why_layers import LayersView, build_layers

DEPTHS: Final = 5
"""Shades of a word; 0 is none."""
DENSE: Final = 0.5
"""The density from which a word is marked as dense."""
NAMED: Final = 3
"""Words that are named as the strongest of a prompt."""
_PARTS: Final[tuple[WordPart, ...]] = ("system", "instruction", "input")


@dataclass(frozen=True, slots=True)
class ShadedWord:
    """A word as it is drawn."""

    text: str
    after_space: bool
    depth: int
    """From 0 to `DEPTHS`, by its share of the importance beside the strongest word's."""
    is_dense: bool
    fate: Fate | None
    density: float
    share: float


@dataclass(frozen=True, slots=True)
class ShadedCell:
    """One prompt with its answer."""

    of: str
    """Whose it is: `clean` or `perturbed`, with the model where there are two."""
    said: str
    is_right: bool
    parts: tuple[tuple[WordPart, tuple[ShadedWord, ...]], ...]
    strongest: tuple[ShadedWord, ...]
    """The words with the largest shares, the first the strongest."""


@dataclass(frozen=True, slots=True)
class PairView:
    """A flip beside its clean twin, on one model or on two."""

    pair: ShownPair
    cells: tuple[ShadedCell, ...]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A level or a perturbation on one model."""

    name: str
    model: str
    group: GroupMeasures


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The instruction score of right and of wrong answers."""

    model: str
    right: Quantity | None
    wrong: Quantity | None


@dataclass(frozen=True, slots=True)
class TestRow:
    """One test of an explanation."""

    model: str
    what: str
    found: Quantity
    should_be: str


@dataclass(frozen=True, slots=True)
class WhyView:
    """All that the section shows."""

    opening: str
    has_failed: bool
    explanation: Explanation
    columns: tuple[Measure, ...]
    levels: tuple[GroupRow, ...]
    perturbations: tuple[GroupRow, ...]
    links: tuple[LinkRow, ...]
    scores: tuple[ScoreRow, ...]
    tests: tuple[TestRow, ...]
    gain_columns: tuple[Measure, ...]
    pairs: tuple[PairView, ...]
    layers: LayersView | None
    """What tuning changed inside the model, where it was asked for."""

    @property
    def several(self) -> bool:
        """Whether two models stand side by side."""
        return len(self.explanation.models) > 1


def build_why(run: Run) -> WhyView | None:
    """The section of a run; None where it was not explained."""
    explanation = read_explanation(run.path, text_at(run.manifest, "run_id"))
    if explanation is None:
        return None
    models = explanation.models
    gained = {name for measures in explanation.gains.values() for name in measures}
    columns = shown_measures(explanation)
    return WhyView(
        opening=opening(explanation),
        has_failed=any(one.faithfulness and not one.faithfulness.is_passed for one in models),
        explanation=explanation,
        columns=columns,
        levels=tuple(_rows(models, "levels")),
        perturbations=tuple(_rows(models, "perturbations")),
        links=tuple(link_rows(explanation)),
        scores=tuple(ScoreRow(one.name, one.right, one.wrong) for one in models),
        tests=tuple(TestRow(one.name, *row) for one in models for row in faith_rows(one)),
        gain_columns=tuple(name for name in columns if name in gained),
        pairs=tuple(_pair(pair) for pair in explanation.worst),
        layers=build_layers(explanation.layers),
    )


def _rows(models: Sequence[ModelExplanation], by: str) -> Iterator[GroupRow]:
    """The rows of a table, a name's models side by side."""
    groups = [getattr(model, by) for model in models]
    for name in dict.fromkeys(name for held in groups for name in held):
        for model, held in zip(models, groups, strict=True):
            if name in held:
                yield GroupRow(name, model.name, held[name])


def _pair(pair: ShownPair) -> PairView:
    several = len(pair.sides) > 1
    cells = [
        _cell(f"{of}, {side.model}" if several else of, cell)
        for side in pair.sides
        for of, cell in (("clean", side.clean), ("perturbed", side.perturbed))
    ]
    return PairView(pair, tuple(cells))


def _cell(of: str, cell: ShownCell) -> ShadedCell:
    content = [word for word in cell.words if word.part in _PARTS]
    largest = max((word.share for word in content), default=0.0)
    shaded = [(word, _shade(word, largest)) for word in content]
    parts = [(part, tuple(shade for word, shade in shaded if word.part == part)) for part in _PARTS]
    ranked = sorted((shade for _, shade in shaded if shade.share > 0), key=lambda one: -one.share)
    return ShadedCell(
        of=of,
        said=cell.said,
        is_right=cell.is_right,
        parts=tuple((part, words) for part, words in parts if words),
        strongest=tuple(ranked[:NAMED]),
    )


def _shade(word: ShownWord, largest: float) -> ShadedWord:
    depth = math.ceil(DEPTHS * word.share / largest) if largest > 0 else 0
    return ShadedWord(
        word.text,
        word.after_space,
        depth,
        word.density >= DENSE,
        None if word.fate == "kept" else word.fate,
        word.density,
        word.share,
    )
