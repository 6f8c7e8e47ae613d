"""Training objectives: named sums of terms, each term a pure function of states and logits.

generation   cross-entropy of the target under the original, plus the same under the paraphrase
modelling    the same over the instruction and the input as well (instruction modelling)
contrast     symmetric InfoNCE between pooled states of originals and paraphrases (CoIN)
divergence   Jensen-Shannon divergence of the two answer distributions (PPCL)
majority     cross-entropy on the answer that most wordings give (Flip-Flop Consistency)
alignment    less sure or outvoted states are drawn to the surest of the majority (Flip-Flop)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from harness.core.errors import UnknownNameError, UsageError

Term = Literal["generation", "modelling", "contrast", "divergence", "majority", "alignment"]
TERMS: Final[tuple[Term, ...]] = get_args(Term)

OBJECTIVES: Final[Mapping[str, Mapping[Term, float]]] = {
    "sft": {"generation": 1.0},
    "coin": {"generation": 1.0, "contrast": 1.0},
    "im": {"modelling": 1.0},
    "consistency": {"generation": 1.0, "divergence": 1.0},
    "consensus": {"majority": 1.0, "alignment": 1.0},
}
"""What can be named as an objective, with the weight of each of its terms."""


def parse_objective(text: str) -> dict[Term, float]:
    """The terms of an objective such as `coin`, `coin,consistency=0.5` or `sft,contrast=0.1`.

    Names are those of objectives or of single terms, each with an optional weight. A term that
    several of them share is counted once, with the largest weight.

    Raises:
        UnknownNameError: a name that is neither.
        UsageError: nothing is named, or a weight is no positive number.
    """
    terms: dict[Term, float] = {}
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


def _terms_of(name: str) -> Mapping[Term, float]:
    for term in TERMS:
        if name == term:
            return {term: 1.0}
    if name not in OBJECTIVES:
        raise UnknownNameError("objective", name, [*OBJECTIVES, *TERMS])
    return OBJECTIVES[name]


def _weight(text: str, item: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = float("nan")
    if not 0 < weight < float("inf"):
        raise UsageError(f"objective {item!r}: the weight must be a number above 0.")
    return weight
