"""The sample report: the page of `make demo`, where it was run before the site is built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

PAGE = "sample-report.html"
DEMO = Path(__file__).parents[2] / "runs" / "demo" / "report.html"
_WITHOUT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A report</title></head>
<body><h1>A report</h1>
<p>This site was built without one. Type <code>make demo docs</code>: the first writes it, in two
minutes, the second puts it here.</p>
<p><img src="images/report.png" alt="The first screen of the demo's report" width="900"></p>
</body></html>
"""


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the page to those that the site is built from."""
    files.append(File.generated(config, PAGE, content=sample_report(DEMO)))
    return files


def sample_report(demo: Path) -> str:
    """The demo's page as it was written, or else what writes it."""
    return demo.read_text("utf-8") if demo.is_file() else _WITHOUT
