"""What a comparison of runs found, shaped for its page: words, rows and their order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from harness.core.records import PERTURBED, Variant, in_level_order
from harness.results.quantity import Quantity
from reports.diff import Mark
from reports.formatting import below_detectable, listed, percent, points, title
from reports.variants import variant_marks

if TYPE_CHECKING:
    from harness.comparison import Comparison, Pair
    from harness.comparison.changes import Changes, PromptTest
    from harness.comparison.differences import Difference
    from harness.comparison.ranking import Ranking

Outcome = Literal["better", "worse", "not significant", "not tested"]

METRIC_NAMES: Final = {
    "drop": "Drop",
    "pdr": "Relative drop (PDR)",
    "consistency": "Consistency",
    "kappa": "Fleiss’ κ",
    "correct_and_consistent": "Correct under every variant",
    "instance_sensitivity": "Instance sensitivity",
    "flip_rate": "Flip rate",
    "unparsed_rate": "Unparsed rate",
}
OVER_ALL: Final = "all perturbed levels"
PROMPTS_SHOWN: Final = 15
FEW: Final = 3
"""So many runs against the first are laid out in detail."""
CLAUSES: Final = 2
"""So many of them each have a clause in a sentence of at most 25 words."""


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One metric at one level: what the two runs have, and second minus first."""

    level: str
    task: str | None
    first: float
    second: float
    difference: Quantity
    p_adjusted: float | None
    detectable: float | None
    outcome: Outcome
    """Of the second run, after correction for the number of tests."""
    gained: bool
    """Whether the difference points the second run's way, significant or not."""


@dataclass(frozen=True, slots=True)
class MetricTable:
    """One metric's differences, over all tasks and task by task."""

    metric: str
    name: str
    over_tasks: tuple[DifferenceRow, ...]
    single: tuple[DifferenceRow, ...]

    def row(self, task: str, level: str) -> DifferenceRow | None:
        """The difference of one task at one level."""
        return next((row for row in self.single if (row.task, row.level) == (task, level)), None)


@dataclass(frozen=True, slots=True)
class PairView:
    """One run against the first, shaped."""

    index: int
    """The second run's position among all runs."""
    first: str
    second: str
    headline: str
    metrics: tuple[MetricTable, ...]
    changes: tuple[Changes, ...]
    """By level, over all tasks."""
    prompts: tuple[PromptTest, ...]
    """The variants with the smallest p values."""
    marks: Mapping[str, tuple[Mark, ...]]
    """Variant id -> its marks, for those variants, where they were given."""
    overall: DifferenceRow | None = None
    """In accuracy over the perturbed levels, all alike."""

    def rows_of(self, table: MetricTable) -> tuple[DifferenceRow, ...]:
        """A metric's rows over all tasks; those of accuracy begin with all perturbed levels."""
        over_all = (self.overall,) if self.overall and table.metric == "accuracy" else ()
        return (*over_all, *table.over_tasks)

    @property
    def standing(self) -> tuple[DifferenceRow, ...]:
        """What the first screen tells: accuracy by level, else the first metric compared."""
        table = next((one for one in self.metrics if one.metric == "accuracy"), None)
        chosen = table or next(iter(self.metrics), None)
        return self.rows_of(chosen) if chosen else ()

    def standing_at(self, level: str) -> DifferenceRow | None:
        """The first screen's row of a level."""
        return next((row for row in self.standing if row.level == level), None)

    @property
    def levels(self) -> list[str]:
        """The levels of any metric, in order."""
        rows = [row for table in self.metrics for row in table.over_tasks]
        return in_level_order(list(dict.fromkeys(row.level for row in rows)))


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """Two or more runs on the cells that all of them have, shaped."""

    title: str
    headline: str
    detail: str
    """What the headline leaves out."""
    runs: tuple[str, ...]
    tasks: tuple[str, ...]
    scorer: str
    score: str
    """What the mean score is called."""
    confidence: float
    cells: int
    unmatched: tuple[int, ...]
    notes: tuple[str, ...]
    pairs: tuple[PairView, ...]
    rankings: tuple[Ranking, ...]

    @property
    def detailed(self) -> bool:
        """Whether each pair is shown by task and variant too; of many that would hide the rest."""
        return len(self.pairs) <= FEW

    @property
    def standing_levels(self) -> list[str]:
        """The rows of the first screen's table, over all pairs."""
        return list(dict.fromkeys(row.level for pair in self.pairs for row in pair.standing))

    @property
    def standing_metric(self) -> str:
        """What the first screen's table compares."""
        names = [table.metric for pair in self.pairs for table in pair.metrics]
        name = "accuracy" if "accuracy" in names or not names else names[0]
        return metric_title(name, self.score)

    def draws(self, table: MetricTable) -> bool:
        """Whether a metric is drawn: of a few pairs only accuracy is, so a page stays small."""
        return len(self.pairs) == 1 or (self.detailed and table.metric == "accuracy")

    def draws_tasks(self, table: MetricTable) -> bool:
        """Whether a metric is drawn by task: only where two runs are compared on several."""
        return len(self.pairs) == 1 and len(self.tasks) > 1 and bool(table.single)


