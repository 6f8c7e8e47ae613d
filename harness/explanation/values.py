"""What each explained cell, and each pair of a cell and its clean twin, comes to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.records import Variant
from harness.explanation.choose import Pair
from harness.explanation.density import instruction_score
from harness.explanation.shift import Match, match_words
from harness.explanation.store import Attribution, ExplainedWord
from harness.explanation.words import PromptPart
from harness.results.explanation import Measure
from perturbations.label_patterns import label_pattern


@dataclass(frozen=True, slots=True)
class PairValues:
    """A pair, what was measured of its perturbed cell, and what happened to its answer."""

    pair: Pair
    instruction_id: str
    values: Mapping[Measure, float]
    """NaN where the cell has no such word."""
    matches: Mapping[int, Match]
    """Place of a word of the perturbed text -> what became of it."""
    loss: float
    """Of log-odds of the right answer, in nats; NaN where they are not known."""
    flipped: bool


def cell_values(cell: Attribution, label_words: tuple[str, ...]) -> dict[Measure, float]:
    """What is measured of one cell by itself."""
    instruction = of_part(cell.words, "instruction")
    named = _label_words(instruction, label_words)
    return {
        "instruction": _mean(word.density for word in instruction),
        "input": _mean(word.density for word in of_part(cell.words, "input")),
        "labels": _mean(word.density for word in named),
        "instruction_share": sum(word.share for word in instruction) if instruction else math.nan,
        "input_share": _total(of_part(cell.words, "input")),
        "score": instruction_score(np.array([word.density for word in instruction])),
    }


def pair_values(
    clean: Attribution, perturbed: Attribution, variant: Variant
) -> tuple[dict[Measure, float], dict[int, Match]]:
    """What is measured of a perturbed cell against its clean twin, and what became of its words.

    Words are matched in the perturbed text itself: the system text where that is what a variant
    changes, else the instruction.
    """
    part: PromptPart = "system" if variant.target == "system" else "instruction"
    before, after = (_places(cell.words, part) for cell in (clean, perturbed))
    matches: dict[int, Match] = {}
    pairs: list[tuple[ExplainedWord, ExplainedWord]] = []
    for copy in sorted({perturbed.words[place].copy for place in after}):
        old = [place for place in before if clean.words[place].copy == copy]
        new = [place for place in after if perturbed.words[place].copy == copy]
        found = match_words(_texts(clean, old), _texts(perturbed, new), variant.edits)
        matches |= dict(zip(new, found, strict=True))
        pairs += [
            (clean.words[old[match.original]], perturbed.words[place])
            for place, match in zip(new, found, strict=True)
            if match.original is not None
        ]
    fates = {
        fate: [perturbed.words[place] for place, match in matches.items() if match.fate == fate]
        for fate in ("inserted", "changed")
    }
    return {
        "inserted": _mean(word.density for word in fates["inserted"]),
        "changed": _mean(word.density for word in fates["changed"]),
        "shift": _mean(now.density - was.density for was, now in pairs),
        "share_shift": sum(now.share - was.share for was, now in pairs) if pairs else math.nan,
    }, matches


def log_odds(scores: Mapping[str, float] | None, gold: str) -> float:
    """Log-odds of the right label among the labels, in nats; NaN where it is not known.

    Example:
        >>> round(log_odds({"yes": -1.0, "no": -3.0}, "yes"), 6)
        2.0
    """
    if not scores or gold not in scores or len(scores) < 2:
        return math.nan
    others = np.array([value for label, value in scores.items() if label != gold])
    return float(scores[gold] - np.logaddexp.reduce(others))


def of_part(words: Iterable[ExplainedWord], part: PromptPart) -> list[ExplainedWord]:
    """The words of a part."""
    return [word for word in words if word.part == part]


def known(values: Iterable[PairValues], *names: Measure) -> list[PairValues]:
    """The pairs in which all of these could be measured."""
    return [one for one in values if all(math.isfinite(one.values[name]) for name in names)]


def _label_words(
    words: Sequence[ExplainedWord], label_words: tuple[str, ...]
) -> list[ExplainedWord]:
    """The words that name a label, in any form that perturbations protect."""
    pattern = label_pattern(label_words)
    if pattern is None or not words:
        return []
    copies: dict[int, list[ExplainedWord]] = {}
    for word in words:
        copies.setdefault(word.copy, []).append(word)
    named = []
    for copy in copies.values():
        text = _layout(copy)
        spans = [found.span() for found in pattern.finditer(text)]
        named += [word for word in copy if any(start <= word.offset < end for start, end in spans)]
    return named


def _layout(words: Sequence[ExplainedWord]) -> str:
    """The text that words stand in, as far as they say: each at its place, spaces between."""
    text = ""
    for word in words:
        text = text[: word.offset].ljust(word.offset) + word.text
    return text


def _places(words: Sequence[ExplainedWord], part: PromptPart) -> list[int]:
    return [place for place, word in enumerate(words) if word.part == part]


def _texts(cell: Attribution, places: Sequence[int]) -> list[tuple[int, str]]:
    return [(cell.words[place].offset, cell.words[place].text) for place in places]


def _mean(values: Iterable[float]) -> float:
    held = list(values)
    return sum(held) / len(held) if held else math.nan


def _total(words: Sequence[ExplainedWord]) -> float:
    return sum(word.share for word in words) if words else math.nan
