"""Everything a report shows, shaped once: each format lays out this view and computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.records import CLEAN, STRENGTH_NAMES, StrengthName, in_level_order
from harness.results.names import run_names
from harness.results.reliability import Reliability
from harness.results.summary import common_metric
from reports.alike import unlike_runs
from reports.answers import Moves, moves_of
from reports.caveats import caveats
from reports.cells import TaskCells, task_cells
from reports.compared import compare_runs
from reports.comparison import ComparisonView
from reports.flips import Flips, flips_between, flips_from_clean
from reports.formatting import day
from reports.headline import (
    run_detail,
    run_headline,
    several_detail,
    several_headline,
)
from reports.label_metrics import NAMES, LabelMetricRow, build_label_metrics
from reports.provenance import Provenance, build_provenance
from reports.reading import GroupView, Reading
from reports.said import SaidOfTask, said_by
from reports.sampling import SamplingRow, build_sampling, describe_sampling
from reports.scorers import ScorerRow, build_scorer_rows
from reports.sections import OwnSection
from reports.similarity import SimilarityRow, build_similarity, describe_similarity
from reports.source import Run, primary_samples, text_at
from reports.steps import Training, find_trainings
from reports.strengths import Curves, build_curves
from reports.tables import (
    PerturbationRow,
    Tables,
    TaskRow,
    build_tables,
    largest_drop,
)
from reports.validity import ValidityRow, build_validity
from reports.variants import (
    DotRow,
    Instructions,
    WorstVariantView,
    dot_rows,
    worst_variants,
)
from reports.why_view import WhyView, build_why

if TYPE_CHECKING:
    import pandas as pd

    from harness.comparison import Comparison


@dataclass(frozen=True, slots=True)
class RunView:
    """One run, shaped."""

    name: str
    headline: str
    caveats: tuple[str, ...]
    tables: Tables
    scorers: tuple[ScorerRow, ...]
    """The headline's first; empty where only one read the run's answers."""
    worst: tuple[WorstVariantView, ...]
    dots: tuple[DotRow, ...]
    validity: tuple[ValidityRow, ...]
    curves: Curves
    """Empty where noise had one strength."""
    sampling: tuple[SamplingRow, ...]
    """Empty where answers were not sampled."""
    similarity: tuple[SimilarityRow, ...]
    """Empty where no answers were embedded."""
    label_metrics: tuple[LabelMetricRow, ...]
    """Empty where no task asks for metrics beside accuracy."""
    provenance: Provenance
    answer_encoder: str = ""
    """What embedded them."""
    said: tuple[SaidOfTask, ...] = ()
    """What the model said, of each task with answers in free text."""
    reliability: Mapping[str, Reliability] = field(default_factory=dict)
    """By level; empty where answers come from no probabilities."""
    why: WhyView | None = None
    """What answers hang on; None where the run was not explained."""
    moves: tuple[Moves, ...] = ()
    """By task, from the clean answer to the perturbed one."""
    make_cells: Callable[[], tuple[TaskCells, ...]] = field(default=tuple, compare=False)
    """Every cell, by task: made when a page asks, since other formats have no place for them."""

    @property
    def largest_drop(self) -> tuple[str, GroupView] | None:
        """The level with the largest drop, significant or not; None where no level drops."""
        return largest_drop(self.tables.levels)

    @property
    def largest_single_drop(self) -> WorstVariantView | None:
        """The variant with the largest significant drop; None where no variant has one."""
        return next((one for one in self.worst if one.reading is Reading.DROP), None)

    def task(self, name: str) -> TaskRow | None:
        """The task of that name."""
        return next((task for task in self.tables.tasks if task.name == name), None)

    def perturbation(self, name: str) -> PerturbationRow | None:
        """The perturbation of that name."""
        return next((row for row in self.tables.perturbations if row.name == name), None)

    def instructions(self, task: str) -> Instructions | None:
        """The extremes of the task's clean instructions, if it has several."""
        row, dots = self.task(task), self.dot_row(task, CLEAN)
        if row is None or row.clean is None or dots is None or len(dots.dots) < 2:
            return None
        return Instructions(dots.worst, dots.best, row.clean, judged=row.above_chance)

    def dot_row(self, task: str, level: str) -> DotRow | None:
        """The variants of a task and level."""
        return next((row for row in self.dots if (row.task, row.level) == (task, level)), None)


