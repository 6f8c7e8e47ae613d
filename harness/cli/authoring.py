"""`harness init-task`: from a table to a task file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.cli.command import add_command


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_command(
        app,
        "init-task",
        init_command,
        "harness init-task tickets.csv",
        "harness init-task tickets.csv --label category --out tickets.yaml",
    )


def init_command(
    data: Annotated[
        str,
        typer.Argument(
            help="Rows: .csv, .tsv, .json, .jsonl or .parquet, also as .gz or .xz.",
            metavar="DATA",
        ),
    ],
    label: Annotated[str | None, typer.Option(help="Column of labels. Default: guessed.")] = None,
    answer: Annotated[
        str | None, typer.Option(help="Column of free answers. Default: guessed.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Task file to write. Default: DATA's name with .yaml.")
    ] = None,
    separator: Annotated[
        str | None, typer.Option(help="Character between columns. Default: guessed.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Such as cp1252. Default: guessed.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a file that is there.", show_default=False)
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Write a commented task file for a table of yours: everything in it is guessed, and said.

    The file runs as it is. Edit its instructions, then look at it with `harness check-task`.
    """
    from dataclasses import asdict

    from harness.authoring.init import init_task
    from harness.cli.terminal import print_json, print_table

    drafted = init_task(
        data,
        out=out,
        label=label,
        answer=answer,
        separator=separator,
        encoding=encoding,
        force=force,
    )
    if as_json:
        print_json({"path": str(drafted.path), "found": [asdict(one) for one in drafted.found]})
        return
    print_table(
        "", ("what", "guess", "why"), [(one.what, one.value, one.reason) for one in drafted.found]
    )
    typer.echo(str(drafted.path))
    typer.echo(f"next: harness check-task {drafted.path}", err=True)
