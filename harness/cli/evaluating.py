"""`harness run`: evaluate a model at every level."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli import options

if TYPE_CHECKING:
    from harness.evaluation.config import RunConfig
    from harness.evaluation.cost import Estimate
    from harness.evaluation.prepare import RunPlan
    from harness.results.rundir import Run


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run_command)


def run_command(
    model: options.Model,
    base: Annotated[str | None, typer.Option(help="Base model of an adapter.")] = None,
    suite: Annotated[
        str | None, typer.Option(help="Suite of tasks.  [default: starter]", show_default=False)
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="A task's name or YAML file; of a --suite's tasks, only these. Repeatable."
        ),
    ] = None,
    levels: options.Levels = None,
    perturbations: Annotated[
        list[str] | None,
        typer.Option("--perturbations", help="Only these, by name; all is the whole catalogue."),
    ] = None,
    stack: Annotated[
        list[str] | None, typer.Option(help="A composition such as keyboard+politeness.")
    ] = None,
    plugin: options.Plugins = None,
    target: Annotated[
        str, typer.Option(help="What is perturbed: instruction, input or both.")
    ] = "instruction",
    limit: Annotated[int | None, typer.Option(help="Examples a task: a seeded sample.")] = None,
    instructions: Annotated[
        str | None,
        typer.Option(help="Instructions a task, or promptbench, or promptbench:4 for four of its."),
    ] = None,
    paraphrases: Annotated[
        Path | None, typer.Option(help="A bank that `harness paraphrase` wrote.")
    ] = None,
    per_perturbation: Annotated[int, typer.Option(help="Variants of each perturbation.")] = 1,
    similarity: Annotated[
        bool, typer.Option("--similarity", help="Measure how alike variants and originals are.")
    ] = False,
    min_similarity: Annotated[
        float | None, typer.Option(help="Draw variants with a smaller cosine again.")
    ] = None,
    variants: Annotated[
        Path | None, typer.Option(help="Score exactly the instruction texts of this JSONL file.")
    ] = None,
    scorer: Annotated[str, typer.Option(help="loglik, generate or both.")] = "loglik",
    calibrate: Annotated[
        str, typer.Option(help="none, or content-free (contextual calibration).")
    ] = "none",
    max_new_tokens: Annotated[int, typer.Option(help="Longest generated answer.")] = 7,
    few_shot: Annotated[int, typer.Option(help="Answered examples before each question.")] = 0,
    prompt_format: Annotated[str, typer.Option(help="auto, plain, coin or chat.")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    revision: Annotated[str | None, typer.Option(help="Revision of a hub model.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run code that comes with a hub model.")
    ] = False,
    data_dir: options.DataDir = None,
    precision: Annotated[
        float | None,
        typer.Option(help="Draw examples until each level's interval is within this many points."),
    ] = None,
    seed: options.Seed = 0,
    confidence: Annotated[float, typer.Option(help="Confidence of intervals.")] = 0.95,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.")] = 2000,
    out: Annotated[
        Path | None,
        typer.Option(help="Run directory; resumed if it holds this run.  [default: runs/…]"),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over, do not resume.")] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Take no response from earlier runs.")
    ] = False,
    window: Annotated[int | None, typer.Option(help="Cells a unit of work.", hidden=True)] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be run and what it costs.")
    ] = False,
    as_json: options.AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
) -> None:
    """Evaluate a model on every level and write a report.

    The same command resumes a run that was stopped. Results: run.json, variants.jsonl,
    samples.sqlite, summary.json, report.md and report.html in the run directory.
    """
    from harness.evaluation.config import parse_levels
    from harness.tasks.instructions import parse_instructions

    config = _config(
        model=model,
        base=base,
        revision=revision,
        trust_remote_code=trust_remote_code,
        dtype=dtype,
        device=device,
        prompt_format=prompt_format,
        suite=suite,
        tasks=options.split_names(task),
        levels=parse_levels(levels) if levels is not None else None,
        perturbations=options.split_names(perturbations),
        stacks=tuple(stack or ()),
        plugins=tuple(plugin or ()),
        target=target,
        limit=limit,
        instructions=parse_instructions(instructions),
        paraphrases=paraphrases,
        per_perturbation=per_perturbation,
        similarity=similarity,
        min_similarity=min_similarity,
        variants=variants,
        scorer=scorer,
        calibrate=calibrate,
        max_new_tokens=max_new_tokens,
        few_shot=few_shot,
        precision=precision,
        seed=seed,
        confidence=confidence,
        resamples=resamples,
        data_dir=data_dir,
        out=out,
        fresh=fresh,
        cache=not no_cache,
        window=window,
    )
    _evaluate(config, dry_run=dry_run, as_json=as_json, quiet=quiet)


def _evaluate(config: RunConfig, *, dry_run: bool, as_json: bool, quiet: bool) -> None:
    from harness.api import evaluate
    from harness.cli.terminal import TerminalProgress, err
    from harness.core.progress import NoProgress
    from harness.evaluation.execute import count_finished
    from harness.evaluation.prepare import prepare
    from harness.evaluation.selection import describe_left_out

    prepared = prepare(config)
    if dry_run:
        from harness.evaluation.cost import estimate

        cost = estimate(prepared.plan, prepared.lengths, prepared.model, count_finished(prepared))
        _show_estimate(prepared, cost, as_json=as_json)
        return
    silent = quiet or (as_json and not sys.stderr.isatty())
    progress = NoProgress() if silent else TerminalProgress()
    if not silent:
        err().print(f"run directory: {prepared.out}", style="dim", markup=False)
    for note in (*describe_left_out(prepared.left_out), *prepared.notes):
        progress.note(note)
    command = shlex.join(["harness", *sys.argv[1:]])
    run = evaluate(prepared, command=command, progress=progress)
    _show_result(run, as_json=as_json, quiet=quiet)


def _config(**values: Any) -> RunConfig:
    """The checked configuration, with an option's name in every complaint."""
    from harness.core.options import check_options
    from harness.evaluation.config import RunConfig

    return check_options(RunConfig, values)


def _show_estimate(prepared: RunPlan, cost: Estimate, *, as_json: bool) -> None:
    from dataclasses import asdict

    from harness.cli.terminal import out, print_json, print_table

    if as_json:
        print_json({"out": str(prepared.out), **asdict(cost)})
        return
    rows = [
        (
            task.name,
            f"{len(prepared.plan.variants[task.name]):,}",
            f"{len(task.examples):,}",
            f"{len(prepared.plan.variants[task.name]) * len(task.examples):,}",
        )
        for task in prepared.plan.tasks
    ]
    print_table("Nothing was run. This would be:", ("task", "variants", "examples", "cells"), rows)
    minutes = cost.seconds / 60
    console = out()
    console.print(f"cells      {cost.cells:,} ({cost.finished_cells:,} of them finished already)")
    console.print(
        f"tokens     {cost.unique_tokens:,} to compute; {cost.tokens:,} without prefix reuse"
    )
    console.print(
        f"time       about {cost.seconds:.0f} s ({minutes:.1f} min) at this machine's matmul rate"
    )
    console.print(f"directory  {prepared.out}", markup=False)


def _show_result(run: Run, *, as_json: bool, quiet: bool) -> None:
    from harness.cli.summaries import print_summary
    from harness.cli.terminal import print_json

    if as_json:
        print_json(run.summary.to_json())
    elif not quiet:
        print_summary(run)
