"""The map of cells and the probabilities of labels, by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import pandas as pd
import pytest

from harness.metrics.cell_map import CellState, map_cells
from harness.metrics.grid import Grid, build_grids
from harness.metrics.probability import label_probabilities

VARIANTS = pd.DataFrame(
    {
        "id": ["clean", "bad", "good"],
        "task": "mood",
        "level": ["clean", "word", "word"],
        "perturbation": ["clean", "drop", "swap"],
        "instruction_id": "i1",
        "index": 0,
        "text": ["a", "b", "c"],
    }
)
Row: TypeAlias = tuple[str, str, str | None, tuple[float, float]]
CELLS: Final[Sequence[Row]] = [
    # variant, example, prediction, log-likelihoods of (no, yes); the gold answer is always "yes"
    ("clean", "easy", "yes", (-2.0, -1.0)),
    ("clean", "hard", "no", (-1.0, -2.0)),
    ("clean", "flips", "yes", (-2.0, -1.0)),
    ("bad", "easy", "yes", (-2.0, -1.0)),
    ("bad", "hard", "no", (-1.0, -2.0)),
    ("bad", "flips", "no", (-1.0, -2.0)),
    ("good", "easy", "yes", (-2.0, -1.0)),
    ("good", "flips", "yes", (-2.0, -1.0)),
]


def _grid(cells: Sequence[Row] = CELLS) -> Grid:
    rows = [
        {
            "variant_id": variant,
            "example_id": example,
            "gold": "yes",
            "prediction": said,
            "score": float(said == "yes"),
            "correct": said == "yes",
            "parsed": said is not None,
            "scorer": "loglik",
            "scores": dict(zip(("no", "yes"), scores, strict=True)),
        }
        for variant, example, said, scores in cells
    ]
    return build_grids(pd.DataFrame(rows), VARIANTS, {"mood": ["no", "yes"]}, scorer="loglik")[
        "mood"
    ]


ACCURACIES = {"clean": 2 / 3, "bad": 1 / 3, "good": 1.0}


def test_the_hardest_example_is_on_top_and_the_best_variant_of_a_level_first() -> None:
    found = map_cells(_grid(), ACCURACIES)
    assert found.variants == ("clean", "good", "bad")
    assert found.examples == ("hard", "flips", "easy")
    assert found.asked.tolist() == [2, 3, 3]
    # Less the variants' own accuracies, plus their mean 2/3: (0 - 2/3 + 0 - 1/3) / 2 + 2/3.
    assert found.accuracy[0] == pytest.approx(1 / 6)
    assert found.accuracy[1:].tolist() == pytest.approx([2 / 3, 1.0])


def test_states_say_what_became_of_the_clean_answer_and_what_was_not_asked() -> None:
    found = map_cells(_grid(), ACCURACIES)
    right, wrong = CellState.RIGHT, CellState.WRONG
    assert found.states.tolist() == [
        [wrong, right, right],
        [CellState.HOLE, right, right],
        [wrong, CellState.RIGHT_TO_WRONG, right],
    ]
    assert found.has_holes
    assert found.flip_rate.tolist() == [0.0, 0.5, 0.0]
    assert found.least_stable[0] == 1


def test_a_cell_can_become_right_or_wrong_in_another_way() -> None:
    cells: list[Row] = [("clean", "a", "no", (-1.0, -2.0)), ("clean", "b", "no", (-1.0, -2.0))]
    cells += [("bad", "a", "yes", (-2.0, -1.0)), ("bad", "b", None, (math.nan, math.nan))]
    found = map_cells(_grid(cells), {"clean": 0.0, "bad": 0.5})
    states = dict(zip(found.examples, found.states[1].tolist(), strict=True))
    assert states == {"a": CellState.WRONG_TO_RIGHT, "b": CellState.WRONG_TO_OTHER}


def test_without_a_clean_cell_there_is_no_flip_rate() -> None:
    found = map_cells(_grid([("bad", "a", "yes", (-2.0, -1.0))]), {"bad": 1.0})
    assert np.isnan(found.flip_rate).all()
    assert found.states.tolist() == [[CellState.RIGHT]]


def test_an_example_is_not_hard_because_bad_variants_asked_it() -> None:
    """Two equal examples, one asked by the good half, one by the bad half of the variants."""
    cells: list[Row] = [
        ("good", "lucky", "yes", (-2.0, -1.0)),
        ("bad", "unlucky", "no", (-1.0, -2.0)),
    ]
    found = map_cells(_grid(cells), {"good": 1.0, "bad": 0.0})
    assert found.accuracy.tolist() == [0.5, 0.5]


def test_probabilities_are_the_softmax_over_the_labels() -> None:
    shares = label_probabilities(_grid())
    assert shares is not None
    one = math.exp(-1) / (math.exp(-1) + math.exp(-2))
    assert shares[0, 0].tolist() == pytest.approx([1 - one, one])
    assert np.isnan(shares[2, 2]).all()  # not asked


def test_a_prior_is_taken_off_where_the_scorer_takes_it_off() -> None:
    # Raw scores favour "no" by one nat, the prior by two: what is left favours "yes" by one.
    grid = _grid([("clean", "a", "yes", (-1.0, -2.0))])
    shares = label_probabilities(grid, {"clean": {"no": -0.5, "yes": -2.5}})
    assert shares is not None
    assert shares[0, 0, 1] == pytest.approx(1 / (1 + math.exp(-1)), abs=1e-6)


def test_where_something_else_chose_the_answer_there_are_no_probabilities() -> None:
    assert label_probabilities(_grid([("clean", "a", "yes", (-1.0, -2.0))])) is None
