"""Charts: that their data are right, their scales honest and hostile text stays data."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.results.quantity import Quantity
from reports import charts
from reports.charts import Cell, IntervalRow, Spec
from reports.charts.spec import axis_names, difference_domain
from reports.drawings import level_chart, report_charts
from reports.picture import render_svg
from reports.variants import Dot, DotRow
from reports.view import build_view
from tests.support.make_run import make_run

HOSTILE = '"></script><script>alert(1)</script>\x00'
SVG = "{http://www.w3.org/2000/svg}"


def rows(spec: Spec, name: str) -> list[dict[str, object]]:
    """The rows of one of a chart's data sets."""
    return spec["datasets"][name]  # type: ignore[index, no-any-return]


def domains(spec: Spec) -> list[list[object]]:
    """The domains that a chart's scales are given."""
    text = json.dumps(spec["layer"])
    return [json.loads(found) for found in re.findall(r'"domain": (\[[^\]]*\])', text)]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_an_accuracy_domain_holds_every_value_and_is_ten_points_wide(values: list[float]) -> None:
    low, high = charts.accuracy_domain(values)
    assert 0 <= low <= min(values) + 1e-9
    assert max(values) - 1e-9 <= high <= 1
    assert high - low > 0.0999


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0, 1))
def test_chance_is_on_an_accuracy_axis_unless_it_would_take_half_of_it(
    values: list[float], chance: float
) -> None:
    low, high = charts.accuracy_domain(values, [chance])
    assert low <= min(values) + 1e-9
    assert max(values) - 1e-9 <= high
    if min(values) - chance > max(max(values) - min(values), 0.1):
        assert (low, high) == charts.accuracy_domain(values)
    else:
        assert low - 1e-9 <= chance <= high + 1e-9


def test_chance_far_below_is_named_at_the_edge_and_has_no_line() -> None:
    rows_ = [IntervalRow("clean", 0, Quantity(0.9, (0.85, 0.95)), "")]
    spec = charts.accuracy_intervals(rows_, runs=1, chance=0.5, description="")
    assert rows(spec, "guides") == [{"value": 0.84, "kind": "◂ chance: 50.0%"}]
    near = charts.accuracy_intervals(rows_, runs=1, chance=0.8, description="")
    assert rows(near, "guides") == [{"value": 0.8, "kind": "chance"}]


@given(st.lists(st.floats(-1, 1), max_size=10))
def test_a_difference_domain_always_holds_zero(values: list[float]) -> None:
    low, high = difference_domain(values)
    assert low <= min([0.0, *values]) + 1e-9
    assert max([0.0, *values]) - 1e-9 <= high


@pytest.mark.parametrize("value", [0.0, 0.004, 0.013, 0.3])
def test_a_difference_axis_says_no_number_twice(value: float) -> None:
    row = IntervalRow("word", 0, Quantity(value, (-value, value)), "")
    spec = charts.difference_intervals([row], runs=1, description="")
    drawn = ElementTree.fromstring(charts.draw_svg({**spec, "width": 560}))
    said = [text.text for text in drawn.iter(f"{SVG}text") if text.text != "word"]
    ticks = [text for text in said if text and re.fullmatch(r"[-−]?\d+", text)]
    assert len(ticks) > 1
    assert len(set(ticks)) == len(ticks)


@given(st.lists(st.text(min_size=1, max_size=40), unique=True, max_size=12))
def test_names_beside_an_axis_stay_different(names: list[str]) -> None:
    short = axis_names([*names, "x" * 50, "x" * 60])
    assert len(set(short.values())) == len(short)


def test_an_interval_row_carries_its_numbers() -> None:
    row = IntervalRow("word", 1, Quantity(0.5, (0.25, 0.75)), "tip", note="−9.0", reference=0.6)
    bare = IntervalRow("clean", 0, Quantity(0.6, None), "tip")
    spec = charts.accuracy_intervals([bare, row], runs=2, chance=0.5, description="d")
    first, second = rows(spec, "rows")
    assert (first["low"], first["value"], first["high"]) == (0.6, 0.6, 0.6)
    assert (second["low"], second["value"], second["high"]) == (0.25, 0.5, 0.75)
    assert (second["run"], second["reference"], second["note"]) == (1, 0.6, "−9.0")
    assert rows(spec, "guides") == [{"value": 0.5, "kind": "chance"}]
    assert [0.2, 0.8] in domains(spec)
    assert ["clean", "word"] in domains(spec)


@pytest.mark.parametrize("runs", [1, 2, 9])
def test_every_run_has_a_look_of_its_own(runs: int) -> None:
    looks = [charts.key_classes(run) for run in range(runs)]
    assert len(set(looks)) == runs


