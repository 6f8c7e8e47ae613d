"""Which chart stands where: the charts of a report and of a comparison, by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from harness.core.records import CLEAN, STRENGTH_NAMES
from reports import charts
from reports.charts import Cell, CurvePoint, IntervalRow, Spec, StepPoint
from reports.comparison import ComparisonView, MetricTable, PairView, points_signed
from reports.drawings_of_answers import answer_charts
from reports.formatting import MINUS, interval, percent, points, title, with_interval
from reports.reading import GroupView, Reading
from reports.tables import TaskRow
from reports.view import ReportView, RunView

_KINDS: Final[dict[Reading, Literal["significant", "noise", "unjudged", "plain"]]] = {
    Reading.DROP: "significant",
    Reading.GAIN: "significant",
    Reading.NOT_SIGNIFICANT: "noise",
    Reading.NOT_TESTED: "noise",
    Reading.NOT_JUDGED: "unjudged",
    Reading.CLEAN: "plain",
}


_TEXT_LIMITS: Final = (30, 220)
"""Characters of a variant that its dot tells, at least and at most."""
_TEXT_TOTAL: Final = 120_000
"""Characters that all dots tell together, so that a page of many variants stays small."""


def report_charts(view: ReportView) -> dict[str, Spec]:
    """The charts of a report; those of the variants are called `variants-1` and on, by task."""
    runs = len(view.runs)
    drops = list(_perturbation_rows(view))
    return {
        "levels": level_chart(view),
        **_step_charts(view),
        **_strength_chart(view),
        "tasks": charts.heat_map(
            list(_task_cells(view)), runs=runs, description="Drop by task and level, in points"
        ),
        "perturbations": charts.difference_intervals(
            drops, runs=runs, description="Drop by perturbation, in points"
        ),
        **_variant_charts(view),
        "consistency": charts.consistency_against_accuracy(
            [run.tables for run in view.runs], [run.name for run in view.runs]
        ),
        **answer_charts(view),
    }


def comparison_charts(view: ComparisonView) -> dict[str, Spec]:
    """The charts of a comparison: `pair-1-accuracy` and, task by task, `pair-1-accuracy-tasks`."""
    drawn: dict[str, Spec] = {}
    for pair in view.pairs:
        for table in filter(view.draws, pair.metrics):
            name = f"pair-{pair.index}-{table.metric}"
            drawn[name] = charts.difference_intervals(
                list(_difference_rows(pair, table)),
                runs=1,
                description=f"{table.name}: {pair.second} minus {pair.first}, by level",
            )
            if view.draws_tasks(table):
                drawn[f"{name}-tasks"] = charts.heat_map(
                    list(_difference_cells(view, pair, table)),
                    runs=1,
                    description=f"{table.name}: difference by task and level",
                )
    return drawn


def level_chart(view: ReportView, *, width: int | None = None) -> Spec:
    """Accuracy by level with intervals, every run held against its own clean accuracy.

    With a width it is a picture that stands alone, and names the runs itself.
    """
    alone = width is not None and len(view.runs) > 1
    return charts.accuracy_intervals(
        list(_level_rows(view)),
        runs=len(view.runs),
        chance=view.runs[0].tables.chance,
        description=f"{title(view.metric)} by level. {view.headline}",
        keys=[run.name for run in view.runs] if alone else (),
        width=width,
    )


def _level_rows(view: ReportView) -> Iterator[IntervalRow]:
    for level in view.levels:
        for number, run in enumerate(view.runs):
            group, clean = run.tables.levels.get(level), run.tables.levels.get(CLEAN)
            if group is None or group.stats.accuracy is None:
                continue
            right = with_interval(group.stats.accuracy, percent)
            fell = group.reading is Reading.DROP
            yield IntervalRow(
                name=level,
                run=number,
                estimate=group.stats.accuracy,
                tip=f"{run.name} · {level}: {view.metric} {right}{_drop_text(group)}",
                note=f"{MINUS}{points(group.stats.drop)}" if fell else "",
                reference=clean.stats.accuracy.value if clean and clean.stats.accuracy else None,
            )


def _step_charts(view: ReportView) -> dict[str, Spec]:
    """Accuracy over the steps of trainings: `steps-1` and on, by level, on one scale."""
    by_level = {level: list(_step_points(view, level)) for level in view.levels}
    if not view.trainings:
        return {}
    values = [one.value for points in by_level.values() for one in points]
    domain = charts.accuracy_domain(end for one in values for end in (one.value, one.low, one.high))
    return {
        f"steps-{place}": charts.accuracy_over_steps(
            points,
            trainings=len(view.trainings),
            domain=domain,
            description=f"{title(view.metric)} over steps: {level}",
        )
        for place, (level, points) in enumerate(by_level.items(), start=1)
    }


def _step_points(view: ReportView, level: str) -> Iterator[StepPoint]:
    for number, training in enumerate(view.trainings):
        for step, position in training.steps:
            group = view.runs[position].tables.levels.get(level)
            if group is not None and group.stats.accuracy is not None:
                right = with_interval(group.stats.accuracy, percent)
                tip = f"{training.name}, step {step:,} · {level}: {view.metric} {right}"
                yield StepPoint(number, step, group.stats.accuracy, f"{tip}{_drop_text(group)}")


def _strength_chart(view: ReportView) -> dict[str, Spec]:
    """Accuracy against strength, where some run has several."""
    if not view.strengths:
        return {}
    points = list(_curve_points(view))
    description = f"{title(view.metric)} by level and strength of noise"
    chart = charts.accuracy_curves(points, runs=len(view.runs), description=description)
    return {"strengths": chart}


def _curve_points(view: ReportView) -> Iterator[CurvePoint]:
    for level in view.levels:
        for strength in STRENGTH_NAMES:
            for number, run in enumerate(view.runs):
                curve = next((one for one in run.curves.levels if one.name == level), None)
                group = curve.points.get(strength) if curve else None
                if group is None or group.stats.accuracy is None:
                    continue
                clean = run.tables.levels.get(CLEAN)
                right = with_interval(group.stats.accuracy, percent)
                yield CurvePoint(
                    name=level,
                    strength=strength,
                    run=number,
                    accuracy=group.stats.accuracy,
                    tip=f"{run.name} · {level}, {strength}: {view.metric} {right}"
                    f"{_drop_text(group)}",
                    significant=group.reading.is_significant,
                    reference=clean.stats.accuracy.value
                    if clean and clean.stats.accuracy
                    else None,
                )


def _task_cells(view: ReportView) -> Iterator[Cell]:
    for name in view.tasks:
        for number, run in enumerate(view.runs):
            task = run.task(name)
            if task is None:
                continue
            if task.clean and task.clean.stats.accuracy:
                yield _clean_cell(task, number, run)
            for level in view.perturbed_levels:
                group = task.levels.get(level)
                if group and group.stats.drop:
                    yield Cell(
                        row=name,
                        column=level,
                        run=number,
                        value=group.stats.drop.value,
                        kind=_KINDS[group.reading],
                        text=points(group.stats.drop),
                        tip=f"{run.name} · {name} · {level}{_drop_text(group)}",
                        harm=group.stats.drop.value >= 0,
                    )


def _clean_cell(task: TaskRow, number: int, run: RunView) -> Cell:
    accuracy = percent(task.clean.stats.accuracy) if task.clean else ""
    above = "" if task.above_chance else ", not above chance"
    clean = f"clean {run.tables.metric} {accuracy}; chance {percent(task.chance)}{above}"
    tip = f"{run.name} · {task.name} · {clean}"
    return Cell(task.name, CLEAN, number, 0.0, "plain", accuracy, tip)


def _perturbation_rows(view: ReportView) -> Iterator[IntervalRow]:
    for name in view.perturbations:
        for number, run in enumerate(view.runs):
            row = run.perturbation(name)
            if row and row.group.stats.drop:
                yield IntervalRow(
                    name=name,
                    run=number,
                    estimate=row.group.stats.drop,
                    tip=f"{run.name} · {name} ({row.level}){_drop_text(row.group)}",
                    significant=row.group.reading.is_significant,
                )


def _variant_charts(view: ReportView) -> dict[str, Spec]:
    """All tasks share one scale, so that they can be compared by eye."""
    every = [dot.accuracy for run in view.runs for row in run.dots for dot in row.dots]
    text_limit = max(_TEXT_LIMITS[0], min(_TEXT_LIMITS[1], _TEXT_TOTAL // max(1, len(every))))
    chances = [task.chance for run in view.runs for task in run.tables.tasks]
    domain = charts.accuracy_domain(every, chances)
    return {
        f"variants-{place}": _variant_chart(view, task, domain, text_limit)
        for place, task in enumerate(view.tasks, start=1)
    }


def _variant_chart(
    view: ReportView, name: str, domain: tuple[float, float], text_limit: int
) -> Spec:
    tasks = {number: run.task(name) for number, run in enumerate(view.runs)}
    rows = [
        (number, row)
        for level in view.levels
        for number, run in enumerate(view.runs)
        if (row := run.dot_row(name, level))
    ]
    return charts.variants(
        rows,
        runs=len(view.runs),
        domain=domain,
        clean={
            number: task.clean.stats.accuracy.value
            for number, task in tasks.items()
            if task and task.clean and task.clean.stats.accuracy
        },
        chance=next((task.chance for task in tasks.values() if task), None),
        description=f"{title(view.metric)} of every variant of {name}, by level",
        metric=view.metric,
        text_limit=text_limit,
    )


def _difference_rows(pair: PairView, table: MetricTable) -> Iterator[IntervalRow]:
    for row in pair.rows_of(table):
        change = f"{points_signed(row.difference)} points {interval(row.difference)}"
        yield IntervalRow(
            name=row.level,
            run=0,
            estimate=row.difference,
            tip=f"{table.name} · {row.level}: {change}, {row.outcome}",
            significant=row.outcome in ("better", "worse"),
        )


def _difference_cells(view: ComparisonView, pair: PairView, table: MetricTable) -> Iterator[Cell]:
    for task in view.tasks:
        for level in pair.levels:
            row = table.row(task, level)
            if row is None:
                continue
            change = f"{points_signed(row.difference)} points {interval(row.difference)}"
            yield Cell(
                row=task,
                column=level,
                run=0,
                value=row.difference.value,
                kind="significant" if row.outcome in ("better", "worse") else "noise",
                text=points_signed(row.difference),
                tip=f"{task} · {level}: {change}, {row.outcome}",
                harm=not row.gained,
            )


def _drop_text(group: GroupView) -> str:
    if group.stats.drop is None:
        return ""
    return f"; drop {with_interval(group.stats.drop, points)} points, {group.reading.value}"
