"""The page in a real browser: accessible, readable on the first screen, sorted and searched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from reports import render
from tests.reports.test_html import poison
from tests.support.browser import find_violations, needs_browser, open_browser, open_page
from tests.support.make_run import make_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [needs_browser, pytest.mark.slow]

BASE = make_run(examples=24)
RUNS = {
    "one": [BASE],
    "two": [BASE, make_run("runs/tuned", model="tuned", strength=0.2, examples=24)],
    "three": [
        BASE,
        make_run("runs/tuned", model="tuned", strength=0.2, examples=24),
        make_run("runs/harmed", model="harmed", strength=2.5, examples=24),
    ],
    "hostile": [poison(make_run())],
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    return {name: render(runs, ["html"], folder / name)["html"] for name, runs in RUNS.items()}


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("one", 1400, "light"), ("three", 480, "dark"), ("hostile", 480, "light")],
)
def test_axe_finds_nothing(
    browser: Browser,
    pages: dict[str, Path],
    name: str,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    with open_page(browser, pages[name], width=width, scheme=scheme) as page:
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        assert find_violations(page) == []


@pytest.mark.parametrize("width", [1400, 480])
@pytest.mark.parametrize("name", ["two", "three"])
def test_the_first_screen_says_which_is_better_where_and_whether_it_is_real(
    browser: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    with open_page(browser, pages[name], width=width) as page:
        table = page.locator("table.standing")
        box = table.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 900
        assert box["x"] + box["width"] <= width
        text = table.inner_text()
        assert "all perturbed levels" in text
        assert all(level in text for level in ("character", "word", "sentence", "semantic"))
        assert ("better" in text, "worse" in text) == (True, name == "three")


def _column(page: Page, column: int) -> list[str]:
    cells = page.locator(f".levels tbody tr > :nth-child({column})")
    return [text.split()[0] for text in cells.all_inner_texts()]


def test_a_head_sorts_upwards_downwards_and_back_by_the_keyboard(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with open_page(browser, pages["one"]) as page:
        before = _column(page, 1)
        button = page.locator(".levels thead .sorter").nth(1)
        button.focus()
        shown = []
        for _ in range(3):
            page.keyboard.press("Enter")
            shown.append((_column(page, 2), button.locator("..").get_attribute("aria-sort")))
        up, down, back = (values for values, _ in shown)
        assert up == sorted(up, key=lambda text: float(text.rstrip("%")))
        assert down == up[::-1] != up
        assert [order for _, order in shown] == ["ascending", "descending", None]
        assert _column(page, 1) == before
        assert len(back) == len(before)


def test_runs_of_a_group_stay_together_when_a_table_is_sorted(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with open_page(browser, pages["two"]) as page:
        page.locator(".levels thead .sorter").nth(2).click()
        bodies = page.locator(".levels tbody")
        assert bodies.count() == 5
        for number in range(5):
            names = bodies.nth(number).locator(".run-cell").all_inner_texts()
            assert names == ["SmolLM2-135M-Instruct", "tuned"]


def test_a_long_table_can_be_searched(browser: Browser, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["one"]) as page:
        page.locator("#consistency summary").click()
        page.get_by_label("Find in: Consistency and kappa").fill("topic")
        rows = page.locator("#consistency tbody tr:visible")
        assert rows.count() == 5
        assert all("topic" in text for text in rows.all_inner_texts())
        assert "5 of 20 shown" in page.locator("#consistency").inner_text()


def test_without_scripts_tables_are_read_as_they_stand(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with open_page(browser, pages["one"], scripts=False) as page:
        assert page.locator(".sorter").count() == 0
        assert page.locator(".levels tbody tr:visible").count() == 5


def _walk_to_a_flip(page: Page) -> str:
    page.locator(".map").focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    return page.locator(".map-cell").inner_text()


def test_an_example_opens_from_the_map_by_the_keyboard(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with open_page(browser, pages["one"]) as page:
        said = _walk_to_a_flip(page)
        assert "gold" in said
        example = said.split(" · ")[0]
        page.keyboard.press("Enter")
        drill = page.locator(".drill")
        assert f"Example {example}" in drill.inner_text()
        assert "of 51 variants" in drill.inner_text()
        assert drill.locator("tbody tr").count() == 51
        assert drill.locator("del, ins").count() > 10
        assert drill.locator("tbody tr").first.locator(".gauge").count() == 2
        assert page.evaluate("document.activeElement.className") == "drill"
        assert find_violations(page) == []
        page.keyboard.press("Escape")
        assert not drill.is_visible()


def test_an_example_opens_by_its_name_in_the_table_and_by_the_search(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with open_page(browser, pages["two"], width=480) as page:
        opener = page.locator(".unstable .opener").nth(12)
        name = opener.inner_text()
        opener.click()
        assert f"Example {name}" in page.locator(".drill h3").inner_text()
        find = page.get_by_label("Find an example")
        find.fill("Text 7 of")
        find.press("Enter")
        assert page.locator(".drill h3").inner_text() == "Example 7"
        find.fill("no such words")
        find.press("Enter")
        assert "No example" in page.locator(".map-cell").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_cells_beside_the_page_are_loaded_when_a_reader_comes(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.html.PAGE_LIMIT", 1000)
    path = render(RUNS["hostile"], ["html"], tmp_path)["html"]
    with open_page(browser, path) as page:
        assert not page.locator(".cell-map").is_visible()
        page.locator("#cells").scroll_into_view_if_needed()
        page.locator(".cell-map").wait_for(state="visible")
        _walk_to_a_flip(page)
        page.keyboard.press("Enter")
        assert "<script>" in page.locator(".drill").inner_text()
        assert page.title().startswith("Robustness of <script>")
    (tmp_path / "report.cells.js").unlink()
    page = browser.new_page()
    page.goto(path.as_uri())
    page.locator("#cells").scroll_into_view_if_needed()
    page.get_by_text("need report.cells.js beside this page").wait_for()
    page.close()


def test_sections_on_answers_are_drawn_and_read(browser: Browser, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["two"]) as page:
        points = page.locator("#reliability path[aria-roledescription=point]")
        assert points.count() > 10
        assert "right" in str(points.first.get_attribute("aria-label"))
        assert page.locator("#reliability tbody tr").count() == 5 * 2
        bars = page.locator("#variance [aria-roledescription=bar]")
        assert bars.count() > 5 * 2
        table = page.locator("#moves table").first
        assert table.locator("tbody .stays").count() == table.locator("tbody tr").count()


def test_the_menu_of_several_runs_is_not_cut_off(browser: Browser, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["three"]) as page:
        menu = page.locator(".bar nav").first
        width, room, height = menu.evaluate("e => [e.scrollWidth, e.clientWidth, e.clientHeight]")
        assert width <= room
        assert height < 80


def test_on_paper_the_map_says_what_it_shows_in_light_colours(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with open_page(browser, pages["three"], scheme="dark") as page:
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 680, "height": 900})
        assert page.locator(".map-title").inner_text() == (
            "Shown: sentiment, SmolLM2-135M-Instruct"
        )
        # The middle of a cell of the last row, which all variants answer right: pale, not dark.
        pixel = page.locator(".map canvas").evaluate(
            "e => [...e.getContext('2d').getImageData(5, e.height - 10, 1, 1).data]"
        )
        assert min(pixel[:3]) > 150
        assert page.locator(".map canvas").evaluate("e => e.clientWidth") <= 680
        page.emulate_media(media="screen")
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("html").get_attribute("data-theme") == "auto"
        assert not page.locator(".map-title").is_visible()
