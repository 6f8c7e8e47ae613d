"""Planning: a cell's variance parts as measured, and the cheapest design that finds a difference.

What a design finds is predicted by `harness.stats.prediction`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, TypeVar

import numpy as np

from harness.stats.arrays import Booleans, Floats, Integers
from harness.stats.estimate import Estimate, Interval, mean_of
from harness.stats.power import minimum_detectable_effect
from harness.stats.prediction import CellVariance, Size, half_width, predict
from harness.stats.prediction_range import half_width_range
from harness.stats.twoway import FEWEST

SHARES: Final = (0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Shares that a planner offers; below the smallest a variant is asked on too few examples."""
_FEWEST_EXAMPLES: Final = 10


Cells: TypeAlias = tuple[Floats, Booleans, Integers]
"""Values of cells [K, N], which of them are there [K, N], and each prompt's instruction [K]."""


def measure_parts(values: Floats, present: Booleans, families: Integers) -> CellVariance:
    """The parts of the variance of cells, with holes or without, to be shown as shares.

    Every part is the mean product of two cells that have just that in common, less the mean product
    of cells that have less in common (symmetric sums: Koch 1967, Technometrics 9). A part below 0
    is 0, and all of them add up to the variance of a cell.

    Args:
        values: of the cells [K, N].
        present: which of them are there [K, N].
        families: each prompt's instruction [K].
    """
    return _solve([(values, present, families)], least=0.0)


def pool_parts(groups: Sequence[Cells]) -> CellVariance:
    """The parts that the cells of several groups have on average, to be reckoned with.

    The pairs of all groups are taken together; pairs of different groups are not compared. Each
    part is without bias and may by chance be below 0. That is left so: what is planned is a sum of
    parts, and where every negative one is cut off first the sum is too large, by a fifth in runs of
    a hundred examples, more where little changes.
    """
    return _solve(groups, least=-np.inf)


def _solve(groups: Sequence[Cells], *, least: float) -> CellVariance:
    """The parts, none of them below `least`."""
    count = max(sum(int(present.sum()) for _, present, _ in groups), 1)
    total = sum(float(values[present].sum()) for values, present, _ in groups)
    apart = _pair_means(groups)
    none = apart["none"]

    def above(kind: str, *parts: float) -> float:
        """Mean product of such pairs above what they have in common otherwise; 0 without pairs."""
        product = apart[kind]
        return 0.0 if np.isnan(product) else max(product - none - sum(parts), least)

    instructions, examples = above("instruction"), above("example")
    variants = above("variant", instructions)
    meetings = above("meeting", instructions, examples)
    known = (instructions, variants, examples, meetings)
    whole = max(above("cell"), 0.0)
    # Few pairs can say more than there is: parts to be shown are then what they are of the whole.
    scale = min(1.0, whole / sum(known)) if least == 0 and sum(known) > 0 else 1.0
    return CellVariance(
        instructions=scale * instructions,
        variants=scale * variants,
        examples=scale * examples,
        meetings=scale * meetings,
        cells=max(whole - scale * sum(known), least),
        mean=total / count,
    )


def _pair_means(groups: Sequence[Cells]) -> Mapping[str, float]:
    """The mean product over ordered pairs of cells, by what the two have in common."""
    products: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for values, present, families in groups:
        mean = float(values[present].sum()) / max(int(present.sum()), 1)
        products.update(_pair_sums(np.where(present, values - mean, 0.0), families))
        counts.update(_pair_sums(present.astype(np.float64), families))
    means = {name: products[name] / n if n > 0.5 else np.nan for name, n in counts.items()}
    if np.isnan(means["none"]):  # one instruction: what it does is taken as given
        means["none"] = means["instruction"] if np.isfinite(means["instruction"]) else 0.0
        means["example"] = means["meeting"]
    return means


def _pair_sums(cells: Floats, families: Integers) -> dict[str, float]:
    """The sum of products over ordered pairs of cells [K, N], by what the two have in common."""
    codes = np.unique(families, return_inverse=True)[1]
    member = (np.arange(int(codes.max(initial=0)) + 1)[:, None] == codes).astype(np.float64)
    by_family = member @ cells  # [G, N]
    squares = {
        "all": float(cells.sum()) ** 2,
        "family": float((by_family.sum(axis=1) ** 2).sum()),
        "prompt": float((cells.sum(axis=1) ** 2).sum()),
        "column": float((cells.sum(axis=0) ** 2).sum()),
        "met": float((by_family**2).sum()),
        "cell": float((cells**2).sum()),
    }
    return _apart(squares)


def _apart(squares: Mapping[str, float]) -> dict[str, float]:
    """Sums over pairs that have exactly this in common, from sums over pairs that have at least."""
    family, met, column = squares["family"], squares["met"], squares["column"]
    prompt, cell = squares["prompt"], squares["cell"]
    return {
        "cell": cell,
        "variant": prompt - cell,
        "meeting": met - cell,
        "instruction": family - prompt - met + cell,
        "example": column - met,
        "none": squares["all"] - family - column + met,
    }


