"""Runs and gate verdicts as JUnit XML, which CI systems show as tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from reports.formatting import interval, percent, points
from reports.reading import GroupView, Reading
from reports.view import ReportView
from reports.visible import one_line

if TYPE_CHECKING:
    from harness.gate.verdict import Check, Verdict


@dataclass(frozen=True, slots=True)
class _Case:
    group: str
    name: str
    output: str
    failure: str = ""
    skipped: str = ""


def render_levels(view: ReportView) -> str:
    """Each run as a suite, each task and level as a case.

    A case carries its numbers and never fails: without a gate's rules nothing says how large a drop
    is too large. A drop that cannot be judged is skipped, with the reason.
    """
    suites = {
        run.name: [
            _level_case(task.name, level, group, run.tables.metric)
            for task in run.tables.tasks
            for level, group in task.levels.items()
            if group.reading is not Reading.CLEAN
        ]
        for run in view.runs
    }
    return _document(list(suites.items()))


def render_verdict_junit(verdict: Verdict) -> str:
    """The gate as a suite, each check as a case; what fails the gate fails its case."""
    name = f"robustness gate: {verdict.candidate}"
    return _document([(name, [_check_case(check, verdict) for check in verdict.checks])])


def _level_case(task: str, level: str, group: GroupView, metric: str) -> _Case:
    judged = group.reading is not Reading.NOT_JUDGED
    text = f"{metric} {percent(group.stats.accuracy)}"
    if group.stats.drop:
        drop = f"drop {points(group.stats.drop)} points {interval(group.stats.drop)}"
        text += f", {drop}, {group.reading.value}"
    return _Case(
        task,
        level,
        text,
        skipped="" if judged else f"clean {metric} is not significantly above chance",
    )


def _check_case(check: Check, verdict: Verdict) -> _Case:
    fails = verdict.blocks(check)
    skipped = check.status != "pass" and not fails
    return _Case(
        group=f"{verdict.candidate}.rule {check.rule}",
        name=f"{check.name}: {check.bound} {check.limit:g}",
        output=check.message,
        failure=check.message or check.status if fails else "",
        skipped=check.message or check.status if skipped else "",
    )


def _document(suites: Sequence[tuple[str, Sequence[_Case]]]) -> str:
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for name, cases in suites:
        failures = sum(bool(case.failure) for case in cases)
        skipped = sum(bool(case.skipped) for case in cases)
        lines.append(
            f'<testsuite name={_quoted(name)} tests="{len(cases)}" failures="{failures}" '
            f'errors="0" skipped="{skipped}">'
        )
        lines += [line for case in cases for line in _case(case)]
        lines.append("</testsuite>")
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def _case(case: _Case) -> Iterator[str]:
    yield f"<testcase classname={_quoted(case.group)} name={_quoted(case.name)}>"
    if case.failure:
        yield f"<failure message={_quoted(case.failure)}/>"
    if case.skipped:
        yield f"<skipped message={_quoted(case.skipped)}/>"
    if case.output:
        yield f"<system-out>{escape(one_line(case.output))}</system-out>"
    yield "</testcase>"


def _quoted(text: str) -> str:
    # What XML cannot hold, such as NUL, is spelled out before it is escaped.
    return quoteattr(one_line(text))
