"""What was found between the runs of a report, as GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from reports.comparison import (
    ComparisonView,
    DifferenceRow,
    MetricTable,
    PairView,
    chance,
    points_signed,
)
from reports.formatting import count, counted, interval, number, p_value, percent
from reports.markdown_text import escape, table


def compared_lines(view: ComparisonView) -> list[str]:
    """The sections of a report that set its runs against the first one."""
    lines = [f"- {escape(note)}" for note in view.notes]
    for pair in view.pairs:
        lines += ["", f"## {escape(pair.second)} against {escape(pair.first)}", ""]
        lines += [
            "Second minus first, in percentage points; better and worse are significant, adjusted "
            "for all levels (Holm).",
            "",
        ]
        for metric in pair.metrics:
            lines += [f"### {metric.name}", "", *_metric(pair, metric), ""]
        lines += ["### Flips between the runs", "", *_changes(pair)]
    return [*lines, "", "## Ranking", "", *_ranking(view), "", _compared(view)]


def _metric(pair: PairView, metric: MetricTable) -> list[str]:
    head = ["Level", "Outcome", escape(pair.first), escape(pair.second)]
    rows = [list(_cells(row)) for row in pair.rows_of(metric)]
    return table([*head, "Difference (pp)", "Interval", "Adjusted p"], rows, left=2)


def _cells(row: DifferenceRow) -> Iterator[str]:
    yield escape(row.level)
    yield f"**{row.outcome}**" if row.outcome in ("better", "worse") else row.outcome
    yield percent(row.first)
    yield percent(row.second)
    yield points_signed(row.difference)
    yield interval(row.difference)
    yield escape(p_value(row.p_adjusted))


def _changes(pair: PairView) -> list[str]:
    head = [
        "Level",
        "Cells",
        "Answers flipped",
        "Right → wrong",
        "Wrong → right",
        "Adjusted p (sign test)",
    ]
    rows = [
        [
            escape(one.level),
            count(one.cells),
            count(one.answers_changed),
            count(one.right_to_wrong),
            count(one.wrong_to_right),
            escape(p_value(one.p_adjusted)),
        ]
        for one in pair.changes
    ]
    return table(head, rows)


def _ranking(view: ComparisonView) -> list[str]:
    rows = [
        [
            escape(ranking.level),
            *(
                f"{rank}. {percent(accuracy)} (best: {escape(chance(best))})"
                for rank, accuracy, best in zip(
                    ranking.rank, ranking.accuracy, ranking.chance_of_best, strict=True
                )
            ),
            number(ranking.kendalls_w),
        ]
        for ranking in view.rankings
    ]
    return table(["Level", *map(escape, view.runs), "Kendall's W"], rows)


def _compared(view: ComparisonView) -> str:
    left_out = ", ".join(
        f"{count(cells)} of {escape(run)}"
        for run, cells in zip(view.runs, view.unmatched, strict=True)
    )
    return (
        f"{counted(view.cells, 'cell')} that all runs have, scorer {escape(view.scorer)}; "
        f"left out: {left_out}."
    )
