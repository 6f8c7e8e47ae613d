"""A gate's verdict as Markdown, for the summary of a GitHub job or a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.results.summary import Quantity
from reports.formatting import counted, interval, number
from reports.markdown import escape, table

if TYPE_CHECKING:
    from harness.gate.verdict import Check, Status, Verdict

STATUS: Final = {
    "pass": "✅ pass",
    "fail": "❌ fail",
    "not-enough-data": "⚠️ not enough data",
    "missing": "❌ missing",
}
_WORDS: Final[dict[Status, str]] = {
    "fail": "failed",
    "missing": "missing",
    "not-enough-data": "without enough data",
    "pass": "passed",
}
"""In the order in which checks are listed."""


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
    if verdict.notes:
        lines += ["", *(f"> {escape(note)}" for note in verdict.notes)]
    return "\n".join(lines) + "\n"


def _counts(verdict: Verdict) -> str:
    parts = [counted(len(verdict.checks), "check")]
    parts += [f"{found} {_WORDS[status]}" for status in _WORDS if (found := verdict.count(status))]
    tail = "too little data fails as well" if verdict.strict else "too little data does not fail"
    return f"{', '.join(parts)} ({tail})."


def _row(check: Check) -> list[str]:
    value = None if check.value is None else Quantity(check.value, check.interval)
    margin = f" ± {check.margin:g}" if check.margin else ""
    return [
        STATUS[check.status],
        escape(check.name),
        f"{escape(check.bound)} {check.limit:g}{margin}",
        number(value, 3),
        interval(value, lambda end: number(end, 3)),
        f"{check.examples:,}",
    ]
