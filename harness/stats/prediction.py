"""What a run's interval will be before anything is asked, from the variance parts of one cell.

The value of a cell (its answer's score; clean less perturbed score; the difference of two runs) is
taken as a sum of effects, each with its own variance: of the instruction, of the variant within its
instruction, of the example, of this instruction on this example, and of the cell alone. For G
instructions with V variants each, N examples and a share s of the cells, spread evenly, the mean
over all cells asked has the variance

    instructions / G + variants / (G V) + examples / N + (meetings q + cells / (V s)) / (G N)

with q = (1 + (m - 1) (V - 1) / (G V - 1)) / (s V) for the m = s G V cells of an example, since
an instruction's variants share what it is on an example; 1 with all cells.

That is the truth. A run has its own few instructions, and what it finds of their part is the truth
times chi-square over G - 1, less noise, at least 0; its degrees of freedom follow. So most runs
find less, often nothing, and a prediction by the truth alone is up to 1.7 times what comes out.
What is predicted is therefore the run in the middle: chi-square's median, put through what
`harness.stats.twoway` makes of it, holes included. Intervals are those of `harness.stats.estimate`.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.stats.components import Components, Parts
from harness.stats.estimate import Estimate, Kind, Over
from harness.stats.twoway import FEWEST


@dataclass(frozen=True, slots=True)
class CellVariance:
    """The parts of the variance of one cell's value, in squared fractions of 1.

    Measured parts may by chance be below 0 (`harness.stats.planning.pool_parts`); what they add up
    to is cut off there.
    """

    instructions: float
    variants: float
    """Of a variant within its instruction."""
    examples: float
    meetings: float
    """Of one instruction on one example, alike for its variants."""
    cells: float
    mean: float = 0.0
    flows: tuple[float, float] | None = None
    """Of a difference of cells: the shares lost and gained (`harness.stats.estimate.Estimate`)."""

    @property
    def kind(self) -> Kind:
        """What values the mean can have."""
        return "share" if self.flows is None else "difference"


@dataclass(frozen=True, slots=True)
class Size:
    """How much of one group, a level of a task, is asked."""

    instructions: int
    variants: int
    """Per instruction."""
    examples: int
    share: float = 1.0

    @property
    def cells(self) -> int:
        """How many cells that is."""
        return round(self.instructions * self.variants * self.examples * self.share)

    @property
    def clusters(self) -> int:
        """Of prompts: the instructions; the prompts themselves where those are too few."""
        few = self.instructions < FEWEST
        return self.instructions * self.variants if few else self.instructions


@dataclass(frozen=True, slots=True)
class Drawn:
    """By what factors a run finds the variance of its prompts and of its examples larger."""

    prompts: float
    examples: float = 1.0


def predict(parts: CellVariance, size: Size, luck: float = 0.5) -> Estimate:
    """The estimate that a run of this size is expected to have: its interval, its half-width.

    Args:
        parts: the variance of a cell.
        size: of the run.
        luck: the share of runs whose instructions differ less than this one's; one half is the run
            in the middle.

    Example:
        >>> parts = CellVariance(0, 0, examples=0.2, meetings=0, cells=0, mean=0.7)
        >>> predict(parts, Size(6, 1, 80)).standard_error
        0.05
    """
    return predict_drawn(parts, size, Drawn(_relative_variance(luck, max(size.clusters - 1, 1))))


def predict_drawn(parts: CellVariance, size: Size, drawn: Drawn) -> Estimate:
    """The same of a run that draws its prompts and examples so."""
    by_instruction, clusters = size.instructions >= FEWEST, size.clusters
    if clusters < FEWEST:
        of_examples = _components(parts, size, by_instruction=by_instruction).examples
        found, clusters = Components(0.0, drawn.examples * of_examples, 0.0), 1
    else:
        found = _found(parts, size, drawn, by_instruction=by_instruction)
    over: Over = "examples and instructions" if by_instruction else "examples and variants"
    examples = _asked(size)
    known = Parts(found, clusters - 1, examples - 1) if clusters > 1 else None
    df = examples - 1 if known is None else known.df
    return Estimate(
        value=parts.mean,
        variance=found.total,
        df=max(df, 1),
        examples=examples,
        kind=parts.kind,
        over=over if clusters > 1 else "examples",
        prompt_variance=max(found.total - found.examples, 0.0),
        flows=parts.flows,
        parts=known,
    )


def half_width(estimate: Estimate, confidence: float) -> float:
    """Half the length of an estimate's interval; NaN where it has none."""
    interval = estimate.interval(confidence)
    return float("nan") if interval is None else (interval[1] - interval[0]) / 2