def build_comparison(comparison: Comparison, variants: Sequence[Variant] = ()) -> ComparisonView:
    """What `harness.comparison.compare` found, as a view; `variants` are the first run's."""
    pairs = tuple(
        _pair(index, pair, variants, comparison.score)
        for index, pair in enumerate(comparison.pairs, start=1)
    )
    return ComparisonView(
        title=" vs ".join(comparison.runs),
        headline=which_is_better(pairs),
        detail=" ".join(_by_level(pair) for pair in pairs if pair.overall),
        runs=comparison.runs,
        tasks=comparison.tasks,
        scorer=comparison.scorer,
        score=comparison.score,
        confidence=comparison.confidence,
        cells=comparison.cells,
        unmatched=comparison.unmatched,
        notes=comparison.notes,
        pairs=pairs,
        rankings=comparison.rankings,
    )


def which_is_better(pairs: Sequence[PairView]) -> str:
    """Which run is better, by how much, and is it real: one sentence, however many runs."""
    known = [(pair, pair.overall) for pair in pairs if pair.overall]
    if not known or len(known) < len(pairs):
        return " ".join(pair.headline for pair in pairs)
    if len(known) == 1:
        return _of_two(*known[0])
    first = known[0][0].first
    if len(known) <= CLAUSES:
        clauses = [_clause(pair.second, row) for pair, row in known]
        return f"Against {first}, over the perturbed levels, {listed(clauses)}."
    better, worse = ([row for _, row in known if row.outcome == one] for one in ("better", "worse"))
    pair, most = max(known, key=lambda one: one[1].difference.value)
    verb = "is" if len(better) == 1 else "are"
    return (
        f"Of {len(known)} models against {first}, {len(better)} {verb} better and {len(worse)} "
        f"worse; highest {pair.second}: {_amount(most)} over the perturbed levels."
    )


def _clause(name: str, row: DifferenceRow) -> str:
    if row.outcome not in ("better", "worse"):
        return f"{name} does not differ significantly {_ends(row.difference)}"
    size = points(Quantity(abs(row.difference.value), None))
    ends = _ends(row.difference, turned=row.outcome == "worse")
    return f"{name} is {row.outcome} by {size} points {ends}"


def _of_two(pair: PairView, row: DifferenceRow) -> str:
    if row.outcome not in ("better", "worse"):
        return (
            f"{pair.second} and {pair.first} do not differ significantly over the perturbed "
            f"levels: {points_signed(row.difference)} points {_ends(row.difference)}."
        )
    other = "worse" if row.outcome == "better" else "better"
    against = [one.level for one in _accuracy_rows(pair) if one.outcome == other]
    where = f"{other} at the {listed(against)} level{'s' * (len(against) > 1)}"
    tail = f"; {where}" if against else f", significantly {other} at no level"
    size = points(Quantity(abs(row.difference.value), None))
    return (
        f"{pair.second} is {size} points {_ends(row.difference, turned=row.outcome == 'worse')} "
        f"{row.outcome} than {pair.first} over the perturbed levels"
        f"{tail}."
    )


def _by_level(pair: PairView) -> str:
    """Where one run is better and worse; where it is neither, what was too small to see."""
    rows = _accuracy_rows(pair)
    said = [
        f"{outcome} at the {listed(found)} level{'s' * (len(found) > 1)}"
        for outcome in ("better", "worse")
        if (found := [row.level for row in rows if row.outcome == outcome])
    ]
    if said:
        return f"{pair.second} is significantly {' and '.join(said)}."
    detectable = pair.overall.detectable if pair.overall else None
    finding = f"{pair.second} differs from {pair.first} significantly at no single level"
    if detectable is None or (pair.overall and pair.overall.outcome != "not significant"):
        return f"{finding}."
    return f"{finding}; over all, {below_detectable('difference', detectable)} may be missed."


def _accuracy_rows(pair: PairView) -> Sequence[DifferenceRow]:
    return next((table.over_tasks for table in pair.metrics if table.metric == "accuracy"), ())


