"""The overview of many runs in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from harness.history.answer import answer
from harness.history.refresh import load_history
from harness.history.select import Selection
from reports.site.bundle import write_bundle
from reports.site.site import Site
from tests.history.conftest import save_dated
from tests.reports.test_site import HOSTILE
from tests.support.browser import find_violations, needs_browser, open_browser, open_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [needs_browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("browsed")
    for day in (1, 2):
        save_dated(folder / "runs", day, strength=1.0 if day < 2 else 5.0, examples=16)
    save_dated(folder / "runs" / "others", 4, model=HOSTILE, examples=16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_HISTORY_DIR", str(folder / "data"))
        found = answer(load_history([folder / "runs"]), Selection())
        yield write_bundle(Site(found), folder / "site")[-1]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (480, "dark")])
def test_the_overview_is_accessible_drawn_and_no_wider_than_its_window(
    browser: Browser, index: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    with open_page(browser, index, width=width, scheme=scheme) as page:
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        assert find_violations(page) == []
        assert page.locator("figure.chart svg").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        heading = page.locator("h1").bounding_box()
        assert heading is not None
        assert heading["y"] + heading["height"] < 900


def test_runs_are_filtered_and_a_run_s_name_opens_its_report(browser: Browser, index: Path) -> None:
    with open_page(browser, index) as page:
        rows = page.locator("table.runs tbody tr:visible")
        assert rows.count() == 3
        page.locator("[data-filter=model]").select_option("nightly")
        assert rows.count() == 2
        page.locator("[data-filter=text]").fill("day-2")
        assert rows.count() == 1
        assert page.locator("[data-filtered] output").inner_text() == "1 of 3 shown"
        # By the keyboard alone, from the field to the row's link.
        rows.locator("a").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/report.html")
        assert page.title() == "Robustness of nightly"
