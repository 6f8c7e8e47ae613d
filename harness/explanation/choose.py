"""Which cells are explained: flips of the worst variants, a sample for the means, their twins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from harness.core.errors import UnknownNameError, UsageError
from harness.core.records import CLEAN, stable_hash
from harness.metrics.flipped_cells import FLIP_KINDS, flipped_from_clean

if TYPE_CHECKING:
    import pandas as pd

AnswerChoice = Literal["own", "gold"]
"""Whose answer is explained: the model's own, as the run has it, or the right one."""
SAMPLE_EXAMPLES: Final = 16
"""Examples per task that a sample is drawn on at first, so that clean twins are shared."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pair:
    """A perturbed cell and its clean twin: the same instruction and example, unperturbed."""

    task: str
    example_id: str
    variant_id: str
    clean_id: str
    """The clean variant of the same instruction."""
    is_worst: bool = False
    """Whether it is one of the worst variants' flips."""
    is_sampled: bool = True
    """Whether means are taken over it: it was drawn, or named."""

    @property
    def key(self) -> tuple[str, str]:
        """The perturbed cell: variant and example."""
        return self.variant_id, self.example_id

    @property
    def clean_key(self) -> tuple[str, str]:
        """Its clean twin: the clean variant and the same example."""
        return self.clean_id, self.example_id


def cells_of_pairs(pairs: Iterable[Pair]) -> tuple[tuple[str, str], ...]:
    """The cells of pairs, each once: every perturbed one and its clean twin."""
    return tuple(dict.fromkeys(key for pair in pairs for key in (pair.clean_key, pair.key)))


@dataclass(frozen=True, slots=True)
class Choice:
    """How many cells are explained, and which; the first ones of the sample are checked."""

    worst: int = 20
    sample: int = 200
    checked: int = 16
    variant_ids: tuple[str, ...] = ()
    example_ids: tuple[str, ...] = ()
    seed: int = 0


def choose_pairs(samples: pd.DataFrame, choice: Choice, open_tasks: Collection[str]) -> list[Pair]:
    """The pairs to explain, the worst first; each once.

    Named variants or examples are explained in full and nothing else is.

    Args:
        samples: Of one scorer, one row per cell.
        choice: What is wanted.
        open_tasks: Tasks with answers in free text.

    Raises:
        UnknownNameError: a variant or an example that the run does not have.
        UsageError: no perturbed cell has a clean twin.
    """
    for kind, column, names in (
        ("variant", "variant_id", choice.variant_ids),
        ("example", "example_id", choice.example_ids),
    ):
        known = {str(name) for name in samples[column].unique()}
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            raise UnknownNameError(kind, unknown, known)
    pairs = _all_pairs(samples)
    if not pairs:
        raise UsageError(
            "no perturbed cell of this run has a clean twin, so there is nothing to explain.",
            hint="Explain a run with a perturbed level.",
        )
    if choice.variant_ids or choice.example_ids:
        return [pair for pair in pairs.values() if _is_named(pair, choice)]
    worst = _worst(samples, pairs, choice, open_tasks)
    sample = _sample(samples, pairs, choice)
    drawn = {pair.key for pair in sample}
    flips = [replace(pair, is_worst=True, is_sampled=pair.key in drawn) for pair in worst]
    shown = {pair.key for pair in flips}
    return [*flips, *(pair for pair in sample if pair.key not in shown)]


def _all_pairs(samples: pd.DataFrame) -> dict[tuple[str, str], Pair]:
    """(variant, example) -> its pair, of every perturbed cell with a clean twin."""
    clean = samples[samples["level"] == CLEAN]
    twins = {
        (str(task), str(instruction), str(example)): str(variant)
        for task, instruction, example, variant in zip(
            clean["task"], clean["instruction_id"], clean["example_id"], clean["variant_id"],
            strict=True,
        )
    }  # fmt: skip
    rest = samples[samples["level"] != CLEAN]
    columns = (
        map(str, rest[name]) for name in ("task", "instruction_id", "example_id", "variant_id")
    )
    return {
        (variant, example): Pair(task, example, variant, twin)
        for task, instruction, example, variant in zip(*columns, strict=True)
        if (twin := twins.get((task, instruction, example))) is not None
    }


def _worst(
    samples: pd.DataFrame,
    pairs: dict[tuple[str, str], Pair],
    choice: Choice,
    open_tasks: Collection[str],
) -> list[Pair]:
    """Flips, from each task's and level's worst variant on, in turn; right to wrong first."""
    flips = flipped_from_clean(samples, open_tasks).cells
    mean = samples.groupby("variant_id", observed=True)["score"].mean()
    ranked = sorted(
        (
            FLIP_KINDS.index(kind),
            float(mean[variant]),
            stable_hash(choice.seed, variant, example),
            (str(task), str(level)),
            (str(variant), str(example)),
        )
        for kind, variant, example, task, level in zip(
            flips["kind"], flips["variant_id"], flips["example_id"], flips["task"], flips["level"],
            strict=True,
        )
    )  # fmt: skip
    groups: dict[tuple[str, str], list[Pair]] = {}
    for *_, group, key in ranked:
        if key in pairs:
            groups.setdefault(group, []).append(pairs[key])
    return list(islice(in_turn(groups.values()), choice.worst))


def _sample(
    samples: pd.DataFrame, pairs: dict[tuple[str, str], Pair], choice: Choice
) -> list[Pair]:
    """Cells drawn by the seed, as many of each task's levels, on few examples with many variants.

    The first examples of the draw are used up before others are taken: cells that share an example
    share its clean twin, and show what the variants do to it.
    """
    groups: dict[tuple[str, str], list[Pair]] = {}
    level = dict(zip(map(str, samples["variant_id"]), map(str, samples["level"]), strict=True))
    for pair in pairs.values():
        groups.setdefault((pair.task, level[pair.variant_id]), []).append(pair)
    drawn = (_drawn(group, choice.seed) for _, group in sorted(groups.items()))
    return list(islice(in_turn(drawn), choice.sample))


def _drawn(group: Sequence[Pair], seed: int) -> list[Pair]:
    """The pairs of a task and level in the order in which they are drawn."""
    examples = sorted(
        {pair.example_id for pair in group}, key=lambda one: stable_hash(seed, group[0].task, one)
    )
    batch = {example: place // SAMPLE_EXAMPLES for place, example in enumerate(examples)}

    def order(pair: Pair) -> tuple[int, int]:
        return batch[pair.example_id], stable_hash(seed, pair.variant_id, pair.example_id)

    return sorted(group, key=order)


def in_turn(groups: Iterable[Sequence[T]]) -> Iterator[T]:
    """The first of each group, then the second of each, and so on.

    Example:
        >>> list(in_turn(["abc", "d", "ef"]))
        ['a', 'd', 'e', 'b', 'f', 'c']
    """
    nothing = object()
    for one in chain.from_iterable(zip_longest(*groups, fillvalue=nothing)):
        if one is not nothing:
            yield one  # type: ignore[misc]  # mypy cannot tell the filling from the filled


def _is_named(pair: Pair, choice: Choice) -> bool:
    variant = not choice.variant_ids or pair.variant_id in choice.variant_ids
    return variant and (not choice.example_ids or pair.example_id in choice.example_ids)
