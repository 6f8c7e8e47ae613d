"""Every measure of a group with its name and its meaning in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reports.formatting import Estimate, count, number, p_value, percent, points, with_interval
from reports.measures_view import Group


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: how it is called, what it says, and its text for a group."""

    name: str
    meaning: str
    write: Callable[[Group], str]


def _share(estimate: Estimate | None) -> str:
    return with_interval(estimate, percent)


def _plain(estimate: Estimate | None) -> str:
    return with_interval(estimate, number, number)


def _relative_drop(group: Group) -> str:
    text = percent(group.pdr)
    return f"({text})" if group.pdr_flag and group.pdr else text


MEASURES: Final = (
    Measure("Accuracy", "share of answers that are right", lambda g: _share(g.accuracy)),
    Measure(
        "Accuracy on parsed answers",
        "the same, without the answers that could not be read",
        lambda g: percent(g.accuracy_parsed),
    ),
    Measure(
        "Drop, points", "clean minus changed, same cells", lambda g: with_interval(g.drop, points)
    ),
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
    Measure(
        "Spread by chance, points",
        "what equal wordings would show: the answers of an example dealt out at random",
        lambda g: points(g.null_spread),
    ),
    Measure(
        "p of the spread",
        "Cochran’s Q: how surprising it is if wordings do not differ",
        lambda g: p_value(g.spread_p),
    ),
    Measure("Best wording", "accuracy of the best one", lambda g: percent(g.best_prompt_accuracy)),
    Measure(
        "Worst wording", "accuracy of the worst one", lambda g: _share(g.worst_prompt_accuracy)
    ),
    Measure(
        "Standard deviation, points",
        "over wordings (population)",
        lambda g: points(g.std_over_prompts),
    ),
    Measure(
        "Consistency",
        "share of wording pairs with the same answer",
        lambda g: _share(g.consistency),
    ),
    Measure("Fleiss’ κ", "consistency beyond chance", lambda g: _plain(g.kappa)),
    Measure(
        "Right under every wording",
        "share of examples that no wording breaks",
        lambda g: _share(g.correct_and_consistent),
    ),
    Measure(
        "Instance sensitivity (PSS)",
        "how often two wordings differ in being right, per example",
        lambda g: _plain(g.instance_sensitivity),
    ),
    Measure("Answers changed", "against the clean wording", lambda g: _share(g.flip_rate)),
    Measure("Flips right → wrong", "cells", lambda g: count(g.flips_right_wrong)),
    Measure("Flips wrong → right", "cells", lambda g: count(g.flips_wrong_right)),
    Measure(
        "Unparsed", "share of answers no label was found in", lambda g: _share(g.unparsed_rate)
    ),
    Measure(
        "Intervals speak of", "what was sampled; the rest is as given", lambda g: g.intervals_over
    ),
    Measure("Wordings", "over all tasks", lambda g: count(g.prompts)),
    Measure("Examples", "over all tasks", lambda g: count(g.examples)),
    Measure("Cells", "wordings × examples", lambda g: count(g.cells)),
)
"""In the order in which reports list them."""
