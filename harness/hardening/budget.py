"""From minutes to steps and cells: how much of what was planned fits."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from harness.core.errors import UsageError

TRAINING_SHARE: Final = 0.6
"""Of the time, for trainings; what they do not need goes to evaluations, and in reverse."""
FEWEST_CELLS: Final = 60
"""Fewer cells of an evaluation say nothing."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast this machine is, as measured on the model at hand."""

    step_seconds: float
    """Of one optimiser step."""
    cell_seconds: float
    """Of one cell of an evaluation."""
    start_seconds: float
    """To load the model, once for each training and evaluation."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done: so many trainings and evaluations, of so many steps and cells at most."""

    trainings: int
    evaluations: int
    steps: int
    cells: int
    """Of one evaluation."""

    def seconds(self, rates: Rates) -> float:
        """How long it takes at these rates."""
        return (
            self.trainings * self.steps * rates.step_seconds
            + self.evaluations * self.cells * rates.cell_seconds
            + self._starts * rates.start_seconds
        )

    @property
    def _starts(self) -> int:
        return self.trainings + self.evaluations


def fit_work(work: Work, seconds: float, rates: Rates, *, spent: float = 0.0) -> Work:
    """The work with as many steps and cells as the seconds allow, never more than planned.

    Example:
        >>> rates = Rates(step_seconds=2.0, cell_seconds=0.1, start_seconds=0.0)
        >>> fit_work(Work(trainings=2, evaluations=3, steps=48, cells=2000), 400, rates)
        Work(trainings=2, evaluations=3, steps=48, cells=693)

    Args:
        work: what is planned.
        seconds: the whole time.
        rates: measured on this machine.
        spent: of that time, on measuring and what came before it.

    Raises:
        UsageError: not one step, or too few cells to say anything; the message says how many
            minutes would do.
    """
    starts = (work.trainings + work.evaluations) * rates.start_seconds
    left = seconds - spent - starts
    a_step = work.trainings * rates.step_seconds
    a_cell = work.evaluations * rates.cell_seconds
    training = min(TRAINING_SHARE * left, work.steps * a_step)
    cells = min(work.cells, int((left - training) / a_cell))
    steps = min(work.steps, int((left - cells * a_cell) / a_step))
    if steps < 1 or cells < FEWEST_CELLS:
        least = (
            spent
            + starts
            + max(a_step / TRAINING_SHARE, FEWEST_CELLS * a_cell / (1 - TRAINING_SHARE))
        )
        raise UsageError(
            f"{seconds / 60:.1f} minutes are too few for {_trainings(work)} of one step "
            f"and {work.evaluations} evaluations of {FEWEST_CELLS} cells: a step takes "
            f"{rates.step_seconds:.1f} s here, a cell {rates.cell_seconds:.2f} s, and each start "
            f"{rates.start_seconds:.0f} s{_spent(spent)}.",
            hint=f"Type: --minutes {ceil(least / 60) + 1}{_or_less(work)}.",
        )
    return Work(work.trainings, work.evaluations, steps, cells)


def _trainings(work: Work) -> str:
    return f"{work.trainings} training{'s' * (work.trainings > 1)}"


def _or_less(work: Work) -> str:
    """Less work to ask for: of one training alone there is none to leave out."""
    return ", or --no-control" if work.trainings > 1 else ""


def _spent(seconds: float) -> str:
    return f"; {seconds / 60:.1f} minutes went into measuring that" if seconds else ""
