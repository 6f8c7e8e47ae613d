"""What draws say of each level, as GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.summary import SamplingStats
from reports.formatting import count, deviation, percent, with_interval
from reports.markdown_text import escape, table
from reports.view import ReportView

HEAD = (
    "Pass@1", "Any right", "All right", "SD by sampling (pp)", "SD by phrasing (pp)",
    "Phrasing's share", "Same prompt agrees", "Two variants agree", "Cells",
)  # fmt: skip


def sampling_lines(view: ReportView) -> list[str]:
    """The table of levels, and how it is to be read."""
    several = len(view.runs) > 1
    rows = [
        [escape(row.level), *([escape(run.name)] * several), *_cells(row.stats)]
        for run in view.sampled
        for row in run.sampling
    ]
    head = ["Level", *(["Run"] * several), *HEAD]
    return [*table(head, rows, left=1 + several), "", view.about_sampling]


def _cells(stats: SamplingStats) -> Sequence[str]:
    rates = (stats.pass_at_1, stats.pass_any, stats.pass_all)
    agreements = (stats.agreement_of_draws, stats.agreement_of_variants)
    return (
        *(with_interval(rate, percent) for rate in rates),
        deviation(stats.sampling_variance),
        deviation(stats.phrasing_variance),
        percent(stats.phrasing_share),
        *(with_interval(one, percent) for one in agreements),
        count(stats.cells),
    )
