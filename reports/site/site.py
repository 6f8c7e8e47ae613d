"""The pages of many runs by their places: what a server answers with and a bundle is written from.

Only these places exist. Nothing that is asked for is ever made a path of a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.history.answer import Answer
from harness.results.rundir import load_run
from reports.html import render_html_files
from reports.site.overview import Overview, report_folder
from reports.site.page import render_overview
from reports.view import build_view

INDEX: Final = "index.html"
REPORT: Final = "report.html"


@dataclass(frozen=True, slots=True)
class Site:
    """An overview and the reports of the runs in it."""

    answer: Answer

    def overview(self) -> str:
        """The page that the others are found from."""
        return render_overview(Overview(self.answer))

    def folders(self) -> dict[str, Path]:
        """Folder of a report in the site -> the run directory that it is made from."""
        return {report_folder(run.path): Path(run.path) for run in self.answer.finished}


def report_files(run: Path) -> dict[str, str]:
    """A run's report by file name: its page, and the cells beside it where they are large.

    Raises:
        UsageError: the run is damaged or gone.
        IncompleteRunError: it is being written again.
    """
    return render_html_files(build_view([load_run(run)]), REPORT)


def site_files(site: Site) -> Iterator[tuple[str, str]]:
    """Every file of a site with its content, the overview last: what it links to is there.

    Raises:
        HarnessError: a run could not be read again.
    """
    for folder, run in site.folders().items():
        files = report_files(run)
        for name in sorted(files, key=lambda one: one == REPORT):
            yield f"{folder}/{name}", files[name]
    yield INDEX, site.overview()
