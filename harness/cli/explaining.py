"""`harness explain`: which words a run's answers hang on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from harness.cli import options
from harness.cli.command import add_command
from harness.cli.params import with_options
from harness.explanation.config import ExplainConfig

if TYPE_CHECKING:
    from harness.explanation.plan import ExplanationPlan
    from harness.results.explanation import Explanation

PANELS: Final = {
    "Model": ("model", "device", "allow_code", "tuned", "layers"),
    "Cells": ("worst", "sample", "checked", "variant_ids", "example_ids", "answers"),
    "Statistics": ("seed", "confidence"),
}
"""How the options are grouped in the help."""
_COLUMNS: Final = (
    "instruction", "input", "instruction_share", "input_share", "shift", "share_shift",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(
        app,
        "explain",
        explain_command,
        "harness explain runs/base",
        "harness explain runs/base --tuned runs/tuned --answers gold",
        "harness explain runs/base --tuned runs/tuned --layers",
    )


@with_options(ExplainConfig, PANELS)
def explain_command(
    config: ExplainConfig,
    run: Annotated[Path, typer.Argument(help="A finished run of a local model.")],
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Weigh the words of a run's prompts by what they do for the answer.

    Flips of the worst variants are explained word by word beside their clean twins, and a sample
    of cells says what happens on average. The same command goes on where it was stopped. Results:
    attributions.sqlite and explanation.json in the run directory, and a section of its report.
    """
    from harness.cli.terminal import is_silent, print_json
    from harness.core.progress_bar import make_progress
    from harness.explanation.explain import ExplainOptions, explain_run
    from harness.explanation.plan import plan_explanation
    from harness.explanation.ready import ModelSource
    from harness.results.rundir import load_run
    from reports import render_again

    tuned = None if config.tuned is None else load_run(config.tuned)
    plan = plan_explanation(
        load_run(run), tuned, config.choice, config.answers, layers=config.layers
    )
    if dry_run:
        _show_plan(plan, as_json=as_json)
        return
    source = ModelSource(config.model, device=config.device, allow_code=config.allow_code)
    asked = ExplainOptions(source, config.confidence)
    silent = is_silent(quiet=quiet, as_json=as_json)
    explanation = explain_run(plan, asked, make_progress(silent=silent))
    written = render_again(plan.run)
    if as_json:
        from pydantic import TypeAdapter

        from harness.results.explanation import Explanation as Shape

        print_json(TypeAdapter(Shape).dump_python(explanation, mode="json"))
    elif not quiet:
        _show(plan, explanation)
        for path in written:
            typer.echo(f"report: {path}")


def _show_plan(plan: ExplanationPlan, *, as_json: bool) -> None:
    from harness.cli.terminal import print_json, print_table

    rows = [
        {
            "model": str(run.manifest["model"]["name"]),
            "run": str(run.path),
            "pairs": len(plan.pairs),
            "worst": sum(pair.is_worst for pair in plan.pairs),
            "cells": len(plan.keys),
            "explained": plan.done(run),
        }
        for run in plan.runs
    ]
    if as_json:
        print_json({"answers": plan.answers, "models": rows})
        return
    titles = ("model", "run", "pairs", "worst flips", "cells", "explained already")
    shown = [[str(value) for value in row.values()] for row in rows]
    print_table("Dry run: planned explanation", titles, shown)


def _show(plan: ExplanationPlan, explanation: Explanation) -> None:
    from harness.cli.terminal import out, print_table
    from reports.formatting import number, with_interval
    from reports.why import TITLES, faith_rows, opening
    from reports.why_layers import layer_findings

    for model in explanation.models:
        rows = [
            (
                level,
                f"{group.cells:,}",
                *(with_interval(group.measures.get(name), number, number) for name in _COLUMNS),
            )
            for level, group in model.levels.items()
        ]
        print_table(model.name, ("level", "cells", *(TITLES[name] for name in _COLUMNS)), rows)
        tests = [
            (what, with_interval(found, number, number), good)
            for what, found, good in faith_rows(model)
        ]
        if tests:
            print_table("", ("test of the explanation", "found", "should be"), tests)
    console = out()
    console.print(opening(explanation), markup=False)
    if explanation.layers is not None:
        for finding in layer_findings(explanation.layers):
            console.print(finding, markup=False)
    console.print(f"explanation: {plan.run.path / 'explanation.json'}", markup=False)
