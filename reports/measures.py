"""Every measure of a group with its name and its meaning in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harness.results.quantity import Quantity
from reports.formatting import (
    MISSING,
    count,
    detectable,
    number,
    p_value,
    percent,
    points,
    with_interval,
)
from reports.reading import GroupView


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: how it is called, what it says, and its text for a group."""

    name: str
    meaning: str
    write: Callable[[GroupView], str]


def _share(estimate: Quantity | None) -> str:
    return with_interval(estimate, percent)


def _plain(estimate: Quantity | None) -> str:
    return with_interval(estimate, number, number)


def _relative_drop(group: GroupView) -> str:
    text = percent(group.stats.pdr)
    return f"({text})" if group.stats.pdr_flag and group.stats.pdr else text


def _quantiles(group: GroupView) -> str:
    quantiles = group.stats.accuracy_quantiles
    return MISSING if quantiles is None else ", ".join(percent(one) for one in quantiles)


def _tolerance(group: GroupView) -> str:
    found = group.stats.tolerance
    return f"{percent(found.content)} above {percent(found.accuracy)}" if found else MISSING


MEASURES: Final = (
    Measure("Accuracy", "share of cells answered right", lambda g: _share(g.stats.accuracy)),
    Measure(
        "Accuracy on parsed answers",
        "the same, without unparsed answers",
        lambda g: percent(g.stats.accuracy_parsed),
    ),
    Measure(
        "Drop (pp)",
        "clean accuracy less the level’s, on the same examples",
        lambda g: with_interval(g.stats.drop, points),
    ),
    Measure(
        "Detectable drop (pp)",
        "the smallest drop that the run would call significant four times in five",
        lambda g: detectable(g.stats.drop_detectable),
    ),
    Measure(
        "Relative drop (PDR)",
        "drop divided by clean accuracy; in brackets where clean is not above chance",
        _relative_drop,
    ),
    Measure(
        "Spread (pp)",
        "best variant less worst; grows with their number",
        lambda g: points(g.stats.spread),
    ),
    Measure(
        "Spread expected under H0 (pp)",
        "if variants do not differ: an example’s answers dealt out at random",
        lambda g: points(g.stats.null_spread),
    ),
    Measure(
        "Adjusted p of the spread",
        "Cochran’s Q: how surprising it is if variants do not differ",
        lambda g: p_value(g.stats.spread_p_adjusted),
    ),
    Measure(
        "Best-variant accuracy",
        "accuracy of the best variant",
        lambda g: percent(g.stats.best_prompt_accuracy),
    ),
    Measure(
        "Worst-variant accuracy",
        "accuracy of the worst variant",
        lambda g: _share(g.stats.worst_prompt_accuracy),
    ),
    Measure(
        "Accuracy by quantile",
        "quantiles .05, .25, .5, .75 and .95 over variants",
        _quantiles,
    ),
    Measure(
        "Tolerance",
        "how many variants of this kind are, with the report’s confidence, above which accuracy",
        _tolerance,
    ),
    Measure(
        "Standard deviation (pp)",
        "over variants (population)",
        lambda g: points(g.stats.std_over_prompts),
    ),
    Measure(
        "Consistency",
        "share of pairs of variants that give the same answer",
        lambda g: _share(g.stats.consistency),
    ),
    Measure(
        "Kappa (Fleiss)",
        "consistency corrected for agreement by chance",
        lambda g: _plain(g.stats.kappa),
    ),
    Measure(
        "Correct under every variant",
        "share of examples that every variant answers right",
        lambda g: _share(g.stats.correct_and_consistent),
    ),
    Measure(
        "Instance sensitivity (PSS)",
        "how often two variants differ in being right, per example",
        lambda g: _plain(g.stats.instance_sensitivity),
    ),
    Measure(
        "Largest answer share",
        "share of the most frequent answer; near 100% the model says the same to everything",
        lambda g: _share(g.stats.largest_answer_share),
    ),
    Measure(
        "Flip rate",
        "share of cells whose answer differs from the clean answer",
        lambda g: _share(g.stats.flip_rate),
    ),
    Measure("Flips right → wrong", "cells", lambda g: count(g.stats.flips_right_wrong)),
    Measure("Flips wrong → right", "cells", lambda g: count(g.stats.flips_wrong_right)),
    Measure(
        "Unparsed rate",
        "share of answers in which no label was found",
        lambda g: _share(g.stats.unparsed_rate),
    ),
    Measure(
        "Intervals generalise over",
        "what was sampled; the rest is as given",
        lambda g: g.stats.intervals_over or MISSING,
    ),
    Measure("Variants", "over all tasks", lambda g: count(g.stats.prompts)),
    Measure("Examples", "over all tasks", lambda g: count(g.stats.examples)),
    Measure("Cells", "variants × examples", lambda g: count(g.stats.cells)),
)
"""In the order in which reports list them."""
