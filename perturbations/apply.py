"""From an instruction and perturbations to variants: seeded, replayable, without doubles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

from harness.core.errors import UsageError
from harness.core.records import (
    CLEAN,
    LEVELS,
    Instruction,
    LeftOut,
    StrengthName,
    Validity,
    Variant,
    stable_hash,
    stable_id,
)
from perturbations.base import Draft, Perturbation, Subject
from perturbations.diff import replay
from perturbations.language import why_left_out
from perturbations.protect import find_protected
from perturbations.validity import Similarity, measure

_ATTEMPTS: Final = 8
MAX_PER_PERTURBATION: Final = 1_000
"""Variants of an instruction by one perturbation: few have so many, and the search is long."""


@dataclass(frozen=True, slots=True)
class VariantSet:
    """The variants of one instruction, and how often none came of a perturbation."""

    variants: tuple[Variant, ...]
    no_ops: Counter[str]
    """Perturbation -> how often it found nothing to change."""
    duplicates: Counter[str]
    """Perturbation -> how often its text was that of another variant."""
    dissimilar: Counter[str] = field(default_factory=Counter)
    """Perturbation -> how often all its draws were further from the original than allowed."""
    left_out: tuple[LeftOut, ...] = ()
    """Perturbations that are made for another language than the instruction's."""


_Miss = Literal["no-op", "duplicate", "dissimilar"]
_Key = tuple[str, StrengthName]
"""A perturbation's name and strength."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A draft and the seed that gave it."""

    draft: Draft
    seed: int
    index: int


def clean_variant(task: str, instruction: Instruction) -> Variant:
    """The instruction as it is, as the variant that all others are compared with."""
    return Variant(
        id=stable_id(task, instruction.id, CLEAN, 0, instruction.text),
        task=task,
        level=CLEAN,
        perturbation=CLEAN,
        instruction_id=instruction.id,
        index=0,
        seed=0,
        text=instruction.text,
        original=instruction.text,
        validity=Validity(words_changed=0.0, char_distance=0, protected_intact=True),
    )


def make_variants(
    task: str,
    instruction: Instruction,
    *,
    perturbations: Sequence[Perturbation],
    label_words: Sequence[str],
    paraphrases: Sequence[str],
    others: Sequence[str] = (),
    seed: int,
    per_perturbation: int = 1,
    similarity: Similarity | None = None,
    min_similarity: float | None = None,
) -> VariantSet:
    """The variants of an instruction, `per_perturbation` of each perturbation in the given order.

    A variant's text depends on (seed, task, instruction id, perturbation, index) alone. A draw
    that changes nothing, repeats an earlier index, or is less similar to the original than
    `min_similarity` is drawn again a few times, then counted.
    A perturbation that stands there at several strengths draws its variants of one index with the
    same chance, each with a text of its own.
    Where two perturbations give the same text, the one of the lower level keeps it (of one level,
    the first by name), whatever the order of `perturbations`.

    Raises:
        UsageError: a perturbation's edits do not lead to its text, or more variants are asked for
            than `MAX_PER_PERTURBATION`.
    """
    if per_perturbation > MAX_PER_PERTURBATION:
        raise UsageError(
            f"{per_perturbation:,} variants per perturbation; {MAX_PER_PERTURBATION:,} at most are "
            "drawn of an instruction."
        )
    subject = Subject(
        text=instruction.text,
        protected=find_protected(instruction.text, label_words),
        label_words=tuple(label_words),
        paraphrases=tuple(paraphrases),
        others=tuple(others),
        task=task,
    )
    misses: dict[_Miss, Counter[str]] = {
        "no-op": Counter(),
        "duplicate": Counter(),
        "dissimilar": Counter(),
    }
    obstacles = [why_left_out(one, subject) for one in perturbations]
    left_out = tuple(dict.fromkeys(one for one in obstacles if one))
    perturbations = [p for p, one in zip(perturbations, obstacles, strict=True) if one is None]
    is_like = _likeness(subject, similarity, min_similarity)
    start = (seed, task, instruction.id)
    drawn = _draw_each(subject, perturbations, start, per_perturbation, is_like, misses)
    owners = _owners(perturbations, drawn)
    variants: list[Variant] = []
    for perturbation in perturbations:
        for one in drawn[_key(perturbation)]:
            if owners[one.draft.text] != perturbation.name:
                misses["duplicate"][perturbation.name] += 1
                continue
            validity = measure(subject.text, one.draft, subject.label_words, similarity)
            variants.append(_variant(task, instruction, perturbation, one, validity))
    return VariantSet(
        tuple(variants), misses["no-op"], misses["duplicate"], misses["dissimilar"], left_out
    )


