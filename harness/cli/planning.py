"""`harness plan`: how much has to be asked to find a drop."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options
from harness.cli.command import add_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.evaluation.planner import Answer
    from harness.stats.planning import PlannedDesign


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(
        app,
        "plan",
        plan_command,
        "harness plan --detect 3 --baseline-accuracy .8",
        "harness plan --detect 2 --from runs/first",
    )


def plan_command(
    detect: Annotated[
        float, typer.Option(help="Smallest drop to find four times in five, in points.")
    ],
    run: Annotated[
        Path | None,
        typer.Option("--from", help="Run whose measured variances, sizes and speed are used."),
    ] = None,
    baseline_accuracy: Annotated[
        float, typer.Option(help="Clean accuracy to expect, where there is no run.")
    ] = 0.8,
    levels: Annotated[int, typer.Option(min=1, help="Levels that are tested.")] = 4,
    tasks: Annotated[int, typer.Option(min=1, help="Tasks that a level is a mean over.")] = 1,
    instructions: Annotated[
        int | None, typer.Option(min=1, help="Instructions that there are per task.")
    ] = None,
    examples: Annotated[
        int | None, typer.Option(min=10, help="Examples that there are per task.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Confidence of the adjusted tests.")] = 0.95,
    cells_per_second: Annotated[
        float | None, typer.Option(min=0.001, help="Speed to reckon with. Default: the run's.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Print the cheapest design that finds a drop: instructions, examples, share, cells, time.

    Nothing is run and no model is loaded. Without a run it reckons with variances that are typical.
    """
    from harness.cli.terminal import print_json
    from harness.core.errors import UsageError
    from harness.evaluation.planner import UNLIMITED, answer, questions_of_run, seconds_per_cell
    from harness.results.rundir import load_run
    from harness.stats.planning import Limits
    from harness.stats.typical import typical_drops

    for name, value, high in (
        ("--detect", detect, 100.0),
        ("--baseline-accuracy", baseline_accuracy, 1.0),
        ("--confidence", confidence, 1.0),
    ):
        if not 0 < value < high:
            raise UsageError(f"{name} {value:g} must lie between 0 and {high:g}.")
    pace, now = (None if cells_per_second is None else 1 / cells_per_second), None
    if run is None:
        limits = UNLIMITED
        questions = typical_drops(
            baseline_accuracy, levels=levels, tasks=tasks, confidence=confidence
        )
    else:
        finished = load_run(run)
        questions, limits, now = questions_of_run(finished)
        pace = pace or seconds_per_cell(finished)
    limits = Limits(instructions or limits.instructions, examples or limits.examples)
    found = answer(questions, limits, detect / 100, now=now)
    if as_json:
        print_json({**asdict(found), "seconds_per_cell": pace})
    else:
        _print(found, pace, typical=run is None)


def _print(found: Answer, pace: float | None, *, typical: bool) -> None:
    from harness.cli.terminal import out, print_table

    console = out()
    for line in _sentences(found, pace, typical=typical):
        console.print(line, markup=False)
    rows = [_row(one, pace) for one in found.others]
    if rows:
        columns = ("instructions", "examples per task", "share", "cells", "time", "detects (pp)",
                   "interval (pp)")  # fmt: skip
        print_table("The cheapest for each number of instructions", columns, rows)


def _sentences(found: Answer, pace: float | None, *, typical: bool) -> Iterator[str]:
    wanted = f"A drop of {100 * found.wanted:g} points"
    if found.now is not None:
        yield f"This run finds {_points(found.now.detectable)} points ({found.now.cells:,} cells)."
    if found.cheapest is None:
        best = found.best
        yield (
            f"{wanted} is beyond {best.instructions} instructions and {best.examples} examples per "
            f"task: all of their {best.cells:,} cells find {_points(best.detectable)} points."
        )
        yield "What finds smaller drops is more instructions and more examples."
    else:
        yield f"{wanted} is found four times in five by {_describe(found.cheapest, pace)}."
    if typical:
        yield (
            "Reckoned with typical variances; after a first run, harness plan --from RUN reckons "
            "with its own."
        )


def _describe(design: PlannedDesign, pace: float | None) -> str:
    time = "" if pace is None else f", about {_clock(design.cells * pace)}"
    return (
        f"{design.instructions} instructions, {design.examples} examples per task and a share of "
        f"{design.share:g}: {design.cells:,} cells{time}. Type: harness run --instructions "
        f"{design.instructions} --limit {design.examples} --share {design.share:g}"
    )


def _row(design: PlannedDesign, pace: float | None) -> tuple[str, ...]:
    return (
        str(design.instructions),
        f"{design.examples:,}",
        f"{design.share:g}",
        f"{design.cells:,}",
        "-" if pace is None else _clock(design.cells * pace),
        _points(design.detectable),
        f"± {_points(design.half_width)}",
    )


def _points(fraction: float) -> str:
    return f"{100 * fraction:.1f}"


def _clock(seconds: float) -> str:
    from harness.core.progress_bar import clock_time

    return clock_time(seconds)
