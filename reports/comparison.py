"""What a comparison of runs found, shaped for its page: words, rows and their order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from harness.core.records import Variant, in_level_order
from harness.results.summary import Quantity
from reports.diff import Mark
from reports.formatting import listed, percent, points
from reports.variants import variant_marks

if TYPE_CHECKING:
    from harness.comparison import Comparison, Pair
    from harness.comparison.changes import Changes, PromptTest
    from harness.comparison.differences import Difference
    from harness.comparison.ranking import Ranking

Outcome = Literal["better", "worse", "not significant", "not tested"]

METRIC_NAMES: Final = {
    "accuracy": "Accuracy",
    "drop": "Drop",
    "pdr": "Relative drop (PDR)",
    "worst_prompt_accuracy": "Worst-variant accuracy",
    "consistency": "Consistency",
    "kappa": "Fleiss’ κ",
    "correct_and_consistent": "Correct under every variant",
    "instance_sensitivity": "Instance sensitivity",
    "flip_rate": "Flip rate",
    "unparsed_rate": "Unparsed rate",
}
PROMPTS_SHOWN: Final = 15


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
    runs: tuple[str, ...]
    tasks: tuple[str, ...]
    scorer: str
    confidence: float
    cells: int
    unmatched: tuple[int, ...]
    notes: tuple[str, ...]
    pairs: tuple[PairView, ...]
    rankings: tuple[Ranking, ...]


def build_comparison(comparison: Comparison, variants: Sequence[Variant] = ()) -> ComparisonView:
    """What `harness.comparison.compare` found, as a view; `variants` are the first run's."""
    pairs = tuple(
        _pair(index, pair, variants) for index, pair in enumerate(comparison.pairs, start=1)
    )
    return ComparisonView(
        title=" vs ".join(comparison.runs),
        headline=" ".join(pair.headline for pair in pairs),
        runs=comparison.runs,
        tasks=comparison.tasks,
        scorer=comparison.scorer,
        confidence=comparison.confidence,
        cells=comparison.cells,
        unmatched=comparison.unmatched,
        notes=comparison.notes,
        pairs=pairs,
        rankings=comparison.rankings,
    )


def _pair(index: int, pair: Pair, variants: Sequence[Variant]) -> PairView:
    names = list(dict.fromkeys(one.metric for one in pair.differences))
    metrics = tuple(_metric(name, pair.differences) for name in names)
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
    )


def _metric(name: str, differences: Sequence[Difference]) -> MetricTable:
    rows = [_row(one) for one in differences if one.metric == name]
    return MetricTable(
        metric=name,
        name=METRIC_NAMES.get(name, name),
        over_tasks=tuple(row for row in rows if row.task is None),
        single=tuple(row for row in rows if row.task is not None),
    )


def _row(one: Difference) -> DifferenceRow:
    from harness.metrics.measures import get_measure

    return DifferenceRow(
        level=one.level,
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
        f", though a difference under about {points(largest)} points may have been missed"
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
