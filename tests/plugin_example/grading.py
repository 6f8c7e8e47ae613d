"""A grader in a package of its own, found by its entry point or by `--plugin grading.py`."""

from __future__ import annotations

from collections.abc import Sequence


def length_ratio(text: str, references: Sequence[str], *, unit: str = "words") -> float | None:
    """How near the text's length is to a reference's: the smaller length over the larger one."""
    if not text.strip():
        return None
    length = _length(text, unit)
    return max(
        min(length, other) / max(length, other)
        for other in (max(1, _length(reference, unit)) for reference in references)
    )


def _length(text: str, unit: str) -> int:
    return len(text.split()) if unit == "words" else len(text)


GRADERS = {"length_ratio": length_ratio}