def test_a_heat_map_tells_significant_from_noise_and_harm_from_gain() -> None:
    def fill(value: float, kind: str, *, harm: bool = True) -> object:
        cell = Cell("t", "word", 0, value, kind, "x", "y", harm)  # type: ignore[arg-type]
        (row,) = rows(charts.heat_map([cell], runs=1, description="d"), "cells")
        return row["fill"]

    assert fill(0.12, "significant") == "var(--drop-4)"
    assert fill(0.12, "noise") == "var(--drop-pale-4)"
    assert fill(-0.3, "significant", harm=False) == "var(--gain-5)"
    assert fill(0.004, "significant") == "var(--drop-0)"
    assert fill(0.5, "unjudged") == "transparent"


def test_variants_of_equal_accuracy_do_not_hide_each_other() -> None:
    dots = tuple(Dot(0.5, "p", "i", f"text {n}") for n in range(5))
    spec = charts.variants(
        [(0, DotRow("t", "word", dots))],
        runs=1,
        domain=(0.4, 0.6),
        clean={0: 0.55},
        chance=0.5,
        description="d",
        metric="token F1",
    )
    assert str(rows(spec, "dots")[0]["tip"]).startswith("token F1 50.0% · word")
    lanes = [float(str(row["lane"])) for row in rows(spec, "dots")]
    assert len(set(lanes)) == 5
    assert all(-0.5 < lane < 0.5 for lane in lanes)
    assert [row["name"] for row in rows(spec, "worst")] == ["p · i"]
    assert [row["kind"] for row in rows(spec, "guides")] == ["clean", "chance"]


def test_charts_of_a_report_carry_the_summary_s_numbers() -> None:
    run = make_run()
    drawn = report_charts(build_view([run]))
    accuracy = {row["name"]: row["value"] for row in rows(drawn["levels"], "rows")}
    assert accuracy == {
        name: stats.accuracy and stats.accuracy.value for name, stats in run.summary.levels.items()
    }
    cells = rows(drawn["tasks"], "cells")
    assert len(cells) == 4 * 5
    assert {row["kind"] for row in cells if row["row"] == "acceptability"} == {"plain", "unjudged"}
    drops = {row["name"]: row["value"] for row in rows(drawn["perturbations"], "rows")}
    assert drops["homoglyphs"] == getattr(
        run.summary.perturbations["homoglyphs"].drop, "value", None
    )
    dots = [row for place in range(1, 5) for row in rows(drawn[f"variants-{place}"], "dots")]
    assert len(dots) == len(run.variants)
    assert len(rows(drawn["consistency"], "points")) == 4 * 5


def test_text_of_models_is_never_part_of_an_expression() -> None:
    spec = charts.variants(
        [(0, DotRow(HOSTILE, HOSTILE, (Dot(0.5, HOSTILE, HOSTILE, HOSTILE),)))],
        runs=1,
        domain=(0.4, 0.6),
        clean={},
        chance=None,
        description=HOSTILE,
    )
    expressions = re.findall(
        r'"(?:filter|test|expr|labelExpr|zoom|translate)": "([^"]*)"', json.dumps(spec["layer"])
    )
    assert expressions
    assert not any("alert" in expression for expression in expressions)
    assert "\\u0000" not in json.dumps(spec)
    assert "⟨U+0000⟩" in str(rows(spec, "dots")[0]["tip"])


def test_the_script_can_stand_in_a_page() -> None:
    script = charts.javascript()
    assert len(script) < 1_000_000
    assert not re.search(r"</script|<!--", script, flags=re.IGNORECASE)
    assert "window.vegaEmbed" in script


def test_the_picture_stands_alone() -> None:
    runs = [make_run(examples=12), make_run("runs/b", model="<b>&", examples=12)]
    picture = render_svg(build_view(runs))
    drawing = ElementTree.fromstring(picture)
    assert drawing.tag == f"{SVG}svg"
    words = {text.text for text in drawing.iter(f"{SVG}text")}
    assert {"clean", "character", "semantic", "<b>&"} <= words
    assert "var(" not in picture
    assert "prefers-color-scheme:dark" in picture
    assert not re.search(r"https?://(?!www\.w3\.org/)", picture)


def test_a_picture_of_one_run_needs_no_key() -> None:
    view = build_view([make_run(examples=12)])
    assert rows(level_chart(view, width=600), "keys") == []


def test_only_pages_and_pictures_load_the_charting_library(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.support.make_run import make_run\n"
        "from reports import render\n"
        "render([make_run(examples=8)], ['md', 'csv', 'junit'], Path(sys.argv[1]))\n"
        "print(sorted({'altair', 'vl_convert'} & set(sys.modules)))"
    )
    path = json.dumps(sys.path)
    start = f"import sys, json; sys.path[:] = json.loads({path!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", start + script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[]\n", done.stderr
