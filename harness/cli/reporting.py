"""`harness prompts`, `harness export` and `harness report`: what is in a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.cli.command import add_command

RunPath = Annotated[Path, typer.Argument(help="A run directory.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_command(app, "prompts", prompts_command, "harness prompts runs/base --limit 3")
    add_command(app, "export", export_command, "harness export runs/base --format parquet")
    add_command(
        app,
        "report",
        report_command,
        "harness report runs/base",
        "harness report runs/base runs/tuned --format html,md --out reports",
    )


def prompts_command(
    run: RunPath,
    limit: Annotated[int | None, typer.Option(min=1, help="Maximum cells to show.")] = None,
    as_json: options.AsJson = False,
    allow_code: Annotated[
        bool,
        typer.Option("--allow-code", help="Run the plugins and model code that the run names."),
    ] = False,
) -> None:
    """Show exactly what the model saw for each cell, as text and as tokens."""
    import json
    import sys

    from harness.core.progress_bar import printable
    from harness.evaluation.rendered_prompts import iter_prompts

    rows = iter_prompts(run, limit=limit, allow_code=allow_code)
    if as_json:
        # Streamed, so that a large run does not have to fit into memory.
        sys.stdout.write("[")
        for number, row in enumerate(rows):
            sys.stdout.write((",\n " if number else "\n ") + json.dumps(row, ensure_ascii=False))
        sys.stdout.write("\n]\n")
        return
    for row in rows:
        typer.echo(f"--- variant {row['variant_id']} · example {row['example_id']}")
        typer.echo(printable(str(row["prompt"])))
        typer.echo(f"    labels: {', '.join(row['continuations'])}")


def export_command(
    run: RunPath,
    file_format: Annotated[str, typer.Option("--format", help="csv, jsonl or parquet.")] = "csv",
    out: Annotated[
        Path | None, typer.Option(help="File to write. Default: in the run directory.")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Export a run that is not finished as it is.")
    ] = False,
) -> None:
    """Write the samples, joined with their variants, as one table."""
    from harness.results.export import export_samples

    typer.echo(str(export_samples(run, file_format=file_format, out=out, partial=partial)))


def report_command(
    runs: Annotated[list[Path], typer.Argument(help="Run directories, the baseline first.")],
    formats: Annotated[
        str, typer.Option("--format", help="A list of html, md, csv, svg and junit.")
    ] = "html,md",
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to. Default: the first run's.")
    ] = None,
    section: Annotated[
        list[str] | None,
        typer.Option(help="A section that an installed package brings, by name. Repeatable."),
    ] = None,
) -> None:
    """Write the report of one run, or of several side by side."""
    from harness import load_run
    from reports import render

    loaded = [load_run(path) for path in runs]
    wanted = options.split_names([formats])
    sections = options.split_names(section)
    written = render(loaded, wanted, out or loaded[0].path, sections)
    for path in written.values():
        typer.echo(str(path))
