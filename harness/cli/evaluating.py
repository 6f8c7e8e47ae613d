"""`harness run`: evaluate a model at every level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import typer

from harness.cli import options
from harness.cli.command import add_command
from harness.cli.params import with_several
from harness.evaluation.config import RunConfig

if TYPE_CHECKING:
    from harness.evaluation.cost import Estimate
    from harness.evaluation.prepare import RunPlan
    from harness.results.rundir import Run


PANELS: Final = {
    "Model": options.MODEL_PANEL,
    "Server": options.SERVER_PANEL,
    "Task": ("suite", "tasks", "data_dir", "limit", "instructions", "few_shot"),
    "Variants": (
        "levels", "perturbations", "stacks", "plugins", "target", "per_perturbation", "strength",
        "paraphrases", "paraphrase_with", "similarity", "min_similarity", "variants",
    ),
    "Scoring": (
        "scorers", "scorer_share", "prompt_format", "placement", "max_new_tokens", "temperature",
        "repeats",
    ),
    "Statistics": (
        "share", "cells", "full", "until", "precision", "seed", "confidence", "resamples",
        "embed_with", "metrics",
    ),
    "Workers": ("workers", "ray"),
    "Output": ("out", "fresh", "cache", "window"),
}  # fmt: skip
"""How the options of a run are grouped in its help."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(
        app,
        "run",
        run_command,
        "harness run -m smollm2-135m --limit 20",
        "harness run -m ./checkpoint --levels character,semantic --task sentiment",
        "harness run -m ./checkpoint --dry-run",
        "harness run -m ./base -m 'adapters/*' --out runs/all",
    )


@with_several(RunConfig, PANELS, "model")
def run_command(
    configs: Sequence[RunConfig],
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Evaluate one or several models on every level and write a report.

    The same command resumes a run that was stopped. Results: run.json, variants.jsonl,
    samples.sqlite, summary.json, report.md and report.html in the run directory. Several models
    have a run each, and a report that compares them with the first.
    """
    from harness.cli.terminal import is_silent
    from harness.evaluation.many import expand_configs, plan_many

    silent = is_silent(quiet=quiet, as_json=as_json)
    found = _reword(expand_configs(configs), dry_run=dry_run, silent=silent)
    if len(found) > 1:
        from harness.cli.several import run_several

        run_several(plan_many(found), dry_run=dry_run, as_json=as_json, quiet=quiet)
    else:
        _evaluate(found[0], dry_run=dry_run, as_json=as_json, quiet=quiet)


def _reword(configs: list[RunConfig], *, dry_run: bool, silent: bool) -> list[RunConfig]:
    """The configurations with the banks of `--paraphrase-with`, which all models share."""
    if configs[0].paraphrase_with is None:
        return configs
    from harness.api.rewording import reword_first
    from harness.core.progress_bar import make_progress

    first = reword_first(configs[0], progress=make_progress(silent=silent), dry_run=dry_run)
    done = {"paraphrases": first.paraphrases, "paraphrase_with": None}
    return [config.model_copy(update=done) for config in configs]


def _evaluate(config: RunConfig, *, dry_run: bool, as_json: bool, quiet: bool) -> None:
    from harness.api.models import loader
    from harness.cli.terminal import is_silent
    from harness.evaluation.pilot import estimate_run
    from harness.evaluation.prepare import prepare

    with loader(config) as load:
        prepared = prepare(config, load=load)
        if dry_run:
            _show_estimate(prepared, estimate_run(prepared), as_json=as_json)
            return
        run = _run(prepared, silent=is_silent(quiet=quiet, as_json=as_json))
    _show_result(run, as_json=as_json, quiet=quiet)


def _run(prepared: RunPlan, *, silent: bool) -> Run:
    from harness.api.running import evaluate, notes_of
    from harness.cli.terminal import err, typed_command
    from harness.core.progress_bar import make_progress

    progress = make_progress(silent=silent)
    if not silent:
        err().print(f"run directory: {prepared.out}", style="dim", markup=False)
    for note in notes_of(prepared):
        progress.note(note)
    return evaluate(prepared, command=typed_command(), progress=progress)


def _show_estimate(prepared: RunPlan, cost: Estimate, *, as_json: bool) -> None:
    from dataclasses import asdict

    from harness.api.running import describe_fitted
    from harness.cli.planning import describe_width
    from harness.cli.terminal import out, print_json, print_table
    from harness.core.progress_bar import clock_time, speed
    from harness.evaluation.planner import expect_drops
    from harness.models.questions import ManyAtOnce
    from reports.formatting import detectable

    many = prepared.model if isinstance(prepared.model, ManyAtOnce) else None
    drops = expect_drops(prepared)
    if as_json:
        told = {} if many is None else {"workers": many.wanted}
        expected = None if drops is None else asdict(drops)
        print_json({"out": str(prepared.out), **asdict(cost), **told, "drops": expected})
        return
    rows = [
        (
            task.name,
            f"{len(prepared.plan.variants[task.name]):,}",
            f"{len(task.examples):,}",
            f"{prepared.plan.cells_of(task):,}",
        )
        for task in prepared.plan.tasks
    ]
    print_table("Dry run: planned evaluation", ("task", "variants", "examples", "cells"), rows)
    left = cost.cells - cost.finished_cells
    rate = speed(left / cost.seconds, "cells") if cost.seconds > 0 else "nothing to compute"
    console = out()
    console.print(f"cells      {cost.cells:,} ({cost.finished_cells:,} of them finished already)")
    if not prepared.fitted.is_full:
        described = describe_fitted(prepared.fitted, until=prepared.config.until)
        console.print(f"design     {described}")
    if drops is not None:
        console.print(
            f"drops      found from {detectable(drops.detectable)} points on, if variances are "
            f"typical; the widest interval {describe_width(drops)}"
        )
    shared = cost.unique_tokens < cost.tokens
    without = f"; {cost.tokens:,} without prefix reuse" if shared else ""
    console.print(f"tokens     {cost.unique_tokens:,} to compute{without}")
    console.print(
        f"time       about {clock_time(cost.seconds)} ({rate}, measured here on a few cells)"
    )
    price = prepared.config.price_in * cost.tokens / 1_000_000
    if price > 0:
        console.print(f"cost       about {price:.4f} for prompts that are read once")
    if many is not None:
        console.print(f"workers    {many.planned}", markup=False)
    console.print(f"directory  {prepared.out}", markup=False)


def _show_result(run: Run, *, as_json: bool, quiet: bool) -> None:
    from harness.cli.summaries import print_summary
    from harness.cli.terminal import print_json

    if as_json:
        print_json(run.summary.to_json())
    elif not quiet:
        print_summary(run)
