"""What a hardening would do, and about how long it would take: the dry run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.api.hardening_data import (
    Material,
    check_reworder,
    read_material,
    reworder_of,
    wants_rewording,
    write_arms,
)
from harness.api.hardening_runs import check_model, measure_rates, plan_work
from harness.core.errors import UsageError
from harness.hardening.budget import Rates, Work, fit_work
from harness.hardening.config import HardenConfig
from harness.hardening.folder import Folder, place_at
from harness.hardening.split import (
    PerturbationSplit,
    WordingSplit,
    collect_wordings,
    split_wordings,
)
from harness.results.jsonfiles import Json
from reports.formatting import duration


@dataclass(frozen=True, slots=True)
class HardeningPlan:
    """What would be trained on and tested with, and the time that it takes here."""

    rows: int
    tested: int
    """Rows that are left out since the task evaluates them."""
    wordings: int
    reworder: str | None
    """The model that would reword first; None where none is asked."""
    trained_wordings: int
    held_wordings: int
    perturbations: PerturbationSplit
    work: Work
    seconds: float | None
    """Of trainings and evaluations, without rewording; None where it was not measured."""

    def rows_of_table(self) -> Iterator[tuple[str, str]]:
        """What is planned, a line each."""
        work = self.work
        yield "rows to train on", f"{self.rows:,}"
        if self.tested:
            yield "rows left out", f"{self.tested:,}: the task evaluates them"
        yield "wordings known", f"{self.wordings}"
        if self.reworder is not None:
            yield "to be reworded by", self.reworder
        yield "wordings trained, held out", f"{self.trained_wordings}, {self.held_wordings}"
        yield "perturbations trained", ", ".join(self.perturbations.trained)
        yield "perturbations held out", ", ".join(self.perturbations.held)
        yield "trainings", f"{work.trainings} of {work.steps:,} steps"
        yield "evaluations", f"{work.evaluations} of at most {work.cells:,} cells"
        if self.seconds is not None:
            yield "time", f"about {duration(self.seconds)}, measured here; rewording not counted"

    def to_dict(self) -> Json:
        """The plan in plain JSON types."""
        return asdict(self)


def plan_hardening(config: HardenConfig) -> HardeningPlan:
    """What a hardening would do; nothing is written, and no instruction reworded.

    Raises:
        UsageError: something cannot be used, or the minutes are too few.
        NothingToEvaluateError: too few rows, or one answer only.
    """
    material = read_material(config)
    place_at(config.out)
    check_model(config)
    check_reworder(config, material)
    rewords = wants_rewording(config, material)
    try:
        split = split_wordings(collect_wordings(material.task), seed=config.seed)
    except UsageError:
        if not rewords:
            raise
        split = WordingSplit((), (), by_family=False)
    work, seconds = plan_work(config), None
    if split.trained:
        rates = _measure(config, material)
        work = work if config.minutes is None else fit_work(work, 60 * config.minutes, rates)
        seconds = work.seconds(rates)
    return HardeningPlan(
        rows=len(material.rows),
        tested=material.tested,
        wordings=material.wordings,
        reworder=reworder_of(config).name if rewords else None,
        trained_wordings=len(split.trained),
        held_wordings=len(split.held),
        perturbations=material.perturbations,
        work=work,
        seconds=seconds,
    )


def _measure(config: HardenConfig, material: Material) -> Rates:
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place) / "plan")
        folder.work.mkdir()
        return measure_rates(config, write_arms(config, material, folder))
