"""The HTML report: complete, escaped, self-contained, and alive in a real browser.

The browser tests run where a Chromium is installed. A page under test is opened as a user opens it,
from a file; what they look at is written by the page itself into its DOM.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.results.summary_file import parse_summary
from reports.html import _hash, render_html, render_html_files
from reports.view import build_view
from tests.support.make_run import EMPTY_SUMMARY, MadeRun, make_run
from tests.support.paths import ROOT

PWNED = "document.title='pwned'"
HOSTILE = (
    f"<script>{PWNED}</script>",
    f'"><img src=x onerror={PWNED}>',
    f"</script><script>{PWNED}</script>",
    f"</style></title><svg onload={PWNED}>",
    "javascript:" + PWNED,
    "{{ 7 * 7 }}{% raw %}",
    "\x1b[31mred\x1b[0m \x00 \x07",
    "\u202egnp.exe \u2066 \u200f",
    "lone \ud800 surrogate",
    "unbroken" * 4000,
)


def poison(run: MadeRun) -> MadeRun:
    """The run with hostile text wherever a model, a task file or a path could have put it."""
    names = ["topic", "homoglyphs", "role-2", "positive", "business", "loglik-note"]
    swap = dict(zip(names, HOSTILE, strict=False))
    manifest, summary = _swap(run.manifest, swap), _swap(run.summary.to_json(), swap)
    manifest["model"]["name"] = HOSTILE[0] + manifest["model"]["name"]
    manifest["model"]["path"] = HOSTILE[7]
    manifest["command"] = " ".join(HOSTILE)
    manifest["notes"] = list(HOSTILE)
    manifest["created"] = HOSTILE[1]
    manifest["config"] = {HOSTILE[0]: HOSTILE[1], "nested": {HOSTILE[2]: [HOSTILE[3]]}}
    manifest["tasks"]["sentiment"]["rendered_prompt"] = "\n".join(HOSTILE)
    variants = run.variants.replace(swap)
    texts = [f"{HOSTILE[n % len(HOSTILE)]} {text}" for n, text in enumerate(variants["text"])]
    # Strings of pandas hold no lone surrogates; plain objects do.
    variants["text"] = pd.Series(texts, dtype=object)
    samples = run.samples.replace(swap)
    inputs = [HOSTILE[n % len(HOSTILE)] for n in range(len(run.examples))]
    examples = run.examples.replace(swap)
    examples["input"] = pd.Series(inputs, dtype=object, index=examples.index)
    samples["example_id"] = samples["example_id"].replace({"1": HOSTILE[2], "2": HOSTILE[9]})
    return replace(
        run,
        path=Path("runs") / "<b>&'\"",
        manifest=manifest,
        summary=parse_summary(json.dumps(summary), source="summary.json"),
        variants=variants,
        samples=samples,
        examples=examples,
    )


def _swap(value: Any, swap: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {swap.get(key, key): _swap(item, swap) for key, item in value.items()}
    if isinstance(value, list):
        return [_swap(item, swap) for item in value]
    return swap.get(value, value) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def one() -> str:
    return render_html(build_view([make_run()]))


@pytest.fixture(scope="module")
def two() -> str:
    return render_html(build_view([make_run(), make_run("runs/t", model="tuned", strength=0.2)]))


@pytest.fixture(scope="module")
def hostile() -> str:
    runs = [make_run(), make_run("runs/t", model="tuned", strength=0.2)]
    page = render_html(build_view([poison(run) for run in runs]))
    return page.encode("utf-8").decode("utf-8")


class Outline(HTMLParser):
    """The elements of a page, and whether they are properly nested."""

    VOID = frozenset({"meta", "input", "br", "link", "img"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.parametrize("page", ["one", "two", "hostile"])
def test_the_page_is_well_formed_and_self_contained(
    page: str, request: pytest.FixtureRequest
) -> None:
    text: str = request.getfixturevalue(page)
    outline = Outline(text)
    assert outline.open == []
    data, script = outline.all("script")
    assert (data["type"], script, len(outline.all("style"))) == ("application/json", {}, 1)
    assert not {"img", "link", "iframe", "object", "embed"} & {tag for tag, _ in outline.elements}
    for tag, attributes in outline.elements:
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        assert "src" not in attributes
        target = attributes.get("href")
        assert target is None or target.startswith("#"), tag


@pytest.mark.parametrize("page", ["one", "two"])
def test_the_page_is_small(page: str, request: pytest.FixtureRequest) -> None:
    assert len(request.getfixturevalue(page).encode()) < 1_900_000


def test_six_runs_and_huge_texts_leave_it_under_two_megabytes() -> None:
    six = [make_run(f"runs/{n}", model=f"model-{n}", strength=1 - n / 7) for n in range(6)]
    for runs in (six, [poison(make_run())]):
        files = render_html_files(build_view(runs), "page.html")
        assert len(files["page.html"].encode()) < 2_000_000


def test_the_policy_allows_its_own_script_and_style_and_nothing_else(one: str) -> None:
    outline = Outline(one)
    policy = next(
        unescape(meta["content"] or "")
        for meta in outline.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    (script,) = re.findall(r"<script>(.*?)</script>", one, flags=re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", one, flags=re.DOTALL)
    assert policy == (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_tables_charts_and_controls_have_names(two: str) -> None:
    outline = Outline(two)
    assert len(outline.all("caption")) == len(outline.all("table")) > 8
    for tag, attributes in outline.elements:
        if tag == "figure":
            assert attributes["aria-label"]
            assert attributes["tabindex"] == "0"
        if tag == "section":
            assert attributes.get("aria-labelledby") or attributes.get("aria-label")
        if "scroll" in (attributes.get("class") or "").split():
            assert attributes["tabindex"] == "0"
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {link["href"] for link in outline.all("a")}
    assert links <= {f"#{name}" for name in ids}
    assert len(outline.all("h1")) == len(outline.all("main")) == 1


def test_every_chart_has_its_data_and_its_place(two: str) -> None:
    data = json.loads(re.findall(r'id="chart-data">(.*?)</script>', two, flags=re.DOTALL)[0])
    places = [str(figure["data-chart"]) for figure in Outline(two).all("figure")]
    assert sorted(places) == sorted(data["charts"])
    assert len(places) == 6 + 4 + 6  # levels …, a task each, and by level and task of three metrics


def test_flips_show_the_inputs(one: str) -> None:
    assert re.search(r'<td class="example"><span dir="auto">Text \d+ of topic\.</span>', one)


def test_hostile_text_is_shown_and_is_no_markup(hostile: str) -> None:
    page = re.sub(r"<script.*?</script>", "", hostile, flags=re.DOTALL)
    assert "<img" not in page
    assert f"<script>{PWNED}" not in hostile
    assert "&lt;script&gt;" in hostile
    assert "{{ 7 * 7 }}" in hostile
    assert "\x1b" not in hostile
    assert "\x00" not in hostile
    assert "\u202e" not in hostile
    assert "⟨U+202E⟩" in hostile
    assert "⟨U+D800⟩" in hostile


def test_without_perturbations_the_page_still_stands() -> None:
    run = make_run()
    clean = run.samples[run.samples["level"] == "clean"]
    levels = {"clean": run.summary.levels["clean"]}
    bare = replace(run, samples=clean, summary=replace(run.summary, levels=levels, tasks={}))
    assert "nothing was perturbed" in render_html(build_view([bare]))
    empty = MadeRun(run.path, {}, EMPTY_SUMMARY, pd.DataFrame(), run.samples.head(0))
    assert "The two have no cell in common" in render_html(build_view([empty]))


# --- in a browser ---------------------------------------------------------------------------------

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

PROBE = (ROOT / "tests" / "support" / "report_probe.js").read_text(encoding="utf-8")


def open_page(page: str, folder: Path) -> str:
    """The DOM of a page after it has loaded and settled, as text."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", f"--user-data-dir={folder / 'profile'}", "--window-size=1500,1000",
        "--virtual-time-budget=20000", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return done.stdout.decode("utf-8")


