"""From an instruction's parts and their rewordings to whole paraphrases, in a seeded order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Final

from harness.core.records import stable_hash
from harness.paraphrasing.clauses import Part
from harness.paraphrasing.filters import Filters, judge
from perturbations import Similarity

_MAX_COMBINATIONS: Final = 5_000
_MAX_REUSE: Final = 2
"""Paraphrases that may share all their free parts: their answer forms alone would differ."""


def compose(
    original: str,
    parts: Sequence[Part],
    rewordings: Mapping[str, Sequence[str]],
    *,
    wanted: int,
    label_words: Sequence[str],
    known: Sequence[str] = (),
    filters: Filters,
    similarity: Similarity | None,
    seed: int,
) -> list[str]:
    """Paraphrases that pass every filter, each with at least one free part reworded.

    Args:
        original: the instruction.
        parts: what `take_apart` returned for it.
        rewordings: a free part's text -> its rewordings.
        wanted: how many paraphrases at most.
        label_words: the verbalizers.
        known: texts that must not be repeated.
        filters: how strict to be.
        similarity: the sentence encoder, or None.
        seed: decides the order in which combinations are tried.

    Returns:
        The paraphrases, the first found first.
    """
    found: list[str] = []
    used: Counter[tuple[str, ...]] = Counter()
    for choice in _shuffle(_choices(parts, rewordings), seed):
        free = tuple(text for text, part in zip(choice, parts, strict=True) if part.free)
        if used[free] >= _MAX_REUSE:
            continue
        judged = judge(
            " ".join(choice),
            original,
            label_words=label_words,
            known=[*known, *found],
            filters=filters,
            similarity=similarity,
        )
        if judged.rejected is None:
            used[free] += 1
            found.append(judged.text)
            if len(found) == wanted:
                break
    return found


def _choices(
    parts: Sequence[Part], rewordings: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, ...]]:
    options = [
        (part.text, *(rewordings.get(part.text, ()) if part.free else part.frames))
        for part in parts
    ]
    for choice in islice(product(*options), _MAX_COMBINATIONS):
        if any(p.free and text != p.text for p, text in zip(parts, choice, strict=True)):
            yield choice


def _shuffle(choices: Iterator[tuple[str, ...]], seed: int) -> list[tuple[str, ...]]:
    return sorted(choices, key=lambda choice: stable_hash(seed, *choice))