def _found(parts: CellVariance, size: Size, drawn: Drawn, *, by_instruction: bool) -> Components:
    """What the estimator makes of the parts in a run whose prompts and examples are drawn so."""
    true = _components(parts, size, by_instruction=by_instruction)
    of_examples = drawn.examples * true.examples
    if size.share >= 1:
        return Components(drawn.prompts * true.prompts, of_examples, true.cells)
    noise = _noise(true, parts, size, size.clusters)
    between = drawn.prompts * (true.prompts - true.cells + noise) - noise
    noise = min(noise, of_examples)
    return Components(between + noise, of_examples, noise)


def _noise(true: Components, parts: CellVariance, size: Size, clusters: int) -> float:
    """The noise in what a run with holes finds of the clusters' part (`harness.stats.holes`).

    Of an example's luck the share `taken` is taken off its cells, with which goes `taken` times
    `own` of a cluster's effect; what is left of both is grown to the whole.
    """
    alike = _alike(size, clusters)
    own = alike / _cells_per_example(size)
    of_example = (true.examples - true.cells) * _asked(size)
    rest = parts.instructions + parts.variants + parts.meetings + parts.cells / alike
    rest = max(rest, 0.0)
    correlation = of_example / (of_example + rest) if of_example > 0 else 0.0
    taken = correlation / (own + (1 - own) * correlation)
    left = 1 - taken
    of_examples = (true.examples - true.cells) * own * left**2
    seen = 1 - taken * own - left / clusters
    grow = (clusters - 1) / clusters / seen**2
    return grow * (true.cells * (1 - taken * (1 + left) * own) + of_examples)


def _relative_variance(luck: float, df: int) -> float:
    """A quantile of chi-square over its degrees of freedom: sample over true variance."""
    from scipy.special import chdtri

    return float(chdtri(df, 1 - luck)) / df


def _alike(size: Size, clusters: int) -> float:
    """How many of an example's cells are, on average, of the same cluster as one of them is."""
    prompts = size.instructions * size.variants
    if prompts == 1:
        return 1.0
    return 1 + (_cells_per_example(size) - 1) * (prompts / clusters - 1) / (prompts - 1)


def _cells_per_example(size: Size) -> float:
    """Of those that are asked: `harness.evaluation.design` asks two variants or none."""
    prompts = size.instructions * size.variants
    return min(max(size.share * prompts, 2.0), prompts)


def _asked(size: Size) -> int:
    """How many examples have cells of this group."""
    per_example = size.share * size.instructions * size.variants / _cells_per_example(size)
    return max(round(size.examples * per_example), 1)


def _components(parts: CellVariance, size: Size, *, by_instruction: bool) -> Components:
    """The parts of the variance of a run's mean, and the noise of cells that stands in both."""
    instructions, variants = size.instructions, size.variants
    shared = parts.meetings * _alike(size, instructions) / (variants * size.share)
    alone = parts.cells / (variants * size.share)
    if by_instruction:
        between = parts.instructions + parts.variants / variants
        of_example, of_cell = parts.examples, shared + alone
    else:  # what the instructions do is taken as given
        between = parts.variants / variants
        of_example, of_cell = parts.examples + shared / instructions, alone
    cells = max(of_cell / (instructions * size.examples), 0.0)
    return Components(
        prompts=max(between / instructions, 0.0) + cells,
        examples=max(of_example / _asked(size), 0.0) + cells,
        cells=cells,
    )
