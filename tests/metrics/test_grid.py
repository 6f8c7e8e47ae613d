"""Frames to arrays: what is where, whatever the order of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harness.core.errors import UsageError
from harness.metrics.grid import UNPARSED, Grid, build_grids

VARIANTS = pd.DataFrame(
    {
        "id": ["w1", "c1", "c2", "x1"],
        "task": ["t"] * 4,
        "level": ["word", "clean", "clean", "character"],
        "perturbation": ["synonyms", "clean", "clean", "keyboard"],
        "instruction_id": ["i1", "i1", "i2", "i2"],
        "index": [0, 0, 0, 0],
    }
)


def _samples() -> pd.DataFrame:
    rows = [
        ("c1", "e1", "yes", 1.0), ("c1", "e2", "no", 1.0), ("c1", "e3", None, 0.0),
        ("w1", "e1", "no", 0.0), ("w1", "e2", "no", 1.0),
        ("x1", "e2", "maybe", 0.0),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["variant_id", "example_id", "prediction", "score"])
    return frame.assign(
        parsed=frame["prediction"].notna(),
        gold=frame["example_id"].map({"e1": "yes", "e2": "no", "e3": "no"}),
        scorer="loglik",
    )


def _grid(samples: pd.DataFrame, variants: pd.DataFrame = VARIANTS) -> Grid:
    return build_grids(samples, variants, {"t": ("yes", "no")}, scorer="loglik")["t"]


def test_cells_stand_by_level_and_example() -> None:
    grid = _grid(_samples())
    assert grid.variants == ("c1", "c2", "x1", "w1")
    assert grid.examples == ("e1", "e2", "e3")
    assert grid.labels == ("yes", "no", "maybe")
    assert grid.present.tolist() == [[1, 1, 1], [0, 0, 0], [0, 1, 0], [1, 1, 0]]
    assert grid.score[0].tolist() == [1, 1, 0]
    assert grid.answer[0].tolist() == [0, 1, UNPARSED]
    assert grid.answer[2, 1] == 2
    assert grid.gold.tolist() == [0, 1, 1]
    assert grid.clean_row.tolist() == [0, 1, 1, 0]
    assert grid.likelihood is None


def test_no_order_of_rows_matters() -> None:
    first = _grid(_samples())
    mixed = _grid(_samples().sample(frac=1, random_state=3), VARIANTS.iloc[::-1])
    for name in ("variants", "examples", "labels"):
        assert getattr(first, name) == getattr(mixed, name)
    for name in ("score", "answer", "present", "clean_row", "gold"):
        assert np.array_equal(getattr(first, name), getattr(mixed, name))


def test_categories_read_like_strings() -> None:
    frame = _samples()
    names = ["variant_id", "example_id", "prediction", "gold", "scorer"]
    grid = _grid(frame.astype(dict.fromkeys(names, "category")))
    assert np.array_equal(grid.answer, _grid(frame).answer)


def test_a_group_drops_empty_prompts_and_examples() -> None:
    grid = _grid(_samples())
    group = grid.group(grid.rows(level="word"))
    assert group is not None
    assert (group.variants, group.examples) == (("w1",), ("e1", "e2"))
    assert group.matched.all()
    assert group.clean_score.tolist() == [[1, 1]]
    assert group.clean_answer.tolist() == [[0, 1]]
    assert grid.group(grid.rows(level="semantic")) is None


def test_clean_prompts_are_not_compared_with_themselves() -> None:
    grid = _grid(_samples())
    group = grid.group(grid.rows(level="clean"))
    assert group is not None
    assert group.variants == ("c1",)
    assert not group.matched.any()


def test_a_variant_whose_clean_prompt_has_no_cells_is_unmatched() -> None:
    grid = _grid(_samples())
    group = grid.group(grid.rows(perturbation="keyboard"))
    assert group is not None
    assert not group.matched.any()


def test_likelihoods_stand_by_label() -> None:
    scores = [{"yes": -1.0, "no": -2.0}, None, {"no": -3.0}, {}, None, {"yes": -4.0, "no": -5.0}]
    grid = _grid(_samples().assign(scores=pd.Series(scores, dtype=object)))
    assert grid.likelihood is not None
    assert grid.likelihood[0, 0].tolist() == [-1.0, -2.0]
    assert np.isnan(grid.likelihood[0, 1]).all()
    assert np.isnan(grid.likelihood[0, 2, 0])
    assert grid.likelihood[0, 2, 1] == -3.0


def test_only_the_scorer_asked_for_is_read() -> None:
    both = pd.concat([_samples(), _samples().assign(scorer="generate", score=0.0)])
    assert np.array_equal(_grid(both).score, _grid(_samples()).score)
    assert build_grids(_samples(), VARIANTS, {"t": ("yes", "no")}, scorer="generate") == {}


def test_two_samples_of_one_cell_are_refused() -> None:
    twice = pd.concat([_samples(), _samples().iloc[:1]])
    with pytest.raises(UsageError, match=r"variant 'c1' and example 'e1' has 2 samples"):
        _grid(twice)


def test_samples_of_an_unknown_variant_are_refused() -> None:
    with pytest.raises(UsageError, match=r"variant 'c1', which is not in the run"):
        _grid(_samples(), VARIANTS[VARIANTS["id"] != "c1"])
