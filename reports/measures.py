"""Every measure of a group with its name and its meaning in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reports.figures import count, number, percent, points, points_interval
from reports.group import Estimate, Group


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: how it is called, what it says, and its text for a group."""

    name: str
    meaning: str
    write: Callable[[Group], str]


def _estimate(estimate: Estimate | None, write: Callable[[float | None], str]) -> str:
    if estimate is None:
        return write(None)
    if estimate.low is None:
        return write(estimate.value)
    return f"{write(estimate.value)} {points_interval(estimate.low, estimate.high)}"


def _relative_drop(group: Group) -> str:
    return (
        f"({percent(group.pdr)})"
        if group.pdr_flag and group.pdr is not None
        else percent(group.pdr)
    )


MEASURES: Final = (
    Measure(
        "Accuracy", "share of answers that are right", lambda g: _estimate(g.accuracy, percent)
    ),
    Measure(
        "Accuracy on parsed answers",
        "the same, without the answers that could not be read",
        lambda g: percent(g.accuracy_parsed),
    ),
    Measure("Drop, points", "clean minus changed, same cells", lambda g: _estimate(g.drop, points)),
    Measure(
        "Detectable drop, points",
        "the drop that this many examples and wordings would show 4 times in 5",
        lambda g: points(g.detectable),
    ),
    Measure(
        "Relative drop (PDR)",
        "1 − changed / clean; in brackets where clean is not above chance",
        _relative_drop,
    ),
    Measure(
        "Spread of wordings, points",
        "best wording minus worst; grows with their number",
        lambda g: points(g.spread),
    ),
    Measure("Best wording", "accuracy of the best one", lambda g: percent(g.best_prompt_accuracy)),
    Measure(
        "Worst wording", "accuracy of the worst one", lambda g: percent(g.worst_prompt_accuracy)
    ),
    Measure(
        "Standard deviation, points",
        "over wordings (population)",
        lambda g: points(g.std_over_prompts),
    ),
    Measure(
        "Consistency",
        "share of wording pairs with the same answer",
        lambda g: _estimate(g.consistency, percent),
    ),
    Measure("Fleiss’ κ", "consistency beyond chance", lambda g: number(g.kappa)),
    Measure(
        "Right under every wording",
        "share of examples that no wording breaks",
        lambda g: percent(g.correct_and_consistent),
    ),
    Measure(
        "Instance sensitivity (PSS)",
        "how often two wordings differ in being right, per example",
        lambda g: number(g.instance_sensitivity),
    ),
    Measure("Answers changed", "against the clean wording", lambda g: percent(g.flip_rate)),
    Measure("Flips right → wrong", "cells", lambda g: count(g.flips_right_wrong)),
    Measure("Flips wrong → right", "cells", lambda g: count(g.flips_wrong_right)),
    Measure(
        "Unparsed", "share of answers no label was found in", lambda g: percent(g.unparsed_rate)
    ),
    Measure("Wordings", "over all tasks", lambda g: count(g.prompts)),
    Measure("Examples", "over all tasks", lambda g: count(g.examples)),
    Measure("Cells", "wordings × examples", lambda g: count(g.cells)),
)
"""In the order in which reports list them."""
