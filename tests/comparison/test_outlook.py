"""What is planned of a difference between two runs, against what pairs of runs then have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.comparison.outlook import difference_question
from harness.core.records import CLEAN
from harness.evaluation.design import Design
from harness.metrics.grid import Grid
from harness.stats.prediction import half_width

LEVELS = ("character", "word")


def _pair(
    instructions: int, each: int, examples: int, share: float, seed: int
) -> tuple[Grid, Grid]:
    """Two runs of one design: two levels, `each` variants per instruction, and clean ones."""
    rng = np.random.default_rng([seed, 7])
    levels = [CLEAN] * instructions + [one for one in LEVELS for _ in range(instructions * each)]
    families = np.concatenate([np.arange(instructions)] + [
        np.repeat(np.arange(instructions), each) for _ in LEVELS
    ])  # fmt: skip
    present = np.ones((len(levels), examples), dtype=np.bool_)
    for level in LEVELS:
        rows = np.flatnonzero(np.array(levels) == level)
        present[rows] = Design(share, seed).cells(level, [str(row) for row in rows], examples)
    ability = 1 + 1.5 * rng.normal(size=(1, examples)) + 0.4 * rng.normal(size=(len(levels), 1))
    ability = ability + 0.45 * rng.normal(size=(instructions, examples))[families]
    ability = ability + 0.2 * rng.normal(size=(len(levels), 1))
    moved = (
        ability
        + 0.3
        + 0.2 * rng.normal(size=(len(levels), 1))
        + 0.7 * rng.normal(size=(1, examples))
    )
    luck = rng.logistic(size=ability.shape)
    return tuple(_grid(levels, families, present, luck < one) for one in (ability, moved))  # type: ignore[return-value]


def _grid(levels: list[str], families: np.ndarray, present: np.ndarray, right: np.ndarray) -> Grid:
    rows, examples = present.shape
    gold = np.arange(examples) % 2
    return Grid(
        task="t",
        variants=tuple(f"v{row}" for row in range(rows)),
        levels=tuple(levels),
        perturbations=tuple(f"p{row}" for row in range(rows)),
        instructions=tuple(f"i{family}" for family in families),
        families=families,
        texts=np.arange(rows),
        examples=tuple(f"e{n}" for n in range(examples)),
        labels=("a", "b"),
        score=np.where(present & right, 1, 0).astype(np.float32),
        answer=np.where(right, gold, 1 - gold).astype(np.int16),
        present=present,
        clean_row=families,
        gold=gold,
        likelihood=None,
    )


@pytest.mark.parametrize("size", [(6, 3, 60, 1.0), (6, 3, 60, 0.3), (12, 2, 80, 0.5)], ids=str)
def test_the_planned_difference_is_what_pairs_of_runs_find(
    size: tuple[int, int, int, float],
) -> None:
    """Median half-widths of the difference over two levels, within 15 %."""
    truth = difference_question({"t": _pair(80, size[1], 400, 1.0, 99)}, confidence=0.95)
    assert truth is not None
    instructions, each, examples, share = size
    widths = []
    for seed in range(80):
        found = difference_question({"t": _pair(*size, seed)}, confidence=0.95)
        assert found is not None
        widths.append(half_width(found[1], 0.95))
    question = replace(truth[0], examples=())
    assert question.variants == (2 * each,)
    planned = question.half_width(instructions, examples, share)
    assert planned == pytest.approx(float(np.median(widths)), rel=0.15)


def test_where_nothing_is_perturbed_there_is_no_difference_to_plan() -> None:
    first, second = _pair(4, 2, 30, 1.0, 0)
    clean = np.flatnonzero(np.array(first.levels) == CLEAN)
    pair = tuple(replace(one, present=one.present & np.isin(np.arange(len(one.levels)), clean)
                         [:, None]) for one in (first, second))  # fmt: skip
    assert difference_question({"t": pair}, confidence=0.95) is None
