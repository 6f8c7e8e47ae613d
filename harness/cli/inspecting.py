"""`harness list`, `harness show` and `harness doctor`: what there is, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.cli.command import add_command
from harness.cli.completion import COMPLETERS


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_command(app, "list", list_command, "harness list perturbations")
    add_command(app, "show", show_command, "harness show sentiment", "harness show task-schema")
    add_command(app, "doctor", doctor_command, "harness doctor")


def list_command(
    kind: Annotated[
        str,
        typer.Argument(
            help="tasks, suites, perturbations, levels, models or recipes.",
            autocompletion=COMPLETERS["kind"],
        ),
    ],
    as_json: options.AsJson = False,
) -> None:
    """List what the harness knows by name."""
    from harness.cli.listing import KINDS, list_kind
    from harness.cli.terminal import print_json, print_table
    from harness.core.errors import UnknownNameError

    if kind not in KINDS:
        raise UnknownNameError("kind", kind, KINDS)
    rows = list_kind(kind)
    if as_json:
        print_json(rows)
        return
    columns = list(rows[0]) if rows else ["name"]
    print_table("", columns, [[str(row[name]) for name in columns] for row in rows])


def show_command(
    name: Annotated[str, typer.Argument(help="A task, suite or perturbation, or task-schema.")],
) -> None:
    """Show one thing in full: a task file, a suite, a perturbation, or the task file's schema."""
    from harness.cli.listing import show_name

    typer.echo(show_name(name))


def doctor_command(
    data_dir: options.DataDir = None,
    as_json: options.AsJson = False,
) -> None:
    """Check what is installed, where data and cache are, and whether a GPU is seen."""
    from harness.cli.doctor import examine
    from harness.cli.terminal import print_json, print_table

    findings = examine(Path(data_dir) if data_dir else None)
    if as_json:
        print_json([finding.to_dict() for finding in findings])
        return
    marks = {"ok": "ok", "missing": "missing", "note": "note"}
    print_table(
        "",
        ("", "what", "found", "to do"),
        [(marks[f.state], f.what, f.found, f.advice) for f in findings],
    )
