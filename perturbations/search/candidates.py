"""Candidates of a search: stacked edits of one instruction that stay within its limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final

from harness.core.records import Edit, Instruction, Level, Validity
from perturbations.base import Draft, Perturbation, Span, Subject
from perturbations.diff import draft_by
from perturbations.protect import find_protected, merge_spans
from perturbations.stack import compose
from perturbations.validity import Similarity, measure

_DRAWS_EACH: Final = 4
"""How often a perturbation may fail, or repeat itself, for each candidate that is wanted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a candidate may go; a text beyond them is another request, not a variant."""

    max_words_changed: float | None = None
    """Largest share of the original's words that may differ."""
    max_growth: float = 2.0
    """How many times as long as the original the text may become."""
    min_similarity: float | None = None
    """Smallest cosine with the original; needs `Problem.similarity`."""


LIMITS: Final[dict[Level, Limits]] = {
    # Two in five words is the bound of BERT-Attack (Li et al. 2020, arXiv 2004.09984).
    "character": Limits(max_words_changed=0.4),
    "word": Limits(max_words_changed=0.4),
    "sentence": Limits(max_growth=2.5),
    "semantic": Limits(),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that a search may ask about, and how it came about."""

    text: str
    edits: tuple[Edit, ...] = ()
    """What leads from the original instruction to the text."""
    chain: tuple[str, ...] = ()
    """The perturbations that made the edits, in order."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What a search is to solve: make this instruction do harm, by these means, within limits."""

    task: str
    instruction: Instruction
    level: Level
    subject: Subject
    """The instruction as its perturbations see it."""
    perturbations: tuple[Perturbation, ...]
    limits: Limits
    similarity: Similarity | None = None
    masked_lm: Path | None = None
    """Folder of a masked language model, for recipes that fill in words."""
    data_dir: Path | None = None
    """Folder with the tables that recipes of other packages read."""

    @property
    def start(self) -> Candidate:
        """The instruction as it is."""
        return Candidate(self.instruction.text)

    def validity(self, candidate: Candidate) -> Validity:
        """How far a candidate is from the original."""
        draft = Draft(candidate.text, candidate.edits)
        return measure(self.subject.text, draft, self.subject.label_words, self.similarity)

    def allows(self, candidate: Candidate) -> bool:
        """Whether a candidate is within the limits and leaves what is protected."""
        limits, original = self.limits, self.subject.text
        if not candidate.text.strip() or candidate.text == original:
            return False
        if len(candidate.text) > limits.max_growth * len(original):
            return False
        draft = Draft(candidate.text, candidate.edits)
        validity = measure(original, draft, self.subject.label_words)
        most, least = limits.max_words_changed, limits.min_similarity
        return (
            validity.protected_intact
            and (most is None or validity.words_changed <= most)
            # Last, since it runs the encoder.
            and (
                least is None
                or self.similarity is None
                or self.similarity(original, candidate.text) >= least
            )
        )


def perturb(
    problem: Problem,
    parent: Candidate,
    perturbation: Perturbation,
    rng: Random,
    frozen: Sequence[Span] = (),
) -> Candidate | None:
    """The parent with one more perturbation stacked on it, or None where that is nothing new.

    `frozen` are further spans of the parent's text that stay as they are.
    """
    spans = find_protected(parent.text, problem.subject.label_words)
    subject = replace(problem.subject, text=parent.text, protected=merge_spans([*spans, *frozen]))
    draft = perturbation.draft(subject, rng)
    if draft is None:
        return None
    edits = compose(problem.subject.text, parent.edits, draft.edits)
    return _candidate(problem, edits, (*parent.chain, perturbation.name))


def merge(problem: Problem, first: Candidate, second: Candidate) -> Candidate | None:
    """The edits of both candidates, or None where they are in each other's way."""
    edits = sorted({*first.edits, *second.edits}, key=lambda edit: (edit.start, edit.end))
    for left, right in pairwise(edits):
        if right.start < left.end or right.start == left.start:
            return None
    added = tuple(name for name in second.chain if name not in first.chain)
    merged = _candidate(problem, edits, (*first.chain, *added))
    return None if merged is None or merged.text in (first.text, second.text) else merged


def draw(
    problem: Problem,
    parents: Sequence[Candidate],
    count: int,
    rng: Random,
    taken: Iterable[str] = (),
    frozen: Sequence[Span] = (),
) -> list[Candidate]:
    """Up to `count` new candidates: perturbations and parents in turn, each draw seeded.

    Fewer come where the perturbations find nothing else within the limits.
    """
    seen = {problem.subject.text, *taken}
    found: list[Candidate] = []
    order = list(problem.perturbations)
    rng.shuffle(order)
    turns = [(parent, one) for one in order for parent in parents]
    for turn in range(count * _DRAWS_EACH + len(turns)):
        if len(found) == count or not turns:
            break
        parent, perturbation = turns[turn % len(turns)]
        candidate = perturb(problem, parent, perturbation, Random(rng.getrandbits(64)), frozen)
        if candidate is not None and candidate.text not in seen:
            seen.add(candidate.text)
            found.append(candidate)
    return found


def _candidate(problem: Problem, edits: Iterable[Edit], chain: tuple[str, ...]) -> Candidate | None:
    draft = draft_by(problem.subject.text, edits)
    if draft is None:
        return None
    candidate = Candidate(draft.text, draft.edits, chain)
    return candidate if problem.allows(candidate) else None
