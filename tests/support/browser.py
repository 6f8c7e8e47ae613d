"""A page in headless Chromium, driven as a reader drives it: keys, pointer, width, theme, paper.

The browser is the machine's own; Playwright brings the way to drive it and axe-core the rules that
a page must keep for readers of every kind.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER: Final = next(filter(None, map(shutil.which, NAMES)), None)
needs_browser = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium is installed; type: apt-get install chromium"
)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """The machine's Chromium; skips the test where Playwright is not installed."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is missing; type: pip install -e '.[dev]'"
    )
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(
    browser: Browser,
    path: Path,
    *,
    width: int = 1400,
    scheme: Literal["light", "dark"] = "light",
    scripts: bool = True,
) -> Iterator[Page]:
    """A page from its file, once its charts are drawn; an error in a script of it is an error."""
    errors: list[str] = []
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.goto(path.as_uri())
    if scripts:
        page.wait_for_function("document.querySelectorAll('[data-fold][open]').length === 0")
    try:
        yield page
    finally:
        page.close()
    assert errors == []


def find_violations(page: Page) -> list[str]:
    """What axe-core has against the page as it stands, each with the first element it names."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{one['impact']}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]
