"""How the options of a choice are shown: their order, and the letters that they stand under.

Models prefer some places and letters (Zheng et al. 2024, arXiv:2309.03882), and some marks around
them (FormatSpread, Sclar et al. 2024, arXiv:2310.11324). The right answer moves with its option.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Final

from perturbations.base import Arrangement, Draft, Perturbation, Subject

MARKS: Final = ("{}.", "{})", "({})", "[{}]", "{}:", "{} -")
"""Ways to set a letter off from its option; the first is a task's own."""


def change_order(options: Arrangement, rng: Random) -> Arrangement:
    """Another order of the options, drawn from all others alike."""
    order = list(options.order)
    while tuple(order) == options.order:
        rng.shuffle(order)
    return replace(options, order=tuple(order))


def change_letters(options: Arrangement, rng: Random) -> Arrangement:
    """Another mark or the other case of the letters."""
    styles = [(mark, lower) for mark in MARKS for lower in (False, True)]
    styles.remove((options.mark, options.lower_case))
    mark, lower = rng.choice(styles)
    return replace(options, mark=mark, lower_case=lower)


def _no_text(subject: Subject, rng: Random) -> Draft | None:
    """Nothing: what changes is no text but how options are shown."""


ORDER: Final = Perturbation(
    name="option-order",
    level="sentence",
    description="The options of a choice in another order; the right answer moves with its option.",
    apply=_no_text,
    languages=("any",),
    amount="all options",
    arrange=change_order,
)
LETTERS: Final = Perturbation(
    name="option-letters",
    level="sentence",
    description="The letters of a choice's options in another style, such as a) or (A).",
    apply=_no_text,
    languages=("any",),
    amount="all letters",
    arrange=change_letters,
)
