"""How sure an average over prompts x examples is when both are drawn from larger populations.

A cell shares its prompt with a row of cells and its example with a column of cells, so cells are
not independent and 1 / sqrt(cells) is far too small. The two-way cluster bootstrap, which resamples
prompts and examples at once ("pigeonhole", Owen 2007, Annals of Applied Statistics 1(2)), has for
a mean the variance V_prompts + V_examples + V_cells, known in closed form: what is used here is
that bootstrap with infinitely many resamples, and three corrections, without which its intervals
are too wide where cells are noisy and too narrow where prompts are few.

1. The cells' own noise stands in V_prompts and in V_examples already, so it is taken away once:
   V = V_prompts + V_examples - V_cells, and never less than either (Cameron, Gelbach & Miller 2011,
   Journal of Business & Economic Statistics 29(2); Owen 2007, section 4 shows the factor 3).
2. Each part is scaled by G / (G - 1) for its number of clusters G.
3. The interval uses Student's t, with degrees of freedom between those of the prompts and those of
   the examples, by their shares of the variance.

Variants of one instruction share its luck, so the clusters of prompts are the instructions. Where
there are fewer than three, they are taken as given and the variants are the clusters; fewer than
three variants are taken as given too, and the interval speaks of examples alone.
`benchmarks/coverage.py` measures how often such intervals hold the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from harness.stats.arrays import Booleans, Floats, Integers, ratio
from harness.stats.components import ROUNDING, Components, Parts
from harness.stats.estimate import Estimate, Kind, Over
from harness.stats.holes import variance_parts

FEWEST: Final = 3
"""Clusters below which nothing can be said of others: Student's t with one degree of freedom makes
an interval of two prompts six times as wide as one of three, and says nothing."""


@dataclass(frozen=True, slots=True)
class Influence:
    """A statistic and what each cell contributes to its deviation from the truth.

    To first order the statistic moves by the row sums of `by_prompt` when prompts are redrawn and
    by the column sums of `by_example` when examples are (the infinitesimal jackknife, Efron 1982).
    The two are one array unless the statistic compares prompts with each other.
    """

    value: float
    by_prompt: Floats | None  # [K, N]; None where the prompts' own luck cannot be estimated
    by_example: Floats  # [K, N]
    weights: Floats  # [K, N], sums to 1, 0 where a cell is missing
    flows: tuple[float, float] | None = None
    """Of a difference of cells: the shares lost and gained (`harness.stats.estimate.Estimate`)."""
    unit: float = 1.0
    """How far the statistic moves if a change happens in every example."""


def influence_of_mean(values: Floats, weights: Floats, *, of_pairs: bool = False) -> Influence:
    """The influence of the weighted mean of cell values [K, N].

    `of_pairs` says that a cell's value is its mean agreement with the other prompts' answers to the
    same example. Such a mean is a U-statistic of order 2 in the prompts: a prompt moves it once in
    its own cells and once in those of the others, and the jackknife's exact factor for that is
    2 (K - 1) / (K - 2) (Arvesen 1969). Two prompts form one pair, whose luck cannot be estimated.

    Example:
        >>> import numpy as np
        >>> right = np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
        >>> influence = influence_of_mean(right, np.full((2, 3), 1 / 6))
        >>> round(influence.value, 3), influence.by_example.sum(axis=0).round(3)
        (0.833, array([ 0.056, -0.111,  0.056]))
    """
    value = float((weights * values).sum())
    by_example = weights * (values - value)
    if not of_pairs:
        return Influence(value, by_example, by_example, weights)
    prompts = int((weights.sum(axis=1) > 0).sum())
    if prompts < 3:
        return Influence(value, None, by_example, weights)
    factor = 2 * (prompts - 1) / (prompts - 2)
    return Influence(value, factor * by_example, by_example, weights)


def influence_of_change(first: Floats, second: Floats, weights: Floats) -> Influence:
    """The influence of the weighted mean of first - second, cell by cell [K, N]: what is lost."""
    lost = first - second
    flows = tuple(float((weights * np.maximum(side, 0.0)).sum()) for side in (lost, -lost))
    return replace(influence_of_mean(lost, weights), flows=(flows[0], flows[1]))


def linear(value: float, terms: Sequence[tuple[float, Influence]]) -> Influence:
    """The influence of a function of statistics: `value`, and a (derivative, influence) for each.

    The terms must be laid out alike: the same prompts and examples in the same places.
    """
    by_example = np.sum([slope * term.by_example for slope, term in terms], axis=0)
    parts = [slope * term.by_prompt for slope, term in terms if term.by_prompt is not None]
    by_prompt = np.sum(parts, axis=0) if len(parts) == len(terms) else None
    unit = max(abs(slope) * term.unit for slope, term in terms)
    return Influence(value, by_prompt, by_example, terms[0][1].weights, unit=unit)


def difference(second: Influence, first: Influence) -> Influence:
    """The influence of second - first, measured on the same prompts and examples.

    Prompts and examples are redrawn for both at once, so what they have in common cancels.
    """
    return linear(second.value - first.value, [(1.0, second), (-1.0, first)])


def estimate(
    influence: Influence, families: Integers, *, kind: Kind, texts: Integers | None = None
) -> Estimate:
    """The statistic with its two-way variance.

    Args:
        influence: the statistic.
        families: each prompt's instruction [K].
        kind: what values it can have.
        texts: a code for each prompt [K], the same for prompts that ask the same and so are one
            draw where prompts are the clusters; None where all differ.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> right = (rng.random((6, 50)) < 0.8).astype(float)
        >>> influence = influence_of_mean(right, np.full((6, 50), 1 / 300))
        >>> found = estimate(influence, np.arange(6), kind="share")
        >>> round(found.value, 3), found.over
        (0.737, 'examples and instructions')
    """
    value = min(max(influence.value, 0.0), 1.0) if kind == "share" else influence.value
    examples = int((influence.weights.sum(axis=0) > 0).sum())
    own = np.arange(len(families)) if texts is None else texts
    clusters, by_instruction = _clusters(families, own, influence.weights.sum(axis=1) > 0)
    count = int(clusters.max(initial=-1)) + 1
    if influence.by_prompt is None or count < FEWEST:
        variance = _example_variance(influence, one_prompt=count == 1, kind=kind)
        return Estimate(
            value=value,
            variance=variance,
            df=max(examples - 1, 1),
            examples=examples,
            kind=kind,
            over="examples",
            flows=influence.flows,
            unit=influence.unit,
        )
    found = components(influence, clusters)
    parts = Parts(found, prompts=count - 1, examples=examples - 1)
    over: Over = "examples and instructions" if by_instruction else "examples and variants"
    return Estimate(
        value=value,
        variance=found.total,
        df=parts.df,
        examples=examples,
        kind=kind,
        over=over if examples > 1 else "prompts",
        prompt_variance=max(found.total - found.examples, 0.0),
        flows=influence.flows,
        unit=influence.unit,
        parts=parts,
    )


def components(influence: Influence, clusters: Integers) -> Components:
    """The parts of the variance; `clusters` [K] numbers the prompts' clusters, -1 for unused."""
    count = int(clusters.max()) + 1
    member = (np.arange(count)[:, None] == clusters).astype(np.float64)  # [G, K]
    by_prompt = influence.by_example if influence.by_prompt is None else influence.by_prompt
    cells = member @ by_prompt  # [G, N]
    weights = member @ influence.weights  # [G, N]
    if (weights[:, weights.any(axis=0)] == 0).any():
        given = cells if by_prompt is influence.by_example else member @ influence.by_example
        between, of_examples, noise = variance_parts(cells, given, weights)
        return Components(between + noise, of_examples, noise)
    by_row = ratio(weights, weights.sum(axis=1, keepdims=True), undefined=0.0)
    by_column = ratio(weights, weights.sum(axis=0), undefined=0.0)
    of_prompt, of_example = _luck_apart(cells, by_row, by_column)
    cells -= of_prompt[:, None] * by_row + of_example * by_column
    examples = int((weights.sum(axis=0) > 0).sum())
    grow = count / (count - 1)
    if examples < 2:
        return Components(grow * float(of_prompt @ of_prompt), 0.0, 0.0)
    stretch = examples / (examples - 1)
    own = of_example
    if influence.by_prompt is not influence.by_example:
        given = member @ influence.by_example
        own = _luck_apart(given, by_row, by_column)[1]
    return Components(
        prompts=grow * float(of_prompt @ of_prompt),
        examples=stretch * float(own @ own),
        cells=grow * stretch * float((cells * cells).sum()),
    )