@dataclass(frozen=True, slots=True)
class Question:
    """A difference that is asked for on several tasks, and the tests that stand beside it."""

    name: str
    parts: tuple[CellVariance, ...]
    """Per task."""
    variants: tuple[int, ...]
    """Per instruction, for each task."""
    examples: tuple[int, ...] = ()
    """How many each task has; as many as are asked for where not given."""
    tests: int = 1
    confidence: float = 0.95
    measured_on: tuple[Size, ...] = ()
    """What the parts were measured on, per task; empty where they are taken as known."""

    def estimate(self, instructions: int, examples: int, share: float) -> Estimate:
        """The estimate to expect: the plain mean over tasks, whose luck is spread evenly."""
        sizes = self.sizes(instructions, examples, share)
        pairs = enumerate(zip(self.parts, sizes, strict=True))
        return mean_of([predict(part, size, (n + 0.5) / len(sizes)) for n, (part, size) in pairs])

    def sizes(self, instructions: int, examples: int, share: float) -> list[Size]:
        """What is asked of each task."""
        there = self.examples or (examples,) * len(self.variants)
        return [
            Size(instructions, count, min(examples, most), share)
            for count, most in zip(self.variants, there, strict=True)
        ]

    def detectable(self, instructions: int, examples: int, share: float) -> float:
        """The smallest difference that such a run would call significant four times in five.

        Never less than with all cells.
        """
        return max(
            self._detectable(self.estimate(instructions, examples, one)) for one in {share, 1.0}
        )

    def half_width(self, instructions: int, examples: int, share: float) -> float:
        """Half the length of the interval to expect; never less than with all cells."""
        return max(
            half_width(self.estimate(instructions, examples, one), self.confidence)
            for one in {share, 1.0}
        )

    def half_width_range(self, instructions: int, examples: int, share: float) -> Interval:
        """Between which half-widths four of five runs fall."""
        sizes = self.sizes(instructions, examples, share)
        return half_width_range(self.parts, sizes, self.confidence, measured_on=self.measured_on)

    def _detectable(self, expected: Estimate) -> float:
        found = minimum_detectable_effect(expected, confidence=self.confidence, tests=self.tests)
        return float("inf") if found is None else found


@dataclass(frozen=True, slots=True)
class Limits:
    """How much there is to ask."""

    instructions: int
    examples: int
    fewest_instructions: int = FEWEST


@dataclass(frozen=True, slots=True)
class PlannedDesign:
    """A design, what it costs and what it is expected to find."""

    instructions: int
    examples: int
    """Per task."""
    share: float
    cells: int
    detectable: float
    """The largest over the questions, as a fraction of 1."""
    half_width: float
    """The widest interval's."""
    half_width_range: Interval | None = None
    """Between which four of five runs find it; None where not asked for."""


def plan_design(
    questions: Sequence[Question], limits: Limits, wanted: float
) -> PlannedDesign | None:
    """The design with the fewest cells that finds a difference of `wanted`; None if none does.

    Clean instructions are asked on all examples, perturbed ones on a share of them.

    Args:
        questions: one per level, all of which have to be answered.
        limits: how many instructions and examples there are.
        wanted: the difference to find, as a fraction of 1.
    """
    found = [
        design
        for instructions in _instruction_counts(limits)
        for examples in _example_counts(limits.examples)
        if (design := _smallest_share(questions, instructions, examples, wanted))
    ]
    return min(found, key=lambda design: design.cells, default=None)


def make_design(
    questions: Sequence[Question], instructions: int, examples: int, share: float
) -> PlannedDesign:
    """A design with its cost and what it is expected to find."""
    sizes = [one.sizes(instructions, examples, share) for one in questions]
    clean = max(sum(instructions * size.examples for size in of_tasks) for of_tasks in sizes)
    return PlannedDesign(
        instructions=instructions,
        examples=examples,
        share=share,
        cells=clean + sum(size.cells for of_tasks in sizes for size in of_tasks),
        detectable=max(one.detectable(instructions, examples, share) for one in questions),
        half_width=max(one.half_width(instructions, examples, share) for one in questions),
    )


def add_range(design: PlannedDesign, questions: Sequence[Question]) -> PlannedDesign:
    """The design with the range in which the half-widths of single runs will fall."""
    size = design.instructions, design.examples, design.share
    widest = max(questions, key=lambda one: one.half_width(*size))
    return replace(design, half_width_range=widest.half_width_range(*size))


def _smallest_share(
    questions: Sequence[Question], instructions: int, examples: int, wanted: float
) -> PlannedDesign | None:
    def finds(share: float) -> bool:
        return all(one.detectable(instructions, examples, share) <= wanted for one in questions)

    share = _first(SHARES, finds)
    return None if share is None else make_design(questions, instructions, examples, share)


T = TypeVar("T")


def _first(ordered: Sequence[T], holds: Callable[[T], bool]) -> T | None:
    """The first of them for which it holds, where it goes on holding; None where it never does."""
    if not holds(ordered[-1]):
        return None
    low, high = 0, len(ordered) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(ordered[middle]) else (middle + 1, high)
    return ordered[high]


def _instruction_counts(limits: Limits) -> Iterable[int]:
    return range(min(limits.fewest_instructions, limits.instructions), limits.instructions + 1)


def _example_counts(most: int) -> Iterator[int]:
    """Numbers of examples to try, each about a fifth above the one before, and all there are."""
    count = _FEWEST_EXAMPLES
    while count < most:
        yield count
        count = max(round(1.2 * count), count + 1)
    yield most


def average_parts(parts: Sequence[CellVariance]) -> CellVariance:
    """The plain mean of each part, of several tasks or levels."""

    def mean(name: str) -> float:
        return float(np.mean([getattr(one, name) for one in parts]))

    flows = [one.flows for one in parts if one.flows is not None]
    lost, gained = np.mean(flows, axis=0) if len(flows) == len(parts) else (np.nan, np.nan)
    return CellVariance(
        instructions=mean("instructions"),
        variants=mean("variants"),
        examples=mean("examples"),
        meetings=mean("meetings"),
        cells=mean("cells"),
        mean=mean("mean"),
        flows=None if np.isnan(lost) else (float(lost), float(gained)),
    )
