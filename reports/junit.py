"""The report as JUnit XML, which CI systems show as tests."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from reports.figures import interval, percent, points
from reports.group import Group, Reading
from reports.view import ReportView, RunView
from reports.visible import one_line


def render_levels(view: ReportView) -> str:
    """Each run as a suite and each task and level as a case.

    A case carries its numbers and never fails: without a gate's rules nothing says how large a drop
    is too large. A drop that cannot be judged is skipped, with the reason.
    """
    suites = [_suite(run) for run in view.runs]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", *suites]) + (
        "\n</testsuites>\n"
    )


def attribute(text: object) -> str:
    """Text as a quoted XML attribute; what XML cannot hold is spelled out."""
    return quoteattr(one_line(text))


def _suite(run: RunView) -> str:
    cases = [
        (task.name, level, group)
        for task in run.tables.tasks
        for level, group in task.levels.items()
        if group.reading is not Reading.CLEAN
    ]
    skipped = sum(group.reading is Reading.NOT_JUDGED for *_, group in cases)
    head = (
        f'<testsuite name={attribute(run.name)} tests="{len(cases)}" failures="0" errors="0" '
        f'skipped="{skipped}">'
    )
    return "\n".join([head, *(line for case in cases for line in _case(*case)), "</testsuite>"])


def _case(task: str, level: str, group: Group) -> Iterator[str]:
    yield f"<testcase classname={attribute(task)} name={attribute(level)}>"
    if group.reading is Reading.NOT_JUDGED:
        yield '<skipped message="clean accuracy is not above chance"/>'
    yield f"<system-out>{escape(_numbers(group))}</system-out>"
    yield "</testcase>"


def _numbers(group: Group) -> str:
    accuracy = percent(group.accuracy)
    if group.drop is None:
        return f"accuracy {accuracy}"
    return (
        f"accuracy {accuracy}, drop {points(group.drop)} points {interval(group.drop)}, "
        f"{group.reading.value}"
    )