def probe(page: str, folder: Path, *widths: int) -> list[dict[str, Any]]:
    """What the probe script saw at each width, in frames around a copy that lets it run."""
    copy = page.replace("script-src &#39;", f"script-src &#39;{_hash(PROBE)}&#39; &#39;", 1)
    copy = copy.replace("</title>", f"</title><script>{PROBE}</script>", 1)
    (folder / "copy.html").write_text(copy, encoding="utf-8")
    collect = "addEventListener('message', (e) => document.body.append(e.data + '\\n'))"
    frames = "".join(f'<iframe src="copy.html" width={n} height=900></iframe>' for n in widths)
    dom = open_page(f"<script>{collect}</script><body>{frames}", folder)
    lines = [unescape(line) for line in dom.splitlines()]
    found = [json.loads(line[line.index("{") :]) for line in lines if '"overflow":' in line]
    return sorted(found, key=lambda seen: -int(seen["width"]))


def title_of(dom: str) -> str:
    return unescape(re.findall(r"<title>(.*?)</title>", dom, flags=re.DOTALL)[0])


@needs_browser
def test_no_hostile_script_runs(hostile: str, tmp_path: Path) -> None:
    assert title_of(open_page(hostile, tmp_path)).startswith("Robustness of <script>")


@needs_browser
def test_the_policy_stops_a_script_that_escaping_has_missed(one: str, tmp_path: Path) -> None:
    holed = one.replace("<h1>", f"<h1><script>{PWNED}</script><img src=x onerror={PWNED}>", 1)
    assert title_of(open_page(holed, tmp_path)) == "Robustness of SmolLM2-135M-Instruct"


