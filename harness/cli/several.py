"""`harness run` with several models: a run each, one page about all, and who failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError, IncompleteRunError

if TYPE_CHECKING:
    from harness.api.many import Failure, ManyRuns, PlannedRun
    from harness.core.progress import Progress
    from harness.evaluation.many import ManyPlan
    from harness.evaluation.prepare import RunPlan
    from reports.comparison import PairView


def run_several(plan: ManyPlan, *, dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Evaluate each model and show what lies between them; with `dry_run` only what that takes.

    Raises:
        HarnessError: a model failed; the runs of the others are finished by then.
    """
    from harness.cli.terminal import is_silent

    if dry_run:
        from harness.api.many import estimate_many

        planned, failures = estimate_many(plan)
        _show_plan(plan, planned, failures, as_json=as_json)
    else:
        done = _evaluate(plan, silent=is_silent(quiet=quiet, as_json=as_json))
        failures = done.failures
        _show(done, as_json=as_json, quiet=quiet)
    if failures:
        raise _explain(failures, plan, dry_run=dry_run)


def _evaluate(plan: ManyPlan, *, silent: bool) -> ManyRuns:
    from harness.api.many import evaluate_many
    from harness.api.running import notes_of
    from harness.cli.terminal import err, typed_command
    from harness.core.progress_bar import make_progress

    told: set[str] = set()

    def begin(place: int, prepared: RunPlan) -> Progress:
        progress = make_progress(silent=silent)
        if not silent:
            title = f"model {place + 1} of {len(plan.names)}: {plan.names[place]}"
            err().print(title, style="bold", markup=False)
            err().print(f"run directory: {prepared.out}", style="dim", markup=False)
        for note in notes_of(prepared):
            if note not in told:  # most are of the tasks, and the same for each model
                progress.note(note)
        told.update(notes_of(prepared))
        return progress

    return evaluate_many(plan, command=typed_command(), begin=begin)


def _show_plan(
    plan: ManyPlan,
    planned: Sequence[PlannedRun],
    failures: Sequence[Failure],
    *,
    as_json: bool,
) -> None:
    from harness.cli.terminal import print_json

    if as_json:
        print_json(
            {
                "out": str(plan.folder),
                "cells": sum(one.estimate.cells for one in planned),
                "seconds": sum(one.estimate.seconds for one in planned),
                "models": [
                    {
                        "name": one.name,
                        "model": one.model,
                        "out": str(one.out),
                        **asdict(one.estimate),
                    }
                    for one in planned
                ],
                "failed": [_failure_json(one) for one in failures],
            }
        )
    elif planned:
        _print_plan(plan, planned)


def _print_plan(plan: ManyPlan, planned: Sequence[PlannedRun]) -> None:
    from harness.cli.terminal import out, print_table
    from harness.core.progress_bar import clock_time

    rows = [
        (
            one.name,
            f"{one.estimate.cells:,}",
            f"{one.estimate.finished_cells:,}",
            clock_time(one.estimate.seconds),
            str(one.out),
        )
        for one in planned
    ]
    columns = ("model", "cells", "finished", "time", "directory")
    print_table("Dry run: planned evaluations", columns, rows)
    cells = sum(one.estimate.cells for one in planned)
    seconds = sum(one.estimate.seconds for one in planned)
    out().print(f"cells      {cells:,}")
    out().print(f"time       about {clock_time(seconds)}, measured here on a few cells per model")
    out().print(f"report     {plan.folder}", markup=False)


def _show(done: ManyRuns, *, as_json: bool, quiet: bool) -> None:
    from harness.cli.terminal import print_json

    if as_json:
        print_json(
            {
                "out": str(done.folder),
                "runs": [
                    {
                        "model": run.manifest["model"]["name"],
                        "out": str(run.path),
                        "summary": run.summary.to_json(),
                    }
                    for run in done.runs
                ],
                "comparison": done.comparison and done.comparison.to_dict(),
                "unlike": done.unlike,
                "failed": [_failure_json(one) for one in done.failures],
            }
        )
    elif done.runs and not quiet:
        _print_runs(done)


def _print_runs(done: ManyRuns) -> None:

    from harness.cli.summaries import print_summary
    from harness.cli.terminal import out

    console = out()
    if len(done.runs) == 1:
        print_summary(done.runs[0])
    elif done.comparison is None:
        for run in done.runs:
            print_summary(run)
        console.print(f"not compared: {done.unlike}", style="yellow", markup=False)
    else:
        _print_comparison(done)
    if len(done.runs) > 1:
        console.print(f"report: {done.folder / 'report.html'}", markup=False)


def _print_comparison(done: ManyRuns) -> None:

    from harness.cli.terminal import out, print_table
    from reports.comparison import build_comparison

    assert done.comparison is not None
    view, console = build_comparison(done.comparison), out()
    for note in view.notes:
        console.print(f"note: {note}", style="yellow", markup=False)
    heads = ("model", "clean", "perturbed", "difference (pp)", "p, Holm", "")
    print_table(
        f"{view.standing_metric} (%), and over the perturbed levels less that of {view.runs[0]}",
        heads,
        [_first_row(view.pairs[0]), *(_row(pair) for pair in view.pairs)],
    )
    # Last, so that it stands above the report's path wherever the terminal is cut.
    console.print(view.headline, style="bold", markup=False)
    if view.detail:
        console.print(view.detail, markup=False)


def _first_row(pair: PairView) -> tuple[str, ...]:
    from reports.formatting import percent

    clean, overall = pair.standing_at("clean"), pair.overall
    return (
        pair.first,
        percent(clean.first) if clean else "–",
        percent(overall.first) if overall else "–",
        *("", "", "baseline"),
    )


def _row(pair: PairView) -> tuple[str, ...]:
    from reports.comparison import points_signed
    from reports.formatting import interval, p_value, percent

    clean, overall = pair.standing_at("clean"), pair.overall
    shown = (pair.second, percent(clean.second) if clean else "–")
    if overall is None:
        return (*shown, "–", "–", "–", "not tested")
    return (
        *shown,
        percent(overall.second),
        f"{points_signed(overall.difference)} {interval(overall.difference)}",
        p_value(overall.p_adjusted),
        overall.outcome,
    )


def _failure_json(failure: Failure) -> dict[str, str]:
    return {"name": failure.name, "model": failure.model, "error": str(failure.error)}


def _explain(failures: Sequence[Failure], plan: ManyPlan, *, dry_run: bool) -> HarnessError:
    """The error that ends the command: which models failed and why, on one line."""
    said = "; ".join(_said(failures))
    if len(failures) == len(plan.names):
        if len({one.error.message for one in failures}) == 1:
            return failures[0].error
        first = failures[0].error
        error = HarnessError(f"no model could be evaluated: {said}", hint=None)
        error.exit_code = first.exit_code
        return error
    count = f"{len(failures)} of {len(plan.names)} models"
    return IncompleteRunError(
        f"{count} could not be evaluated: {said}",
        hint="The others would be."
        if dry_run
        else "The others are finished; the same command takes them as they are.",
    )


def _said(failures: Sequence[Failure]) -> Iterator[str]:
    for one in failures:
        yield f"{one.name}: {one.error}"