def _amount(row: DifferenceRow) -> str:
    said = "" if row.outcome in ("better", "worse") else ", not significant"
    return f"{points_signed(row.difference)} points {_ends(row.difference)}{said}"


def _ends(difference: Quantity, *, turned: bool = False) -> str:
    """The interval in brackets, in points; turned round where the sentence says `worse`."""
    if difference.interval is None:
        return "(no interval)"
    ends = [Quantity(end, None) for end in difference.interval]
    if turned:
        ends = [Quantity(-end.value, None) for end in reversed(ends)]
    return f"({points(ends[0])} to {points(ends[1])})"


def _pair(index: int, pair: Pair, variants: Sequence[Variant], score: str) -> PairView:
    names = list(dict.fromkeys(one.metric for one in pair.differences))
    metrics = tuple(_metric(name, pair.differences, score) for name in names)
    prompts = pair.prompts[:PROMPTS_SHOWN]
    ids = {test.variant_id for test in prompts}
    return PairView(
        index=index,
        first=pair.first,
        second=pair.second,
        headline=_headline(pair, metrics),
        metrics=metrics,
        changes=tuple(one for one in pair.changes if one.task is None),
        prompts=prompts,
        marks=variant_marks(variants, ids),
        overall=_row(pair.overall) if pair.overall else None,
    )


def metric_title(metric: str, score: str) -> str:
    """A metric's name at the beginning of a line, the mean score by what the tasks call it."""
    if metric == "accuracy":
        return title(score)
    if metric == "worst_prompt_accuracy":
        return f"Worst-variant {score}"
    return METRIC_NAMES.get(metric, metric)


def _metric(name: str, differences: Sequence[Difference], score: str) -> MetricTable:
    rows = [_row(one) for one in differences if one.metric == name]
    return MetricTable(
        metric=name,
        name=metric_title(name, score),
        over_tasks=tuple(row for row in rows if row.task is None),
        single=tuple(row for row in rows if row.task is not None),
    )


def _row(one: Difference) -> DifferenceRow:
    from harness.metrics.measures import get_measure

    return DifferenceRow(
        level=OVER_ALL if one.level == PERTURBED else one.level,
        task=one.task,
        first=one.first,
        second=one.second,
        difference=Quantity(one.value, one.interval),
        p_adjusted=None if math.isnan(one.p_adjusted) else one.p_adjusted,
        detectable=one.detectable,
        outcome=_outcome(one),
        gained=(one.value > 0) == (get_measure(one.metric).better == "higher"),
    )


def _outcome(one: Difference) -> Outcome:
    if math.isnan(one.p_adjusted):
        return "not tested"
    if one.better is None:
        return "not significant"
    return "better" if one.better == "second" else "worse"


def _headline(pair: Pair, metrics: Sequence[MetricTable]) -> str:
    """The first metric that was compared, in a sentence; accuracy unless another was asked for."""
    if not metrics:
        return f"{pair.second} and {pair.first} have no metric in common."
    table = metrics[0]
    clauses = [
        f"{outcome} at {_levels(rows)}"
        for outcome in ("better", "worse")
        if (rows := [row for row in table.over_tasks if row.outcome == outcome])
    ]
    if not clauses:
        return f"{pair.second} and {pair.first} differ significantly at no level{_limit(table)}."
    others = [row for row in table.over_tasks if row.outcome == "not significant"]
    rest = "; elsewhere the difference is not significant" if others else ""
    return (
        f"Against {pair.first}, the {table.name.lower()} of {pair.second} is "
        f"{' and '.join(clauses)}{rest}."
    )


def _levels(rows: Sequence[DifferenceRow]) -> str:
    amounts = [f"{row.level} ({points_signed(row.difference)})" for row in rows]
    return f"the {listed(amounts)} level{'s' * (len(rows) > 1)}"


def _limit(table: MetricTable) -> str:
    largest = max((row.detectable or 0.0 for row in table.over_tasks), default=0.0)
    return (
        f", though {below_detectable('difference', largest)} may have been missed"
        if largest
        else ""
    )


def points_signed(estimate: Quantity) -> str:
    """A difference in points with its sign: '+6.2', '−0.4'."""
    text = points(estimate)
    return f"+{text}" if estimate.value > 0 and text != "0.0" else text


def chance(value: float) -> str:
    """A share of resamples as a percentage that never claims certainty: '> 99%'."""
    if math.isnan(value):
        return percent(None)
    return "> 99%" if value > 0.99 else "< 1%" if value < 0.01 else percent(value, 0)