@dataclass(frozen=True, slots=True)
class Caveat:
    """What a reader must know first, and the positions of the runs that it is true of."""

    sentence: str
    runs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReportView:
    """One or more runs side by side, and the flips within or between them."""

    title: str
    headline: str
    detail: str
    """What the headline leaves out; may be empty."""
    date: str
    confidence: float
    runs: tuple[RunView, ...]
    flips: tuple[Flips, ...]
    """From clean where there is one run; from the first run to each other where there are more."""
    unlike: tuple[Caveat, ...] = ()
    """The runs that asked another question than the first."""
    compared: ComparisonView | None = None
    """The other runs against the first, cell by cell; None of one run, or of unlike ones."""
    sections: tuple[OwnSection, ...] = ()
    """Those of the user's packages that were asked for."""
    trainings: tuple[Training, ...] = ()
    """The trainings of which several checkpoints are among the runs."""

    @property
    def caveats(self) -> list[Caveat]:
        """What makes runs unlike, then every run's caveats, each sentence once."""
        sentences = _unique(sentence for run in self.runs for sentence in run.caveats)
        of_runs = [
            Caveat(one, tuple(n for n, run in enumerate(self.runs) if one in run.caveats))
            for one in sentences
        ]
        return [*self.unlike, *of_runs]

    @property
    def intervals_over(self) -> str:
        """What the intervals of all levels generalise over; empty where they differ."""
        groups = [group for run in self.runs for group in run.tables.levels.values()]
        scopes = {group.stats.intervals_over for group in groups}
        return (scopes.pop() or "") if len(scopes) == 1 else ""

    @property
    def metric(self) -> str:
        """What the mean score of all runs is called."""
        return common_metric(run.tables.metric for run in self.runs)

    @property
    def levels(self) -> list[str]:
        """Every level that any run has, clean first."""
        return in_level_order(_unique(level for run in self.runs for level in run.tables.levels))

    @property
    def perturbed_levels(self) -> list[str]:
        """The levels but clean."""
        return [level for level in self.levels if level != CLEAN]

    @property
    def strengths(self) -> list[StrengthName]:
        """The strengths of the runs that have several, the weakest first."""
        asked = {name for run in self.runs for name in run.curves.strengths}
        return [name for name in STRENGTH_NAMES if name in asked]

    @property
    def label_metrics(self) -> list[str]:
        """The metrics beside accuracy that any task of any run has, those of labels first."""
        given = [name for run in self.runs for row in run.label_metrics for name in row.values]
        return list(dict.fromkeys([*(one for one in NAMES if one in given), *given]))

    @property
    def sampled(self) -> list[RunView]:
        """The runs whose answers were sampled."""
        return [run for run in self.runs if run.sampling]

    @property
    def about_sampling(self) -> str:
        """How the draws of the runs are to be read."""
        repeats = max(row.stats.repeats for run in self.sampled for row in run.sampling)
        return describe_sampling(repeats, self.confidence)

    @property
    def embedded(self) -> list[RunView]:
        """The runs whose answers were embedded."""
        return [run for run in self.runs if run.similarity]

    @property
    def about_similarity(self) -> str:
        """How the similarity of answers is to be read."""
        return describe_similarity([run.answer_encoder for run in self.embedded], self.confidence)

    @property
    def has_reliability(self) -> bool:
        """Whether any run's answers have probabilities."""
        return any(run.reliability for run in self.runs)

    @property
    def has_moves(self) -> bool:
        """Whether any run has perturbed answers to labels beside clean ones."""
        return any(run.moves for run in self.runs)

    @property
    def has_variance(self) -> bool:
        """Whether any run's variance is parted at some level."""
        groups = (group for run in self.runs for group in run.tables.levels.values())
        return any(group.stats.variance for group in groups)

    @property
    def tasks(self) -> list[str]:
        """Every task that any run has."""
        return _unique(task.name for run in self.runs for task in run.tables.tasks)

    @property
    def perturbations(self) -> list[str]:
        """Every perturbation that any run has, the worst of the first run first."""
        return _unique(row.name for run in self.runs for row in run.tables.perturbations)

    def with_level(self, level: str) -> list[RunView]:
        """The runs that have this level."""
        return [run for run in self.runs if level in run.tables.levels]

    def with_task(self, name: str) -> list[RunView]:
        """The runs that have this task."""
        return [run for run in self.runs if run.task(name)]

    def with_instructions(self, name: str) -> list[RunView]:
        """The runs that have several clean instructions of this task."""
        return [run for run in self.runs if run.instructions(name)]

    @property
    def instructed(self) -> bool:
        """Whether any task was run under several clean instructions."""
        return any(self.with_instructions(name) for name in self.tasks)

    def with_perturbation(self, name: str) -> list[RunView]:
        """The runs that have this perturbation."""
        return [run for run in self.runs if run.perturbation(name)]

    def with_dots(self, task: str, level: str) -> list[RunView]:
        """The runs that have variants of this task and level."""
        return [run for run in self.runs if run.dot_row(task, level)]


