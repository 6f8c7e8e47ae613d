"""`harness plan`: how much has to be asked to find a drop, or a difference between two runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options
from harness.cli.command import add_command
from harness.cli.completion import COMPLETERS
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.evaluation.planner import Answer, Basis, Wanted
    from harness.stats.estimate import Interval
    from harness.stats.planning import PlannedDesign


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(
        app,
        "plan",
        plan_command,
        "harness plan --detect 3 --baseline-accuracy .8",
        "harness plan --detect 2 --from runs/first",
        "harness plan --detect-difference 2 --from runs/base --against runs/tuned",
    )


def plan_command(
    detect: Annotated[
        float | None, typer.Option(help="Smallest drop to find four times in five, in points.")
    ] = None,
    detect_difference: Annotated[
        float | None,
        typer.Option(
            help="Smallest difference between two runs to find so, over the perturbed levels."
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option("--from", help="Run whose measured variances, sizes and speed are used."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="A second run of the same cells: how differences vary is measured."),
    ] = None,
    baseline_accuracy: Annotated[
        float, typer.Option(help="Clean accuracy to expect, where there is no run.")
    ] = 0.8,
    levels: Annotated[
        str,
        typer.Option(
            help="Perturbed levels, such as character,semantic, that are tested together.",
            autocompletion=COMPLETERS["levels"],
        ),
    ] = "all",
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
    """Print the cheapest design that finds a drop, or a difference between two runs.

    Instructions, examples, share, cells, time. Nothing is run and no model is loaded. Without a run
    it reckons with variances that are typical.
    """
    from harness.cli.terminal import print_json
    from harness.evaluation.planner import answer
    from harness.stats.planning import Limits

    of, wanted = _wanted(detect, detect_difference)
    _check_between("--baseline-accuracy", baseline_accuracy, 1.0)
    _check_between("--confidence", confidence, 1.0)
    if run is None:
        known = _Typical(baseline_accuracy, _count_levels(levels), tasks, confidence)
        basis = _without_a_run(of, known, against)
    else:
        basis = _from_runs(of, run, against)
    limits = Limits(instructions or basis.limits.instructions, examples or basis.limits.examples)
    pace = 1 / cells_per_second if cells_per_second else basis.seconds_per_cell
    found = answer(replace(basis, limits=limits), of, wanted / 100)
    if as_json:
        print_json({**asdict(found), "seconds_per_cell": pace})
    else:
        _print(found, pace, advice=_advice(of, run, against))


def _wanted(detect: float | None, difference: float | None) -> tuple[Wanted, float]:
    if detect is not None and difference is None:
        return "drop", _check_between("--detect", detect, 100.0)
    if difference is not None and detect is None:
        return "difference", _check_between("--detect-difference", difference, 100.0)
    raise UsageError(
        "harness plan finds one thing at a time: a drop, or a difference between two runs.",
        hint="Type: harness plan --detect 3, or: harness plan --detect-difference 3",
    )


def _check_between(name: str, value: float, high: float) -> float:
    if not 0 < value < high:
        raise UsageError(f"{name} {value:g} must lie between 0 and {high:g}.")
    return value


def _count_levels(given: str) -> int:
    from harness.core.names import parse_levels

    if not (tested := parse_levels(given)):
        raise UsageError("--levels clean leaves no level to test.", hint="Such as --levels all.")
    return len(tested)


@dataclass(frozen=True, slots=True)
class _Typical:
    accuracy: float
    levels: int
    tasks: int
    confidence: float


def _without_a_run(of: Wanted, known: _Typical, against: Path | None) -> Basis:
    from harness.evaluation.planner import UNLIMITED, Basis
    from harness.stats.typical import typical_difference, typical_drops

    if against is not None:
        raise UsageError(
            "--against is a second run, and the first is missing.",
            hint=f"Type: harness plan --detect-difference 2 --from RUN --against {against}",
        )
    sizes = {"levels": known.levels, "tasks": known.tasks}
    if of == "drop":
        questions = typical_drops(known.accuracy, **sizes, confidence=known.confidence)
    else:
        one = typical_difference(known.accuracy, **sizes, confidence=known.confidence)
        questions = (one,)
    return Basis(questions, UNLIMITED)


def _from_runs(of: Wanted, path: Path, against: Path | None) -> Basis:
    from harness.comparison import run_data
    from harness.comparison.outlook import ask_difference
    from harness.evaluation.planner import basis_of, basis_of_drops, basis_of_typical_difference
    from harness.results.rundir import load_run
    from harness.stats.power import minimum_detectable_effect

    run = load_run(path)
    if against is None:
        return basis_of_drops(run) if of == "drop" else basis_of_typical_difference(run)
    if of == "drop":
        raise UsageError(
            "--against plans a difference between two runs, and --detect a drop of one.",
            hint=f"Type: harness plan --detect-difference 2 --from {path} --against {against}",
        )
    confidence = run.summary.confidence
    question, found = ask_difference(
        [run_data(run, str(path)), run_data(load_run(against), str(against))],
        confidence=confidence,
    )
    detectable = minimum_detectable_effect(found, confidence=confidence)
    return basis_of(run, (question,), detectable)


def _advice(of: Wanted, run: Path | None, against: Path | None) -> str:
    """What would be a better basis; empty where there is none."""
    if of == "drop" and run is None:
        better = "harness plan --from RUN"
    elif of == "difference" and against is None:
        better = "harness plan --detect-difference P --from RUN --against RUN"
    else:
        return ""
    first = "after a first run" if of == "drop" else "with two runs"
    return f"Reckoned with typical variances; {first}, {better} reckons with theirs."


def _print(found: Answer, pace: float | None, *, advice: str) -> None:
    from harness.cli.terminal import out, print_table

    console = out()
    for line in filter(None, (*_sentences(found, pace), advice)):
        console.print(line, markup=False)
    rows = [_row(one, pace) for one in found.others]
    if rows:
        cells = "cells" if found.of == "drop" else "cells per run"
        columns = ("instructions", "examples per task", "share", cells, "time", "detects (pp)",
                   "interval (pp)")  # fmt: skip
        print_table("The cheapest for each number of instructions", columns, rows)


def _sentences(found: Answer, pace: float | None) -> Iterator[str]:
    wanted = f"A {found.of} of {100 * found.wanted:g} points"
    per_run = "" if found.of == "drop" else " per run"
    if found.of == "difference":
        wanted += " between two runs of one design, over their perturbed levels,"
    if found.now is not None:
        subject = "This run finds" if found.of == "drop" else "Runs like this one find"
        yield (
            f"{subject} {found.of}s of {_points(found.now.detectable)} points "
            f"({found.now.cells:,} cells{per_run})."
        )
    if found.cheapest is None:
        best = found.best
        yield (
            f"{wanted} is beyond {best.instructions} instructions and {best.examples} examples per "
            f"task: all of their {best.cells:,} cells{per_run} find {_points(best.detectable)} "
            "points."
        )
        yield f"What finds smaller {found.of}s is more instructions and more examples."
    else:
        yield f"{wanted} is found four times in five by {_describe(found.cheapest, pace, per_run)}."
        yield f"Its widest interval is expected at {describe_width(found.cheapest)}."


def _describe(design: PlannedDesign, pace: float | None, per_run: str) -> str:
    time = "" if pace is None else f", about {_clock(design.cells * pace)}{per_run}"
    return (
        f"{design.instructions} instructions, {design.examples} examples per task and a share of "
        f"{design.share:g}: {design.cells:,} cells{per_run}{time}. Type: harness run "
        f"--instructions {design.instructions} --limit {design.examples} --share {design.share:g}"
    )


def _row(design: PlannedDesign, pace: float | None) -> tuple[str, ...]:
    return (
        str(design.instructions),
        f"{design.examples:,}",
        f"{design.share:g}",
        f"{design.cells:,}",
        "-" if pace is None else _clock(design.cells * pace),
        _points(design.detectable),
        f"± {_points(design.half_width)}{_bracketed(design.half_width_range)}",
    )


def describe_width(design: PlannedDesign) -> str:
    """The half-width to expect, and what single runs will find."""
    said = f"±{_points(design.half_width)} points"
    if design.half_width_range is None:
        return said
    low, high = map(_points, design.half_width_range)
    return f"{said}, in four runs of five between {low} and {high}"


def _bracketed(ends: Interval | None) -> str:
    return "" if ends is None else f" ({_points(ends[0])} to {_points(ends[1])})"


def _points(fraction: float) -> str:
    return f"{100 * fraction:.1f}"


def _clock(seconds: float) -> str:
    from harness.core.progress_bar import clock_time

    return clock_time(seconds)
