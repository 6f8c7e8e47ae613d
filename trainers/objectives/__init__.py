"""Training objectives: named sums of terms, each term a pure function of states and logits.

`terms` is the table of terms, one row and one file each; `OBJECTIVES` names sums of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.core.errors import UnknownNameError, UsageError
from trainers.objectives.terms import TERMS, Term

__all__ = ["OBJECTIVES", "TERMS", "Term", "parse_objective"]

OBJECTIVES: Final[Mapping[str, tuple[str, ...]]] = {
    "sft": ("generation",),
    "coin": ("generation", "contrast"),
    "im": ("modelling",),
    "consistency": ("generation", "divergence"),
    "consensus": ("majority", "alignment"),
    "vrex": ("generation", "variance"),
    "worst": ("worst",),
    "group": ("generation", "teacher"),
    "supcon": ("generation", "supervised"),
    "vicreg": ("generation", "invariance"),
}
"""What can be named as an objective -> its terms, with the weights of the table."""


def parse_objective(text: str) -> dict[str, float]:
    """The terms of an objective such as `coin`, `coin,consistency=0.5` or `sft,contrast=0.1`.

    Names are those of objectives or of single terms, each with an optional weight. A term that
    several of them share is counted once, with the largest weight.

    Returns:
        Term -> weight, in the table's order.

    Raises:
        UnknownNameError: a name that is neither.
        UsageError: nothing is named, or a weight is no positive number.

    Example:
        >>> parse_objective("coin,consistency=0.5")
        {'generation': 1.0, 'contrast': 1.0, 'divergence': 0.5}
    """
    terms: dict[str, float] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, weight = item.partition("=")
        factor = _weight(weight, item) if weight else 1.0
        for term, own in _terms_of(name.strip()).items():
            terms[term] = max(terms.get(term, 0.0), own * factor)
    if not terms:
        raise UsageError(
            "the objective is empty.", hint=f"Choose from {', '.join((*OBJECTIVES, *TERMS))}."
        )
    return {term: terms[term] for term in TERMS if term in terms}


def _terms_of(name: str) -> Mapping[str, float]:
    if name not in OBJECTIVES and name not in TERMS:
        raise UnknownNameError("objective", name, [*OBJECTIVES, *TERMS])
    return {term: TERMS[term].weight for term in OBJECTIVES.get(name, (name,))}


def _weight(text: str, item: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = float("nan")
    if not 0 < weight < float("inf"):
        raise UsageError(f"objective {item!r}: the weight must be a number above 0.")
    return weight