def _luck_apart(cells: Floats, by_row: Floats, by_column: Floats) -> tuple[Floats, Floats]:
    """What each prompt [G] and each example [N] moves, without the other's luck.

    Every prompt has the same examples, whose luck cancels where all count the same.
    """
    rows, columns = cells.sum(axis=1), cells.sum(axis=0)
    return rows - by_column @ columns, columns - rows @ by_row


def _clusters(families: Integers, texts: Integers, used: Booleans) -> tuple[Integers, bool]:
    """A cluster number for each prompt (-1: not used), and whether clusters are instructions."""
    clusters = np.full(len(families), -1, dtype=np.int64)
    distinct, codes = np.unique(families[used], return_inverse=True)
    by_instruction = len(distinct) >= FEWEST
    clusters[used] = codes if by_instruction else np.unique(texts[used], return_inverse=True)[1]
    return clusters, by_instruction


def _example_variance(influence: Influence, *, one_prompt: bool, kind: Kind) -> float:
    used = influence.weights.sum(axis=0) > 0
    own, examples = influence.by_example.sum(axis=0)[used], int(used.sum())
    if examples < 2:
        return np.nan
    if one_prompt and kind == "difference":
        return _paired_variance(own * examples + influence.value, examples)
    variance = examples / (examples - 1) * float(own @ own)
    return 0.0 if variance < ROUNDING else variance


def _paired_variance(differences: Floats, examples: int) -> float:
    """Variance of a mean of paired differences of right and wrong answers, safe for few changes.

    One change each way is added (Bonett & Price 2012, Journal of Educational and Behavioral
    Statistics 37(4)), without which a handful of changed answers looks far too certain.
    """
    total = float((differences**2).sum()) + 2
    mean = float(differences.sum()) / (examples + 2)
    return (total / (examples + 2) - mean**2) / (examples + 2)
