"""The part of a model card that says what hardening gained and what it lost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.comparison.differences import Difference
from harness.core.records import PERTURBED
from harness.hardening.outcome import Change, Outcome
from harness.hardening.split import PerturbationSplit, WordingSplit
from harness.results.quantity import Quantity
from reports.comparison import points_signed
from reports.formatting import MISSING, count, interval, listed, percent
from trainers.card import markdown_table

TITLE: Final = "What was gained and lost"
_NAMES: Final = {
    "accuracy": "{metric}",
    "consistency": "consistency",
    "worst_prompt_accuracy": "worst wording",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a reader of the card must know beside the figures."""

    task: str
    metric: str
    """What the mean score is called."""
    wordings: WordingSplit
    perturbations: PerturbationSplit
    rows: int
    steps: int
    cells: int
    keep: str
    """The commands that judge a later checkpoint."""
    power: str
    """Whether the policy would notice a loss."""


def measured_sections(outcome: Outcome, facts: Facts) -> Iterator[tuple[str, list[str]]]:
    """The sections of a card, title and lines, that a training alone cannot write."""
    yield TITLE, [*_headline(outcome), "", *_table_of_task(outcome, facts), "", *_tested(facts)]
    if outcome.elsewhere:
        yield "On other tasks", list(_table_elsewhere(outcome))
    yield "To keep it", ["```console", *facts.keep.splitlines(), "```", "", facts.power]


def say_outcome(outcome: Outcome) -> Iterator[str]:
    """The outcome in sentences: against plain tuning where there is that, and against before."""
    found = outcome.headline
    if found is None:
        yield "Nothing perturbed was compared."
        return
    if found.over_control is not None:
        yield (
            "On wordings and perturbations that no training saw, hardening is "
            f"{_said(found.over_control)} plain tuning of the same rows and steps."
        )
    yield f"It is {_said(found.gain)} the model before."


def _headline(outcome: Outcome) -> Iterator[str]:
    yield " ".join(say_outcome(outcome))


def _said(one: Difference) -> str:
    size = f"{points_signed(_quantity(one))} points {interval(_quantity(one))}"
    if one.better is None:
        return f"not distinguishable ({size}) from"
    return f"{'better' if one.better == 'second' else 'worse'} ({size}) than"


def _table_of_task(outcome: Outcome, facts: Facts) -> Iterator[str]:
    rows = [((_name(one, facts.metric), _level(one)), one) for one in outcome.task]
    return _table(("", "level"), rows)


def _table_elsewhere(outcome: Outcome) -> Iterator[str]:
    rows = [((task, one.level), one) for task, one in outcome.elsewhere]
    return _table(("task", "level"), rows)


def _table(what: tuple[str, str], rows: Sequence[tuple[tuple[str, str], Change]]) -> Iterator[str]:
    control = any(one.over_control is not None for _, one in rows)
    more = ("plain tuning", "hardened − plain tuning") if control else ()
    header = (*what, "before", "hardened", "hardened − before", *more)
    yield from markdown_table(header, ((*own, *_cells(one, control)) for own, one in rows))


def _cells(one: Change, control: bool) -> tuple[str, ...]:
    cells = (percent(one.before), percent(one.after), points_with_interval(one.gain))
    if not control:
        return cells
    return (*cells, percent(one.control), points_with_interval(one.over_control))


def _name(one: Change, metric: str) -> str:
    return _NAMES.get(one.metric, one.metric).format(metric=metric)


def _level(one: Change) -> str:
    return "all perturbed" if one.level == PERTURBED else one.level


def _tested(facts: Facts) -> Iterator[str]:
    wordings = facts.wordings
    kin = (
        "they reword no instruction that was trained on"
        if wordings.by_family
        else "they reword instructions that were trained on, so new ones may gain less"
    )
    yield (
        "Differences are in points, with 95 % intervals; a star says that the adjusted p value is "
        f"below .05. Task `{facts.task}`, "
        f"{count(facts.cells)} cells per model. Trained on {count(facts.rows)} rows, "
        f"{count(facts.steps)} steps, {len(wordings.trained)} wordings and the perturbations "
        f"{listed(facts.perturbations.trained, limit=30)}. Tested with {len(wordings.held)} other "
        f"wordings ({kin}) and the perturbations {listed(facts.perturbations.held, limit=30)}."
    )


def points_with_interval(one: Difference | None) -> str:
    """A difference in points with its interval, and a star where it is significant."""
    if one is None:
        return MISSING
    quantity = _quantity(one)
    return f"{points_signed(quantity)} {interval(quantity)}{' *' if one.better else ''}"


def _quantity(one: Difference) -> Quantity:
    known = one.interval is not None and not any(map(math.isnan, one.interval))
    return Quantity(one.value, one.interval if known else None)
