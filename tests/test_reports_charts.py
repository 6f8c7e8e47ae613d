"""Charts: that positions are right and that every drawing is well-formed and escaped."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_run import make_run

from reports import charts
from reports.figures import Estimate
from reports.group import read_drop
from reports.phrasings import Dot, DotRow
from reports.picture import render_svg
from reports.view import build_view

SVG = "{http://www.w3.org/2000/svg}"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_an_accuracy_scale_holds_every_value_between_whole_ticks(values: list[float]) -> None:
    scale = charts.accuracy_scale(values)
    assert scale.low <= min(values)
    assert max(values) <= scale.high
    assert 2 <= len(scale.ticks) <= 9
    assert all(2 <= scale.at(value) <= 98 for value in values)


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 0.3)), max_size=10))
def test_a_drop_scale_always_holds_zero(drops: list[tuple[float, float]]) -> None:
    scale = charts.difference_scale(
        Estimate(value, value - half, value + half) for value, half in drops
    )
    assert scale.low <= 0 <= scale.high


def test_positions_are_linear_and_clamped() -> None:
    scale = charts.Scale(0.0, 1.0, (0.0, 1.0))
    assert [scale.at(value) for value in (0, 0.5, 1, 2)] == [2, 50, 98, 98]


def test_a_strip_draws_interval_value_and_lines() -> None:
    scale = charts.Scale(0.0, 1.0, (0.0, 1.0))
    drawing = ElementTree.fromstring(
        charts.strip(scale, Estimate(0.5, 0.25, 0.75), 1, {"chance-line": 0.0})
    )
    guide, interval = drawing.findall("line")
    assert guide.attrib["x1"] == "2.0%"
    assert (interval.attrib["x1"], interval.attrib["x2"]) == ("26.0%", "74.0%")
    glyph = drawing.find("use")
    assert glyph is not None
    assert (glyph.attrib["x"], glyph.attrib["href"]) == ("50.0%", "#g1")
    assert interval.findtext("title") == "50.0% [25.0, 75.0]"


@pytest.mark.parametrize(("low", "hollow"), [(0.01, False), (-0.01, True)])
def test_a_drop_within_noise_is_hollow(low: float, hollow: bool) -> None:
    drop = Estimate(0.02, low, 0.05)
    clear = read_drop(drop, above_chance=True).is_clear
    scale = charts.difference_scale([drop])
    assert ("hollow" in charts.difference_strip(scale, drop, 0, clear=clear)) is hollow


def test_dots_of_equal_accuracy_do_not_hide_each_other() -> None:
    dots = tuple(Dot(0.5, "p", "i", "text") for _ in range(5))
    drawing = ElementTree.fromstring(
        charts.dots(charts.accuracy_scale([0.4, 0.6]), DotRow("t", "word", dots), 0, {})
    )
    heights = [float(dot.attrib["cy"]) for dot in drawing.findall("circle")]
    assert len(set(heights)) == 5
    assert min(heights) > 0
    assert max(heights) < float(drawing.attrib["height"])


def test_hostile_names_stay_text() -> None:
    name = '"><script>alert(1)</script>\x00'
    row = DotRow(
        name,
        name,
        (Dot(0.5, name, name, name),),
    )
    drawing = charts.dots(charts.accuracy_scale([0.5]), row, 0, {})
    assert "<script" not in drawing
    titles = ElementTree.fromstring(drawing).iter("title")
    assert all("⟨U+0000⟩" in (title.text or "") for title in titles)


def test_the_picture_stands_alone() -> None:
    runs = [make_run(examples=12), make_run("runs/b", model="<b>&", examples=12)]
    picture = render_svg(build_view(runs))
    drawing = ElementTree.fromstring(picture)
    assert drawing.tag == f"{SVG}svg"
    words = {text.text for text in drawing.iter(f"{SVG}text")}
    assert {"clean", "character", "semantic", "<b>&"} <= words
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
