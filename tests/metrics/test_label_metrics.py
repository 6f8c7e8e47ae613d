"""Metrics of labels beside accuracy: hand-computed values."""

from __future__ import annotations

import numpy as np
import pytest

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


def test_a_constant_model_gains_nothing_from_a_frequent_label() -> None:
    found = measured(slice(1, 2))
    assert found["balanced_accuracy"] == pytest.approx(1 / 3)
    assert found["mcc"] == 0.0


def test_prompts_count_alike_and_nothing_is_measured_unasked() -> None:
    each = [measured(slice(n, n + 1))["macro_f1"] for n in range(2)]
    assert measured(slice(0, 2))["macro_f1"] == pytest.approx(sum(each) / 2)
    assert measured(slice(0, 2), ("accuracy",)) == {}
