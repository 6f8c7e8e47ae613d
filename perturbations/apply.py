"""From an instruction and perturbations to variants: seeded, replayable, without doubles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from harness.errors import UsageError
from harness.records import (
    CLEAN,
    LEVELS,
    Instruction,
    Validity,
    Variant,
    stable_hash,
    stable_id,
)
from perturbations.base import Draft, Perturbation, Subject
from perturbations.diff import replay
from perturbations.protect import find_protected
from perturbations.validity import Similarity, measure

_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class Made:
    """The variants of one instruction, and how often none came of a perturbation."""

    variants: tuple[Variant, ...]
    no_ops: Counter[str]
    """Perturbation -> how often it found nothing to change."""
    duplicates: Counter[str]
    """Perturbation -> how often its text was that of another variant."""


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
    data_dir: Path | None = None,
    similarity: Similarity | None = None,
) -> Made:
    """The variants of an instruction, `per_perturbation` of each perturbation in the given order.

    A variant's text depends on (seed, task, instruction id, perturbation, index) alone. A draw
    that changes nothing or repeats an earlier index is drawn again a few times, then counted.
    Where two perturbations give the same text, the one of the lower level keeps it (of one level,
    the first by name), whatever the order of `perturbations`.

    Raises:
        UsageError: a perturbation's edits do not lead to its text.
    """
    subject = Subject(
        text=instruction.text,
        protected=find_protected(instruction.text, label_words),
        label_words=tuple(label_words),
        paraphrases=tuple(paraphrases),
        others=tuple(others),
        data_dir=data_dir,
        task=task,
    )
    no_ops: Counter[str] = Counter()
    duplicates: Counter[str] = Counter()
    drawn: dict[str, list[_Drawn]] = {}
    for perturbation in perturbations:
        key = (seed, task, instruction.id, perturbation.name)
        drawn[perturbation.name] = _draw_all(
            subject, perturbation, key, per_perturbation, no_ops, duplicates
        )
    owners = _owners(perturbations, drawn)
    variants: list[Variant] = []
    for perturbation in perturbations:
        for one in drawn[perturbation.name]:
            if owners[one.draft.text] != perturbation.name:
                duplicates[perturbation.name] += 1
                continue
            validity = measure(subject.text, one.draft, subject.protected, similarity)
            variants.append(_variant(task, instruction, perturbation, one, validity))
    return Made(tuple(variants), no_ops, duplicates)


def perturb_text(
    text: str,
    perturbation: Perturbation,
    seed: int,
    label_words: Sequence[str] = (),
    data_dir: Path | None = None,
) -> Draft | None:
    """One draft of any text, such as an example's input; None where nothing can change.

    Raises:
        UsageError: the perturbation's edits do not lead to its text.
    """
    protected = find_protected(text, label_words)
    subject = Subject(text, protected, tuple(label_words), data_dir=data_dir)
    drawn = _draw(subject, perturbation, (seed, perturbation.name), 0, taken=frozenset({text}))
    return drawn.draft if isinstance(drawn, _Drawn) else None


def _draw_all(
    subject: Subject,
    perturbation: Perturbation,
    key: tuple[object, ...],
    count: int,
    no_ops: Counter[str],
    duplicates: Counter[str],
) -> list[_Drawn]:
    found: list[_Drawn] = []
    for index in range(count):
        taken = frozenset({subject.text, *(one.draft.text for one in found)})
        drawn = _draw(subject, perturbation, key, index, taken=taken)
        if isinstance(drawn, _Drawn):
            found.append(drawn)
        elif drawn is None:
            no_ops[perturbation.name] += 1
        else:
            duplicates[perturbation.name] += 1
    return found


def _draw(
    subject: Subject,
    perturbation: Perturbation,
    key: tuple[object, ...],
    index: int,
    *,
    taken: frozenset[str],
) -> _Drawn | Draft | None:
    """A draft whose text is not taken; else the last one that is, or None if none came."""
    last: Draft | None = None
    for attempt in range(_ATTEMPTS):
        seed = stable_hash(*key, index) if attempt == 0 else stable_hash(*key, index, attempt)
        draft = perturbation.apply(subject, Random(seed))
        if draft is None or draft.text == subject.text or not draft.text.strip():
            continue
        _check_edits(subject, perturbation, draft)
        if draft.text not in taken:
            return _Drawn(draft, seed, index)
        last = draft
    return last


def _check_edits(subject: Subject, perturbation: Perturbation, draft: Draft) -> None:
    if replay(subject.text, draft.edits) != draft.text:
        raise UsageError(
            f"perturbation {perturbation.name!r} gave edits that do not lead to its text, for "
            f"{subject.text!r}.",
            hint="Build its drafts by perturbations.diff.draft_of or draft_by.",
        )


def _owners(
    perturbations: Sequence[Perturbation], drawn: dict[str, list[_Drawn]]
) -> dict[str, str]:
    """Text -> the perturbation that keeps it."""
    owners: dict[str, str] = {}
    for perturbation in sorted(perturbations, key=lambda one: (LEVELS.index(one.level), one.name)):
        for one in drawn[perturbation.name]:
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
    )