def perturb_text(
    text: str, perturbation: Perturbation, seed: int, label_words: Sequence[str] = ()
) -> Draft | None:
    """One draft of any text, such as an example's input; None where nothing can change.

    Nothing does where the perturbation is made for another language than the text's.

    Raises:
        UsageError: the perturbation's edits do not lead to its text.
    """
    protected = find_protected(text, label_words)
    subject = Subject(text, protected, tuple(label_words))
    if why_left_out(perturbation, subject) is not None:
        return None
    drawn = _draw(
        subject,
        perturbation,
        (seed, perturbation.name),
        0,
        taken=frozenset({text}),
        is_like=lambda draft: True,
    )
    return drawn.draft if isinstance(drawn, _Drawn) else None


def _likeness(
    subject: Subject, similarity: Similarity | None, least: float | None
) -> Callable[[Draft], bool]:
    """Whether a draft is as similar to the original as it must be."""
    if similarity is None or least is None:
        return lambda draft: True
    return lambda draft: similarity(subject.text, draft.text) >= least


def _draw_each(
    subject: Subject,
    perturbations: Sequence[Perturbation],
    start: tuple[object, ...],
    count: int,
    is_like: Callable[[Draft], bool],
    misses: Mapping[_Miss, Counter[str]],
) -> dict[_Key, list[_Drawn]]:
    """The drafts of every perturbation, by its name and strength."""
    drawn: dict[_Key, list[_Drawn]] = {}
    for perturbation in perturbations:
        own = (*start, perturbation.name)
        weaker = [one for (name, _), all_ in drawn.items() if name == own[-1] for one in all_]
        drawn[_key(perturbation)] = _draw_all(
            subject, perturbation, own, count, is_like, misses, weaker
        )
    return drawn


def _draw_all(
    subject: Subject,
    perturbation: Perturbation,
    key: tuple[object, ...],
    count: int,
    is_like: Callable[[Draft], bool],
    misses: Mapping[_Miss, Counter[str]],
    weaker: Sequence[_Drawn],
) -> list[_Drawn]:
    """`count` drafts; with the generators of the weaker ones, but none with the text of one."""
    found: list[_Drawn] = []
    for index in range(count):
        taken = frozenset({subject.text, *(one.draft.text for one in (*weaker, *found))})
        drawn = _draw(subject, perturbation, key, index, taken=taken, is_like=is_like)
        if isinstance(drawn, _Drawn):
            found.append(drawn)
        else:
            misses[drawn][perturbation.name] += 1
    return found


def _draw(
    subject: Subject,
    perturbation: Perturbation,
    key: tuple[object, ...],
    index: int,
    *,
    taken: frozenset[str],
    is_like: Callable[[Draft], bool],
) -> _Drawn | _Miss:
    """A draft that is new and like the original, or what the last attempt fell short of."""
    miss: _Miss = "no-op"
    for attempt in range(_ATTEMPTS):
        seed = stable_hash(*key, index) if attempt == 0 else stable_hash(*key, index, attempt)
        draft = perturbation.draft(subject, Random(seed))
        if draft is None or draft.text == subject.text or not draft.text.strip():
            continue
        _check_edits(subject, perturbation, draft)
        if draft.text in taken:
            miss = "duplicate"
        elif is_like(draft):
            return _Drawn(draft, seed, index)
        else:
            miss = "dissimilar"
    return miss


def _check_edits(subject: Subject, perturbation: Perturbation, draft: Draft) -> None:
    if replay(subject.text, draft.edits) != draft.text:
        raise UsageError(
            f"perturbation {perturbation.name!r} gave edits that do not lead to its text, for "
            f"{subject.text!r}.",
            hint="Build its drafts by perturbations.diff.draft_of or draft_by.",
        )


def _key(perturbation: Perturbation) -> _Key:
    return perturbation.name, perturbation.strength.name


def _owners(
    perturbations: Sequence[Perturbation], drawn: Mapping[_Key, list[_Drawn]]
) -> dict[str, str]:
    """Text -> the perturbation that keeps it."""
    owners: dict[str, str] = {}
    for perturbation in sorted(perturbations, key=lambda one: (LEVELS.index(one.level), one.name)):
        for one in drawn[_key(perturbation)]:
            owners.setdefault(one.draft.text, perturbation.name)
    return owners


def _variant(
    task: str,
    instruction: Instruction,
    perturbation: Perturbation,
    drawn: _Drawn,
    validity: Validity,
) -> Variant:
    identity = (task, instruction.id, perturbation.name, drawn.index, drawn.draft.text)
    return Variant(
        id=stable_id(*identity),
        task=task,
        level=perturbation.level,
        perturbation=perturbation.name,
        instruction_id=instruction.id,
        index=drawn.index,
        seed=drawn.seed,
        text=drawn.draft.text,
        original=instruction.text,
        edits=drawn.draft.edits,
        validity=validity,
        strength=perturbation.strength.name if perturbation.graded else None,
    )
