"""Reliability of probabilities and moves of answers, by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from harness.metrics.grid import Grid, build_grids
from harness.metrics.moves import count_moves
from harness.metrics.reliability import (
    brier_scores,
    describe_reliability,
    expected_calibration_error,
)
from harness.results.reliability import Reliability
from tests.support.make_run import make_run, make_summary


def _grid(cells: list[tuple[str, str, str, float]]) -> Grid:
    """Cells of (variant, gold, answer, probability of the answer), in the order of examples."""
    ids = list(dict.fromkeys(variant for variant, *_ in cells))
    variants = pd.DataFrame(
        {
            "id": ids,
            "task": "mood",
            "level": ["clean" if one.startswith("clean") else "word" for one in ids],
            "perturbation": ["clean" if one.startswith("clean") else "drop" for one in ids],
            "instruction_id": [one[-1] for one in ids],
            "index": 0,
            "text": ids,
        }
    )
    seen: dict[str, int] = {}
    rows = []
    for variant, gold, said, share in cells:
        number = seen[variant] = seen.get(variant, -1) + 1
        other = {"no": "yes", "yes": "no"}[said]
        scores = {said: math.log(share), other: math.log(1 - share)}
        rows.append(
            {
                "variant_id": variant, "example_id": f"e{number}", "gold": gold,
                "prediction": said, "score": float(said == gold), "correct": said == gold,
                "parsed": True, "scorer": "loglik", "scores": scores,
            }
        )  # fmt: skip
    frame = pd.DataFrame(rows)
    return build_grids(frame, variants, {"mood": ["no", "yes"]}, scorer="loglik")["mood"]


def _reliability(grid: Grid, level: str = "clean") -> Reliability:
    _, tasks = describe_reliability({"mood": grid}, {}, seed=0, confidence=0.95)
    return tasks["mood"][level]


CELLS = [
    ("clean-1", "yes", "yes", 0.9),
    ("clean-1", "yes", "no", 0.9),
    ("clean-1", "no", "no", 0.6),
    ("clean-1", "no", "no", 0.6),
]


def test_the_numbers_of_four_cells() -> None:
    found = _reliability(_grid(CELLS))
    assert found.gold_probability is not None
    assert found.gold_probability.value == pytest.approx((0.9 + 0.1 + 0.6 + 0.6) / 4, abs=1e-6)
    # Two labels: twice the square of what the right one lacks.
    brier = 2 * (0.1**2 + 0.9**2 + 0.4**2 + 0.4**2) / 4
    assert found.brier is not None
    assert found.brier.value == pytest.approx(brier, abs=1e-6)
    # In the bin of .9 half are right, in that of .6 all: |.5 - .9| and |1 - .6|.
    assert found.ece is not None
    assert found.ece.value == pytest.approx(0.4, abs=1e-6)
    expected = math.sqrt(2 / math.pi) * (math.sqrt(2 * 0.09) + math.sqrt(2 * 0.24)) / 4
    assert found.ece_expected == pytest.approx(expected, abs=1e-6)
    assert [one.probability for one in found.bins] == pytest.approx([0.6, 0.9], abs=1e-6)
    assert [(one.accuracy, one.cells) for one in found.bins] == [(1.0, 2), (0.5, 2)]


def test_the_extremes_of_the_brier_score() -> None:
    shares = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]])
    scores = brier_scores(shares, np.array([0, 0, 0]))
    assert scores[0].tolist() == pytest.approx([0.0, 2.0, 2 / 3])


def test_an_error_adds_up_within_a_bin_and_not_across_bins() -> None:
    same = expected_calibration_error(np.array([0.62, 0.68]), np.array([0.0, 1.0]))
    apart = expected_calibration_error(np.array([0.52, 0.68]), np.array([0.0, 1.0]))
    assert same == pytest.approx(abs(0.38 * 0 - 0.62 + 0.32) / 2)
    assert apart == pytest.approx((0.52 + 0.32) / 2)


def test_the_interval_of_well_calibrated_probabilities_reaches_what_chance_makes() -> None:
    rng = np.random.default_rng(0)
    cells = []
    for variant in ("clean-1", "clean-2", "clean-3", "clean-4"):
        for share in rng.uniform(0.5, 0.99, size=200):
            right = rng.random() < share
            cells.append((variant, "yes", "yes" if right else "no", float(share)))
    found = _reliability(_grid(cells))
    assert found.ece is not None
    assert found.ece.value < 2 * found.ece_expected
    assert found.ece.low is not None
    assert found.ece.low < found.ece_expected


def test_unreliable_probabilities_are_found() -> None:
    cells = [("clean-1", "yes", "yes" if n % 2 else "no", 0.95) for n in range(200)]
    found = _reliability(_grid(cells))
    assert found.ece is not None
    assert found.ece.value == pytest.approx(0.45, abs=1e-6)
    assert found.ece.low is not None
    assert found.ece.low > 0.3 > found.ece_expected


def test_moves_count_clean_answers_against_perturbed_ones() -> None:
    cells = [("clean-1", "yes", said, 0.9) for said in ("yes", "yes", "no")]
    cells += [("word-1", "yes", said, 0.9) for said in ("yes", "no", "no")]
    cells += [("word-2", "yes", "no", 0.9)]  # its instruction has no clean cell
    found = count_moves(_grid(cells), 2)
    # Rows and columns: no, yes, unparsed.
    table = [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert found == {"perturbed": table, "word": table}


def test_moves_of_a_run_are_its_flips() -> None:
    run = make_run(examples=20)
    summary = make_summary(run.manifest, run.samples, run.variants)
    moved = sum(
        count
        for task in summary.tasks.values()
        for row, counts in enumerate(task.moves["perturbed"])
        for column, count in enumerate(counts)
        if row != column
    )
    assert summary.perturbed is not None
    flips = summary.perturbed
    assert moved == flips.flips_right_wrong + flips.flips_wrong_right + flips.flips_wrong_wrong
    total = sum(sum(map(sum, task.moves["perturbed"])) for task in summary.tasks.values())
    assert total == flips.cells


def test_what_is_without_probabilities_or_perturbations_says_nothing() -> None:
    clean_only = _grid(CELLS)
    assert count_moves(clean_only, 2) == {}
    assert count_moves(clean_only, 21) == {}
    over, tasks = describe_reliability({}, {}, seed=0, confidence=0.95)
    assert (over, tasks) == ({}, {})
