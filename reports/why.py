"""Why answers broke, in words and rows: what explanation.json says, as reports show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.core.records import CLEAN
from harness.results.explanation import (
    SANITY,
    Correlation,
    Explanation,
    GroupMeasures,
    Measure,
    ModelExplanation,
)
from harness.results.quantity import Quantity
from reports.formatting import counted, number, with_interval

if TYPE_CHECKING:
    from reports.charts import Spec

TITLES: Final[Mapping[Measure, str]] = {
    "instruction": "Density, instruction",
    "input": "Density, input",
    "labels": "Density, label words",
    "inserted": "Density, inserted words",
    "changed": "Density, changed words",
    "instruction_share": "Share, instruction",
    "input_share": "Share, input",
    "shift": "Shift of density",
    "share_shift": "Shift of share",
    "score": "Instruction score",
}
"""Measure -> the head of its column."""
DRAWN: Final[tuple[Measure, ...]] = tuple(name for name in TITLES if name != "score")
"""Measures that a chart can show."""
LOSS: Final = "the right answer's log-odds"
_DIFFERENCES: Final = frozenset({"shift", "share_shift"})
_ONE_TOKEN: Final = 1.5
"""Mean tokens of an answer below which densities are 0 or 1 for most cells."""


@dataclass(frozen=True, slots=True)
class LinkRow:
    """How one shift goes with one thing that happened to answers."""

    model: str
    shift: str
    outcome: str
    correlation: Correlation


def opening(explanation: Explanation) -> str:
    """What comes first: that an explanation failed its test, if it did; then what was found."""
    failed = [sentence for model in explanation.models for sentence in _failure(model)]
    return " ".join([*failed, *map(_finding, explanation.models)])


def faith_rows(model: ModelExplanation) -> Iterator[tuple[str, Quantity, str]]:
    """The checks of an explanation: what was measured, its value, and what it should be."""
    checked = model.faithfulness
    if checked is None:
        return
    rows = (
        ("change without the densest word / without another", checked.ratio, "above 1"),
        ("rank correlation with deletion of each word", checked.deletion, "high"),
        ("rank correlation with integrated gradients", checked.integrated, "high"),
        ("rank correlation with shuffled weights", checked.shuffled, f"below {SANITY}"),
    )
    yield from ((what, found, good) for what, found, good in rows if found is not None)


def model_name(model: ModelExplanation) -> str:
    """What a model is called in a sentence: of a path its last part."""
    return model.name.rstrip("/").rpartition("/")[2] or model.name


def link_rows(explanation: Explanation) -> Iterator[LinkRow]:
    """Every correlation that could be computed, model by model."""
    for model in explanation.models:
        for shift, links in (("density", model.density), ("share", model.share)):
            for outcome, found in (
                ("loss of the right answer's log-odds", links.with_loss),
                ("flips", links.with_flips),
            ):
                if found is not None:
                    yield LinkRow(model.name, shift, outcome, found)


def correlation_text(found: Correlation) -> str:
    """A rank correlation with its interval."""
    if found.interval is None:
        return f"{number(found.value)} (no interval)"
    low, high = found.interval
    return f"{number(found.value)} [{number(low)}, {number(high)}]"


def groups_of(model: ModelExplanation) -> Iterator[tuple[str, GroupMeasures]]:
    """The rows of a model's table: levels, clean first."""
    yield from model.levels.items()


def shown_measures(explanation: Explanation) -> tuple[Measure, ...]:
    """The columns that some level of some model has."""
    groups = [group for model in explanation.models for group in model.levels.values()]
    return tuple(name for name in TITLES if any(name in group.measures for group in groups))


def measure_chart(explanation: Explanation, measure: Measure) -> Spec:
    """A measure by level, its intervals, a lane per model."""
    from reports import charts

    rows = [
        charts.IntervalRow(
            name=level,
            run=number_of,
            estimate=group.measures[measure],
            tip=f"{level}: {number(group.measures[measure].value)}, {counted(group.cells, 'cell')}",
        )
        for number_of, model in enumerate(explanation.models)
        for level, group in model.levels.items()
        if measure in group.measures and not (level == CLEAN and measure in _DIFFERENCES)
    ]
    names = [model_name(model) for model in explanation.models]
    runs, keys = len(names), names if len(names) > 1 else ()
    told = f"{TITLES[measure]}, by level"
    if measure in _DIFFERENCES:
        return charts.difference_intervals(rows, runs=runs, description=told, keys=keys)
    return charts.accuracy_intervals(rows, runs=runs, chance=None, description=told, keys=keys)


def _failure(model: ModelExplanation) -> Iterator[str]:
    """That the explanation of a model failed its test, where it did."""
    checked = model.faithfulness
    if checked is None or checked.is_passed:
        return
    ratio = with_interval(checked.ratio, number, number)
    if checked.ratio is None or (checked.ratio.low or 0) <= 1:
        why = (
            f"without the densest word the answer changes {ratio} times as much as without another"
        )
    else:
        shuffled = with_interval(checked.shuffled, number, number)
        why = f"shuffled weights rank the words alike (rank correlation {shuffled})"
    yield (
        f"{model_name(model)}: this explanation failed its test ({why}, "
        f"{counted(checked.cells, 'cell')}), so do not read it as reasons."
    )


def _finding(model: ModelExplanation) -> str:
    """What was found on a model.

    One link is spoken of, chosen before it is looked at: of densities where answers are long enough
    to have them by degrees, else of shares; with the loss of log-odds where it is known.
    """
    short = model.answer_tokens < _ONE_TOKEN
    links, what = (model.share, "share of the importance") if short else (model.density, "density")
    found, outcome = links.with_loss, f"{LOSS} fall"
    if found is None:
        found, outcome = links.with_flips, "answers flip"
    if found is None:
        return f"{model_name(model)}: too few pairs of cells to say whether anything moves."
    told = f"(rank correlation {correlation_text(found)}, {counted(found.cells, 'pair')})"
    kept = "the instruction's unchanged words"
    if not found.is_found:
        return (
            f"{model_name(model)}: nothing was found: no link between the shift of the {what} on "
            f"{kept} and {'the loss of ' + LOSS if links.with_loss else 'flips'} {told}."
        )
    moves = "leaves" if found.value < 0 else "moves onto"
    return f"{model_name(model)}: where {what} {moves} {kept}, {outcome} {told}."
