"""The section "Why": what was found comes first, words are shaded, nothing is believed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.results.explanation import (
    EXPLANATION,
    Correlation,
    Explanation,
    Faithfulness,
    GroupMeasures,
    Links,
    ModelExplanation,
    ShownCell,
    ShownPair,
    ShownSide,
    ShownWord,
    explanation_json,
    read_explanation,
)
from harness.results.layer_changes import (
    HeadChange,
    LayerChange,
    LayerChanges,
    LayerSwap,
    VerbRelations,
)
from harness.results.quantity import Quantity
from reports.html import render_html
from reports.markdown import render_markdown
from reports.view import build_view
from reports.why import measure_chart, opening
from reports.why_layers import layer_findings
from tests.reports.test_html import HOSTILE
from tests.support.browser import needs_browser, open_browser, open_page
from tests.support.make_run import MadeRun, make_run

HELD = Faithfulness(16, Quantity(2.5, (1.6, 3.4)), Quantity(0.1, (0.0, 0.2)), None, None)
FAILED = replace(HELD, ratio=Quantity(1.2, (0.8, 1.6)))
INSTRUCTION = Quantity(0.21, (0.1, 0.3))
GROUPS = {
    "clean": GroupMeasures(40, {"instruction": INSTRUCTION}),
    "word": GroupMeasures(
        40, {"instruction": INSTRUCTION, "share_shift": Quantity(-0.12, (-0.2, -0.05))}
    ),
}


def links(value: float, low: float, high: float) -> Links:
    found = Correlation(value, (low, high), 120)
    return Links(with_loss=found, with_flips=found)


def words(*held: tuple[str, float, float, str | None]) -> tuple[ShownWord, ...]:
    return tuple(
        ShownWord(text, "instruction", density, share, n > 0, fate)  # type: ignore[arg-type]
        for n, (text, density, share, fate) in enumerate(held)
    )


def pair(text: str = "review") -> ShownPair:
    clean = words(("Rate", 0.0, 0.02, None), ("the", 0.0, 0.0, None), (text, 1.0, 0.4, None))
    after = words(("Rate", 0.0, 0.1, "kept"), ("teh", 1.0, 0.5, "changed"), (text, 0, 0, "kept"))
    side = ShownSide(
        "m", ShownCell("good", "good", True, clean), ShownCell(text, "bad", False, after)
    )
    return ShownPair("films", "e1", "task-1", "v1", "word", "swap", "good", (side,))


def model(**changes: Any) -> ModelExplanation:
    held = ModelExplanation(
        "runs/m", "f", "runs/base", 90, 0, 1.0, GROUPS, {"swap": GROUPS["word"]},
        links(-0.1, -0.3, 0.1), links(-0.4, -0.6, -0.2),
        Quantity(0.3, (0.2, 0.4)), None, HELD,
    )  # fmt: skip
    return replace(held, **changes)


def explanation(*models: ModelExplanation, pairs: tuple[ShownPair, ...] = ()) -> Explanation:
    gains = {"word": GROUPS["word"].measures} if len(models) > 1 else {}
    return Explanation(1, "x", "own", 0, 0.95, 80, models, gains, pairs or (pair(),))


def explained(folder: Path, made: Explanation) -> MadeRun:
    """A made run with an explanation in its directory."""
    run = make_run()
    folder.mkdir(exist_ok=True)
    held = replace(made, run_id=str(run.manifest["run_id"]))
    (folder / EXPLANATION).write_text(explanation_json(held), "utf-8")
    return replace(run, path=folder)


def test_one_link_is_spoken_of_and_its_direction() -> None:
    assert opening(explanation(model())) == (
        "m: where share of the importance leaves the instruction's unchanged words, the right "
        "answer's log-odds fall (rank correlation −0.40 [−0.60, −0.20], 120 pairs)."
    )
    long = model(answer_tokens=5.0)
    assert "nothing was found: no link between the shift of the density" in opening(
        explanation(long)
    )
    other = model(share=links(0.4, 0.2, 0.6))
    assert "moves onto the instruction's unchanged words" in opening(explanation(other))
    flips = model(share=Links(None, links(-0.4, -0.6, -0.2).with_flips))
    assert "unchanged words, answers flip" in opening(explanation(flips))
    assert "too few pairs" in opening(explanation(model(share=Links(None, None))))


def test_an_explanation_that_failed_says_so_first() -> None:
    said = opening(explanation(model(), model(name="tuned", faithfulness=FAILED)))
    assert said.startswith(
        "tuned: this explanation failed its test (without the densest word the answer changes "
        "1.20 [0.80, 1.60] times as much as without another, 16 cells), so do not read it"
    )
    alike = replace(HELD, shuffled=Quantity(0.9, (0.8, 1.0)))
    said = opening(explanation(model(faithfulness=alike)))
    assert "shuffled weights rank the words alike (rank correlation 0.90" in said


def test_a_page_has_the_section_where_a_run_was_explained(tmp_path: Path) -> None:
    assert "Why" not in re.findall(r"<h2[^>]*>([^<]*)", render_html(build_view([make_run()])))
    view = build_view([explained(tmp_path, explanation(model(), model(name="t"), pairs=(pair(),)))])
    page = unescape(render_html(view))
    assert '<section id="why"' in page
    assert 'title="density 1.00, share 0.50"><ins><b>teh</b></ins>' in page
    assert "depth-5" in page
    assert "Strongest: <bdi>teh</bdi> 0.50" in page
    assert "−0.40 [−0.60, −0.20]" in page
    assert "Tuned model less its base" in page
    text = render_markdown(view)
    assert "- perturbed → review: Rate <ins><b>teh</b></ins> review" in text
    assert "| word | runs/m | 40 |" in text


def changes(*, difference: Quantity, word: str = "review") -> LayerChanges:
    relations = VerbRelations(
        60, ("classify", "answer"), 5, 8, 0.1, 0.125, (-0.01, 0.01),
        (HeadChange(1, 3, 0.1, 0.3, ((word, "classify"),)),),
    )  # fmt: skip
    layers = (
        LayerChange(0, 0.01, 0.0, 0.5, ("film",), (word,), 0.0, 0),
        LayerChange(1, 0.02, 0.25, 41.4, ("film",), ("good",), 0.05, 1),
    )
    swaps = (
        LayerSwap("most changed", 1, Quantity(0.3, (0.1, 0.5)), difference, 0.7),
        LayerSwap("least changed", 0, Quantity(0.4, (0.2, 0.6)), Quantity(0.06, (0, 0.1)), 0.1),
    )
    return LayerChanges(layers, relations, 40, Quantity(0.4, (0.2, 0.6)), swaps)


def test_changes_of_layers_are_said_with_what_they_cannot_say() -> None:
    found = changes(difference=Quantity(-0.1, (-0.2, -0.05)))
    heads, directions, swap = layer_findings(found)
    assert heads == (
        "Heads: of the 5 words that each of the instructions' 60 words asks for most, 10.0% are "
        "one of 2 instruction verbs in the base and 12.5% in the tuned model: 2.50 points more, "
        "where random words in the verbs' place have −1.00 to 1.00 more: heads gained relations "
        "with instruction verbs."
    )
    assert "turned most in layer 1 (1 − |cos| = 0.250000)" in directions
    assert "layer 1 (by 41.40°)" in directions
    assert "no correlation with changes of layers can be had; but with layer 1" in swap
    assert swap.endswith(
        "changes by −0.100 [−0.200, −0.050], with layer 0 (the one that changed least) by 0.060 "
        "[0.000, 0.100]: the largest change raises the loss."
    )
    small = changes(difference=Quantity(-0.05, (-0.06, -0.04)))  # as any swap does
    assert "is not shown to bear any of it" in list(layer_findings(small))[2]
    hidden = changes(difference=Quantity(-0.1, (-0.2, 0.1)))
    assert "is not shown to bear any of it" in list(layer_findings(hidden))[2]
    nothing = replace(found, relations=None, swaps=(), loss=None)
    heads, _, swap = layer_findings(nothing)
    assert "too few of the instructions' words" in heads
    assert "no label's likelihood is known" in swap


def test_changes_of_layers_have_their_tables(tmp_path: Path) -> None:
    held = changes(difference=Quantity(-0.1, (-0.2, 0.1)), word=HOSTILE[0])
    made = replace(explanation(model(), model(name="t")), layers=held)
    view = build_view([explained(tmp_path, made)])
    page, text = render_html(view), render_markdown(view)
    for name in ("What tuning changed, layer by layer", "Heads that gained most relations",
                 "The tuned model with a layer of its base, 40 pairs of cells"):  # fmt: skip
        assert name in page
        assert name in text
    assert "| 1.3 | 10.0% | 30.0% |" in text
    assert HOSTILE[0] not in page.split('<section id="why"')[1].split("</section>")[0]


def test_hostile_words_are_shown_as_they_are(tmp_path: Path) -> None:
    pairs = tuple(pair(text.encode("utf-8", "replace").decode()) for text in HOSTILE)
    spoilt = explanation(model(name=HOSTILE[0]), pairs=pairs)
    view = build_view([explained(tmp_path, spoilt)])
    section = render_html(view).split('<section id="why"')[1].split("</section>")[0]
    for text in ("<script", "<img", "<svg", "\u202e", "unbroken" * 50):
        assert text not in section
    assert "<script>document" not in render_markdown(view)


def test_another_runs_explanation_is_none_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    made = explanation(model())
    path = tmp_path / EXPLANATION
    path.write_text(explanation_json(made))
    assert read_explanation(tmp_path, "x") == made
    assert read_explanation(tmp_path, "y") is None
    assert read_explanation(tmp_path / "none", "x") is None
    path.write_text(explanation_json(replace(made, schema_version=9)))
    with pytest.raises(UsageError, match=r"schema version 9; this release reads 1"):
        read_explanation(tmp_path, "x")
    content = json.loads(explanation_json(made))
    content["models"][0]["cells"] = -1
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=r"explanation\.json is damaged: models\.0\.cells"):
        read_explanation(tmp_path, "x")


def test_measures_are_drawn() -> None:
    both = explanation(model(), model(name="t"))
    assert measure_chart(both, "instruction")["datasets"]
    assert "Shift of share" in str(measure_chart(both, "share_shift")["description"])


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_section(tmp_path: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = tmp_path / "report.html"
    both = explanation(model(faithfulness=FAILED), model(name="t"), pairs=(pair(), pair("film")))
    made = replace(both, layers=changes(difference=Quantity(-0.1, (-0.2, 0.1))))
    page.write_text(render_html(build_view([explained(tmp_path / "run", made)])), "utf-8")
    with open_browser() as browser, open_page(browser, page, scheme=scheme) as opened:  # type: ignore[arg-type]
        opened.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        found = axe.Axe().run(opened, context="#why")
    assert found.violations_count == 0, found.generate_report()
