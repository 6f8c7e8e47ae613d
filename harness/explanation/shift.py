"""What became of an instruction's words under a variant, by the recorded edits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.records import Edit
from harness.results.explanation import Fate


@dataclass(frozen=True, slots=True)
class Match:
    """A variant's word, and the original's that it is."""

    fate: Fate
    original: int | None
    """The place of the same word among the original's; None unless it was kept."""


def match_words(
    original: Sequence[tuple[int, str]], variant: Sequence[tuple[int, str]], edits: Sequence[Edit]
) -> list[Match]:
    """Match each word of a variant to the original's word that it is.

    A word is kept where no edit touches it and the original has the same word at the place where
    the edits say that it stood. So words that stand twice are told apart, and what was moved
    counts as inserted, since its place is another.

    Args:
        original: (where it begins, word) of the original instruction, in order.
        variant: The same of the variant's text.
        edits: The changes from the one to the other.

    Example:
        >>> edits = [Edit(0, 0, "", "Please "), Edit(7, 8, "o", "0")]
        >>> before, after = [(0, "Say"), (4, "good")], [(0, "Please"), (7, "Say"), (11, "go0d")]
        >>> [(match.fate, match.original) for match in match_words(before, after, edits)]
        [('inserted', None), ('kept', 0), ('changed', None)]
    """
    place_of = {start: (place, text) for place, (start, text) in enumerate(original)}
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    return [_match(start, text, place_of, ordered) for start, text in variant]


def _match(
    start: int, text: str, place_of: dict[int, tuple[int, str]], edits: Sequence[Edit]
) -> Match:
    shift, end = 0, start + len(text)
    for edit in edits:
        written = edit.start + shift
        stop = written + len(edit.after)
        if written >= end:
            break
        if stop > start:
            within = written <= start and end <= stop
            return Match("inserted" if within and not edit.before.strip() else "changed", None)
        shift += len(edit.after) - (edit.end - edit.start)
    place, was = place_of.get(start - shift, (None, ""))
    return Match("kept", place) if place is not None and was == text else Match("changed", None)