def build_view(runs: Sequence[Run], comparison: Comparison | None = None) -> ReportView:
    """The view of one or more runs.

    Args:
        runs: the runs; the first is the one that the others are compared with.
        comparison: what was found between them; default: their accuracy, drop and consistency are
            compared, where they asked the same questions.

    Raises:
        UsageError: no run is given.
    """
    if not runs:
        raise UsageError("a report needs at least one run.", hint="Type: harness report RUN_DIR")
    names = run_names(runs)
    samples = [primary_samples(run) for run in runs]
    views = tuple(_run_view(*parts) for parts in zip(names, runs, samples, strict=True))
    unlike = tuple(Caveat(text, (0, place)) for place, text in unlike_runs(names, runs))
    compared = None
    if len(runs) > 1 and (comparison or not unlike):
        compared = compare_runs(names, runs, comparison)
    headline, detail = _words(views, compared)
    return ReportView(
        title=" vs ".join(names),
        headline=headline,
        detail=detail,
        date=day(text_at(runs[0].manifest, "created")),
        confidence=runs[0].summary.confidence,
        runs=views,
        flips=_flips(runs, names, samples),
        unlike=unlike,
        compared=compared,
        trainings=find_trainings(runs),
    )


def _run_view(name: str, run: Run, samples: pd.DataFrame) -> RunView:
    tables, summary, variants = build_tables(run.summary), run.summary, run.variant_records
    return RunView(
        name=name,
        headline=run_headline(name, tables),
        caveats=caveats(run, tables),
        tables=tables,
        scorers=build_scorer_rows(summary),
        worst=worst_variants(summary, variants),
        dots=dot_rows(summary, variants),
        validity=build_validity(summary, variants, run.left_out),
        curves=build_curves(summary, above_chance=tables.judged),
        sampling=build_sampling(summary),
        similarity=build_similarity(summary),
        answer_encoder=summary.answer_encoder,
        label_metrics=build_label_metrics(summary),
        provenance=build_provenance(run),
        said=said_by(run, samples),
        reliability=summary.reliability,
        moves=moves_of(summary),
        why=build_why(run),
        make_cells=partial(task_cells, run),
    )


def _words(views: Sequence[RunView], compared: ComparisonView | None) -> tuple[str, str]:
    """The sentence that a reader takes away, and what it leaves out."""
    names, tables = [view.name for view in views], [view.tables for view in views]
    if len(views) == 1:
        return views[0].headline, run_detail(tables[0])
    drops, accuracies = several_headline(names, tables), several_detail(names, tables)
    if compared is None:
        return drops, accuracies
    # A sentence of its own begins with a capital, whatever a model is called.
    parts = (compared.detail, f"Drops: {drops}", accuracies)
    return compared.headline, " ".join(filter(None, parts))


def _flips(
    runs: Sequence[Run], names: Sequence[str], samples: Sequence[pd.DataFrame]
) -> tuple[Flips, ...]:
    if len(runs) == 1:
        return (flips_from_clean(runs[0], samples[0]),)
    return tuple(
        flips_between(samples[0], samples[n], runs[n], (names[0], names[n]), len(runs) - 1)
        for n in range(1, len(runs))
    )


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