@needs_browser
def test_no_width_overflows_and_no_policy_is_violated(hostile: str, tmp_path: Path) -> None:
    found = probe(hostile, tmp_path, 1400, 700, 380)
    assert [seen["width"] for seen in found] == [1400, 700, 380]
    assert [seen["overflow"] for seen in found] == [0, 0, 0]
    assert [seen["errors"] + seen["violations"] for seen in found] == [[], [], []]
    assert all(seen["drawn"] == seen["charts"] > 0 for seen in found)


@needs_browser
def test_filters_theme_keys_and_charts_work(two: str, tmp_path: Path) -> None:
    (seen,) = probe(two, tmp_path, 1000)
    assert seen["errors"] == seen["violations"] == []
    assert 0 < seen["broken"] < seen["rows"] == seen["again"]
    assert seen["nothing"] == 0
    assert seen["count"] == f"{seen['rows']} of {seen['rows']} shown"
    assert seen["theme"] == "dark"
    assert (seen["page"], seen["mark"]) == ("rgb(18, 20, 23)", "rgb(126, 166, 255)")
    assert seen["folded"] is True
    assert seen["tip"] == seen["label"] != ""
    assert seen["moved"] is seen["closed"] is True
    assert seen["hover"] == seen["described"] != ""
    assert (seen["both"], seen["one"], seen["bothAgain"]) == (10, 5, 10)
    assert set(seen["pressed"]) == {"false"}
    assert 0 < seen["faint"] < seen["dots"]
    assert seen["bright"] is True
    assert seen["scrolls"] is seen["zooms"] is True


@needs_browser
def test_without_scripts_every_table_stands_open(two: str, tmp_path: Path) -> None:
    silent = two.replace("script-src &#39;", "script-src &#39;none&#39; &#39;", 1)
    dom = open_page(
        re.sub(r"script-src [^;]*", "script-src &#39;none&#39;", silent, count=1), tmp_path
    )
    outline = Outline(dom)
    folds = [part for part in outline.all("details") if "data-fold" in part]
    assert len(folds) == 5 + 3  # three metrics by task
    assert all("open" in part for part in folds)
    assert not outline.all("svg")
