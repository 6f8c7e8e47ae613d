"""Metrics of labels beside accuracy: hand-computed values."""

from __future__ import annotations

import numpy as np
import pytest

from harness.metrics.grid import Answers
from harness.metrics.label_metrics import label_metrics

# Gold a a a b b c; answers a a b b none b, and a constant model.
GOLD = np.array([0, 0, 0, 1, 1, 2])
ANSWER = np.array([[0, 0, 1, 1, -1, 1], [0, 0, 0, 0, 0, 0]])
ALL = ("accuracy", "balanced_accuracy", "macro_f1", "mcc")


def measured(rows: slice, names: tuple[str, ...] = ALL) -> dict[str, float]:
    answer = ANSWER[rows]
    return label_metrics(names, answer, GOLD, np.ones(answer.shape, dtype=bool), 3)


def test_by_hand() -> None:
    found = measured(slice(0, 1))
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert found["macro_f1"] == pytest.approx((4 / 5 + 2 / 5 + 0) / 3)
    # 3 of 6 right; gold 3, 2, 1; given 2, 3, 0 and one unparsed.
    both = 3 * 2 + 2 * 3
    expected = (3 * 6 - both) / np.sqrt((36 - 14) * (36 - 4 - 9 - 1))
    assert found["mcc"] == pytest.approx(expected)
    assert "accuracy" not in found


# A scale of five labels; values are those of scikit-learn 1.9.1.
SCALE = np.array([0, 1, 2, 3, 4, 4, 3, 2, 1, 0, 2, 2, 1, 3, 0])
SAID = np.array([[0, 2, 2, 4, 3, 4, 1, 2, 0, 0, 3, 1, 1, 3, 4]])
SKLEARN = {
    "balanced_accuracy": 0.4666666666666666,
    "macro_f1": 0.4609523809523809,
    "mcc": 0.33520076157699547,
    "mean_absolute_error": 0.8,
    "quadratic_kappa": 0.5357142857142857,
}


def on_scale(answer: Answers, places: list[int] | None) -> dict[str, float]:
    present = np.ones(answer.shape, dtype=bool)
    return label_metrics(list(SKLEARN), answer, SCALE[: answer.shape[1]], present, 5, places)


def test_values_are_those_of_scikit_learn() -> None:
    assert on_scale(SAID, [0, 1, 2, 3, 4]) == pytest.approx(SKLEARN)


def test_the_order_is_what_the_task_says() -> None:
    """Labels may stand in any order: their places on the scale count."""
    order = [3, 0, 4, 1, 2]
    place = np.array(order)
    found = label_metrics(
        list(SKLEARN), np.argsort(place)[SAID], np.argsort(place)[SCALE],
        np.ones(SAID.shape, dtype=bool), 5, order,
    )  # fmt: skip
    assert found == pytest.approx(SKLEARN)


def test_an_unparsed_answer_is_as_far_off_as_can_be() -> None:
    """Gold 0 1 2 3: said 0, nothing, 2, nothing, which count as 4 and 0: errors 0, 3, 0, 3."""
    found = on_scale(np.array([[0, -1, 2, -1]]), [0, 1, 2, 3, 4])
    assert found["mean_absolute_error"] == pytest.approx(6 / 4)
    # Squares 0, 9, 0, 9; by chance gold {0, 1, 2, 3} and said {0, 4, 2, 0}.
    by_chance = sum((g - a) ** 2 for g in (0, 1, 2, 3) for a in (0, 4, 2, 0)) / 4
    assert found["quadratic_kappa"] == pytest.approx(1 - 18 / by_chance)


def test_without_an_order_there_are_no_steps() -> None:
    assert set(on_scale(SAID, None)) == {"balanced_accuracy", "macro_f1", "mcc"}


def test_a_constant_model_gains_nothing_from_a_frequent_label() -> None:
    found = measured(slice(1, 2))
    assert found["balanced_accuracy"] == pytest.approx(1 / 3)
    assert found["mcc"] == 0.0


def test_prompts_count_alike_and_nothing_is_measured_unasked() -> None:
    each = [measured(slice(n, n + 1))["macro_f1"] for n in range(2)]
    assert measured(slice(0, 2))["macro_f1"] == pytest.approx(sum(each) / 2)
    assert measured(slice(0, 2), ("accuracy",)) == {}
