"""Perturbations one after another, as one: `keyboard+politeness`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from harness.core.errors import UsageError
from harness.core.records import PERTURBED_LEVELS, Edit
from perturbations.base import REGISTRY, Apply, Draft, Perturbation, Span, Subject
from perturbations.diff import draft_by, replay
from perturbations.protect import find_protected, merge_spans

_INSERTED: Final = -1


def stack(spec: str, find: Callable[[str], Perturbation] = REGISTRY.get) -> Perturbation:
    """The perturbation that applies the named ones from left to right.

    Its level is the highest of its parts. Where one part finds nothing to change, neither does
    the stack. A part that replaces the whole text (a paraphrase) belongs first.

    Raises:
        UnknownNameError: a part that does not exist.
        UsageError: fewer than two parts.
    """
    names = [name.strip() for name in spec.split("+")]
    if len(names) < 2 or not all(names):
        raise UsageError(
            f"a stack names two perturbations or more, {spec!r} does not.",
            hint="Type for example: --stack keyboard+politeness",
        )
    parts = [find(name) for name in names]
    return Perturbation(
        name="+".join(names),
        level=max((part.level for part in parts), key=PERTURBED_LEVELS.index),
        description=" Then: ".join(part.description for part in parts),
        apply=_in_turn(parts),
        bind=lambda data_dir: _in_turn([part.with_data(data_dir) for part in parts]),
        languages=_common([part.languages for part in parts]),
        amount="; then ".join(part.amount for part in parts),
        validity_note=" ".join(part.validity_note for part in parts if part.validity_note),
        graded=any(part.graded for part in parts),
        on_input=all(part.on_input for part in parts),
        needs=tuple(dict.fromkeys(need for part in parts for need in part.needs)),
    )


def compose(original: str, first: Iterable[Edit], then: Iterable[Edit]) -> tuple[Edit, ...]:
    """The edits of `original` that do what `first` does to it and `then` to the outcome.

    Each character of the result is traced to the character of the original that it still is;
    what lies between two traced characters is an edit.
    """
    first, then = tuple(first), tuple(then)
    middle = replay(original, first)
    text = replay(middle, then)
    to_original = _origins(len(original), first)
    origins = [
        place if place == _INSERTED else to_original[place] for place in _origins(len(middle), then)
    ]
    edits: list[Edit] = []
    read = written = 0
    for position, origin in enumerate([*origins, len(original)]):
        if origin == _INSERTED:
            continue
        if origin > read or position > written:
            before, after = original[read:origin], text[written:position]
            edits.append(Edit(read, origin, before, after))
        read, written = origin + 1, position + 1
    return tuple(edits)


def _in_turn(parts: Sequence[Perturbation]) -> Apply:
    def apply(subject: Subject, rng: Random) -> Draft | None:
        edits: tuple[Edit, ...] = ()
        current = subject
        for part in parts:
            # A generator of its own, so that a part draws the same whatever those before it drew.
            draft = part.apply(current, Random(rng.getrandbits(64)))
            if draft is None:
                return None
            edits = compose(subject.text, edits, draft.edits)
            current = replace(current, text=draft.text, protected=_carry_spans(current, draft))
        return draft_by(subject.text, edits)

    return apply


def _carry_spans(subject: Subject, draft: Draft) -> tuple[Span, ...]:
    """The spans to protect in the draft: those of the subject that it kept, and new ones."""
    origins = _origins(len(subject.text), draft.edits)
    places = {origin: place for place, origin in enumerate(origins) if origin != _INSERTED}
    kept: list[Span] = []
    for span in subject.protected:
        start, last = places.get(span.start), places.get(span.end - 1)
        if start is not None and last is not None and last - start == span.end - 1 - span.start:
            kept.append(Span(start, last + 1, span.reason))
    return merge_spans([*kept, *find_protected(draft.text, subject.label_words)])


def _origins(length: int, edits: Iterable[Edit]) -> list[int]:
    """For each character after the edits, its position before them, or -1 where it is new."""
    origins: list[int] = []
    read = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        origins += [*range(read, edit.start), *[_INSERTED] * len(edit.after)]
        read = edit.end
    return [*origins, *range(read, length)]


def _common(languages: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The languages that all parts are made for; `any` where none is bound to one."""
    bound = [own for own in languages if "any" not in own]
    if not bound:
        return ("any",)
    return tuple(code for code in bound[0] if all(code in own for own in bound))
