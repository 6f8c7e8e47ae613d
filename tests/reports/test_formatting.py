"""How numbers and hostile text are written."""

from __future__ import annotations

import pytest

from harness.results.quantity import Quantity
from reports import formatting
from reports.formatting import below_detectable, detectable
from reports.visible import letter_origin, one_line, short, visible


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.7124, "71.2%"), (1.0, "100.0%"), (0.0, "0.0%"), (-0.00001, "0.0%"), (None, "–")],
)
def test_percent(value: float | None, text: str) -> None:
    assert formatting.percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0624, "6.2"), (-0.004, "−0.4"), (-0.0004, "0.0"), (None, "–")]
)
def test_points_carry_a_true_minus_and_no_negative_zero(value: float | None, text: str) -> None:
    assert formatting.points(value) == text


def test_estimates_are_written_with_their_intervals() -> None:
    assert (
        formatting.with_interval(Quantity(0.062, (0.031, 0.094)), formatting.points)
        == "6.2 [3.1, 9.4]"
    )
    assert formatting.with_interval(Quantity(0.062, None), formatting.points) == "6.2"
    assert formatting.with_interval(None, formatting.points) == "–"
    assert formatting.interval(Quantity(0.5, (0.41, 0.6)), formatting.number) == "[0.41, 0.60]"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.25, "4.2 s"), (51.4, "51 s"), (252, "4 min 12 s"), (7500, "2 h 05 min"), (None, "–")],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert formatting.duration(seconds) == text


def test_prose() -> None:
    assert formatting.listed([]) == ""
    assert formatting.listed(["a"]) == "a"
    assert formatting.listed(["a", "b", "c"]) == "a, b and c"
    assert formatting.listed([str(n) for n in range(9)], limit=2) == "0, 1 and 7 more"
    assert formatting.counted(1, "task") == "1 task"
    assert formatting.counted(12240, "cell") == "12,240 cells"
    assert formatting.day("2026-11-02T10:04:11+00:00") == "2 November 2026"
    assert formatting.day("<b>soon</b>") == "<b>soon</b>"
    assert formatting.p_value(0.0001) == "< 0.001"


def test_hidden_characters_are_spelled_out() -> None:
    assert visible("a\x00b") == "a⟨U+0000⟩b"
    assert visible("\x1b[31mred") == "⟨U+001B⟩[31mred"
    assert visible("\u202egnp.exe") == "⟨U+202E⟩gnp.exe"
    assert visible("lone \ud800") == "lone ⟨U+D800⟩"
    assert visible("zero\u200bwidth\u200djoined") == "zero⟨U+200B⟩width⟨U+200D⟩joined"


def test_what_scripts_need_stays() -> None:
    text = "متن\u200cفارسی क्\u200dष 👩\u200d🔬 naïve\nline\ttab"
    assert visible(text) == text


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    assert visible("x" * 50, limit=10) == "x" * 10 + "… (40 more characters)"
    assert one_line("a\nb\tc") == "a ⏎ b c"
    assert short("a long name", 6) == "a lon…"


def test_letter_origin() -> None:
    assert letter_origin("\u0435") == "Cyrillic \u0435 U+0435"


def test_above_100_points_nothing_is_detectable() -> None:
    assert (detectable(0.061), detectable(1.0), detectable(1.538)) == ("6.1", "100.0", "over 100")
    assert below_detectable("drop", 0.061) == "a drop under about 6.1 points"
    assert below_detectable("drop", 1.133) == "any drop"
