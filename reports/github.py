"""A gate's verdict as Markdown, for the summary of a GitHub job or a comment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from harness.results.quantity import Quantity
from reports.comparison import points_signed
from reports.formatting import counted, interval, number, percent
from reports.markdown_text import escape, table
from reports.visible import one_line

if TYPE_CHECKING:
    from harness.gate.verdict import Check, Status, Verdict

STATUS: Final = {
    "pass": "✅ pass",
    "fail": "❌ fail",
    "known": "☑️ known",
    "not-enough-data": "⚠️ not enough data",
    "missing": "❌ missing",
}
_WORDS: Final[dict[Status, str]] = {
    "fail": "failed",
    "missing": "missing",
    "known": "known and borne with",
    "not-enough-data": "without enough data",
    "pass": "passed",
}
"""In the order in which checks are listed."""


SHOWN: Final = 160
"""Characters of an example's input."""
MARKER: Final = "<!-- robustness-harness gate -->"
"""The first line of a comment: by it the next run finds the comment to replace."""


COMMENT_LIMIT: Final = 60_000
"""Characters; GitHub takes 65,536."""


def render_comment(verdict: Verdict) -> str:
    """The verdict as a comment that later runs can find and replace, cut where it is too long."""
    text = f"{MARKER}\n{render_verdict_markdown(verdict)}"
    if len(text) <= COMMENT_LIMIT:
        return text
    whole_lines = text[:COMMENT_LIMIT].rpartition("\n")[0]
    return f"{whole_lines}\n\n> Cut here: the job's summary has all {len(verdict.checks)} checks.\n"


def render_badge(verdict: Verdict) -> str:
    """The verdict as JSON for a badge that shields.io draws (its endpoint schema, version 1)."""
    colors = {"passed": "brightgreen", "failed": "red", "undecided": "yellow"}
    counts = f"{verdict.count('pass')} of {counted(len(verdict.checks), 'check')}"
    content = {
        "schemaVersion": 1,
        "label": "robustness",
        "message": f"{verdict.outcome}: {counts}",
        "color": colors[verdict.outcome],
    }
    return json.dumps(content, indent=2) + "\n"


def render_verdict_markdown(verdict: Verdict) -> str:
    """The verdict in a line, then its checks: what failed first, each with its reason."""
    against = f" against {escape(verdict.baseline)}" if verdict.baseline else ""
    checks = sorted(verdict.checks, key=lambda check: list(_WORDS).index(check.status))
    lines = [
        f"## Robustness gate {verdict.outcome}: {escape(verdict.candidate)}{against}",
        "",
        f"{_counts(verdict)} Intervals hold together at {100 * verdict.confidence:g}% "
        f"confidence; scorer {escape(verdict.scorer)}.",
        "",
        *table(
            ["Status", "Check", "Bound", "Value", "Interval", "Examples"],
            [_row(check) for check in checks],
            left=3,
        ),
    ]
    reasons = [check for check in checks if check.status != "pass"]
    if reasons:
        lines += ["", *(f"- **{escape(one.name)}**: {escape(one.message)}" for one in reasons)]
    lines += [*_levels(verdict), *_lost(verdict)]
    if verdict.notes:
        lines += ["", *(f"> {escape(note)}" for note in verdict.notes)]
    return "\n".join(lines) + "\n"


def _counts(verdict: Verdict) -> str:
    parts = [counted(len(verdict.checks), "check")]
    parts += [f"{found} {_WORDS[status]}" for status in _WORDS if (found := verdict.count(status))]
    tail = "too little data fails as well" if verdict.strict else "too little data does not fail"
    return f"{', '.join(parts)} ({tail})."


def _levels(verdict: Verdict) -> list[str]:
    """Accuracy by level: the baseline's, the candidate's, their difference."""
    if not verdict.levels:
        return []
    heads = ["Level", escape(verdict.baseline or ""), escape(verdict.candidate), "Difference (pp)"]
    rows = [
        [
            escape(one.level),
            percent(Quantity(one.first, None)),
            percent(Quantity(one.second, None)),
            points_signed(Quantity(one.value, one.interval)),
            interval(Quantity(one.value, one.interval)),
            f"**{'better' if one.better == 'second' else 'worse'}**" if one.better else "",
        ]
        for one in verdict.levels
    ]
    title = ["", f"### Accuracy by level, scorer {escape(verdict.scorer)}", ""]
    return [*title, *table([*heads, "Interval", "Significant"], rows)]


def _lost(verdict: Verdict) -> list[str]:
    """The examples that the candidate loses most on."""
    if not verdict.lost:
        return []
    rows = [
        [
            escape(f"{one.task} / {one.example_id}"),
            escape(_shortened(one.input)),
            escape(one.gold),
            percent(Quantity(one.first, None)),
            percent(Quantity(one.second, None)),
            f"{one.variants:,}",
        ]
        for one in verdict.lost
    ]
    heads = ["Example", "Input", "Gold", escape(verdict.baseline or ""), escape(verdict.candidate)]
    chosen = (
        "Chosen after the comparison, as those whose mean score fell most: they show what to look "
        "at, and are no evidence by themselves."
    )
    return [
        "",
        "### Examples lost most",
        "",
        chosen,
        "",
        *table([*heads, "Variants"], rows, left=3),
    ]


def _shortened(text: str) -> str:
    words = one_line(" ".join(text.split()))
    return words if len(words) <= SHOWN else f"{words[: SHOWN - 1]}…"


def _row(check: Check) -> list[str]:
    value = None if check.value is None else Quantity(check.value, check.interval)
    margin = f" ± {check.margin:g}" if check.margin else ""
    return [
        STATUS[check.status] + (" (should)" if check.tier == "should" else ""),
        escape(check.name),
        f"{escape(check.bound)} {check.limit:g}{margin}",
        number(value, 3),
        interval(value, lambda end: number(end, 3)),
        f"{check.examples:,}",
    ]
