"""Scores and texts become predictions as documented, with hand-computed values."""

from __future__ import annotations

import math

import pytest

from harness.core.records import Cell, Example, Response, Variant
from harness.prompting.readers import LabelReader
from harness.prompting.scoring import (
    content_free_prior,
    score_calibrated,
    score_generate,
    score_loglik,
)

VARIANT = Variant(
    id="v", task="t", level="word", perturbation="p", instruction_id="i", index=0, seed=0,
    text="Do.", original="Do.",
)  # fmt: skip
CELL = Cell(VARIANT, Example(id="1", fields={}, input="x", gold="pos"))


def test_highest_score_wins_and_the_first_of_equals() -> None:
    sample = score_loglik(CELL, Response(scores={"neg": -2.0, "pos": -1.0}))
    assert (sample.prediction, sample.correct, sample.parsed) == ("pos", True, True)
    tied = score_loglik(CELL, Response(scores={"neg": -1.0, "pos": -1.0}))
    assert tied.prediction == "neg"


def test_prior_is_subtracted() -> None:
    prior = {"neg": math.log(0.2), "pos": math.log(0.8)}
    sample = score_calibrated(CELL, Response(scores={"neg": -2.0, "pos": -1.0}), prior)
    # -2 - log .2 = -0.39, -1 - log .8 = -0.78: calibration turns the answer round.
    assert (sample.prediction, sample.scorer) == ("neg", "calibrated")
    assert sample.scores == {"neg": -2.0, "pos": -1.0}
    # At a prior of -1.5 and -0.5 the labels are equal, -0.5 each, and the first wins.
    equal = score_calibrated(CELL, Response(scores={"neg": -2.0, "pos": -1.0}), _prior(-1.5, -0.5))
    assert equal.prediction == "neg"


def _prior(neg: float, pos: float) -> dict[str, float]:
    return {"neg": neg, "pos": pos}


def test_scores_that_are_no_numbers_are_unparsed() -> None:
    sample = score_loglik(CELL, Response(scores={"neg": math.nan, "pos": -1.0}))
    assert (sample.prediction, sample.parsed, sample.correct, sample.scores) == (
        None, False, False, None,
    )  # fmt: skip


def test_content_free_prior_is_the_log_of_the_mean_probability() -> None:
    first = {"a": math.log(0.6), "b": math.log(0.2)}  # normalised: .75, .25
    second = {"a": math.log(0.1), "b": math.log(0.3)}  # normalised: .25, .75
    third = {"a": math.log(0.4), "b": math.log(0.1)}  # normalised: .8, .2
    prior = content_free_prior([first, second, third])
    assert prior["a"] == pytest.approx(math.log((0.75 + 0.25 + 0.8) / 3))
    assert prior["b"] == pytest.approx(math.log((0.25 + 0.75 + 0.2) / 3))


def test_generated_text_is_kept() -> None:
    reader = LabelReader({"pos": "good", "neg": "bad"})
    sample = score_generate(CELL, "maybe", reader.read("maybe", CELL.example))
    assert (sample.text, sample.parsed, sample.prediction) == ("maybe", False, None)
