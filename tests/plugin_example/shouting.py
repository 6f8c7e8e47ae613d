"""A perturbation in a package of its own, found by its entry point or by `--plugin shouting.py`."""

from __future__ import annotations

from random import Random

from harness.core.records import Edit
from perturbations import Draft, Perturbation, Subject


def shout(subject: Subject, rng: Random) -> Draft | None:
    """Adds one to three exclamation marks at the end."""
    end = len(subject.text)
    marks = "!" * rng.randint(1, 3)
    return Draft(subject.text + marks, (Edit(end, end, "", marks),))


SHOUT = Perturbation(
    name="shout",
    level="character",
    description="Exclamation marks at the end, after no source but the wish to be heard.",
    apply=shout,
    amount="1 to 3 marks",
)

PERTURBATIONS = (SHOUT,)
