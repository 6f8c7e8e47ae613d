"""Pictures of a page for the documentation: its first screen in headless Chromium.

python -m tests.support.pictures runs/demo/report.html docs/images/report.png
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.browser import open_browser, open_page

WIDTH = 1400


def main(page: Path, picture: Path, width: int = WIDTH) -> None:
    """Write the picture."""
    with open_browser() as browser, open_page(browser, page.resolve(), width=width) as opened:
        opened.screenshot(path=picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
