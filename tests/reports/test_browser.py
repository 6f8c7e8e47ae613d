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
