"""`harness data list` and `harness data fetch`: public rows into the data folder."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli import options
from harness.cli.command import add_command


def register(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(no_args_is_help=True, help="Public data sets that shipped tasks read.")
    add_command(group, "list", list_command, "harness data list")
    add_command(
        group,
        "fetch",
        fetch_command,
        "harness data fetch legal --data-dir data",
        "harness data fetch gsm8k.test --data-dir data",
    )
    app.add_typer(group, name="data")


def list_command(data_dir: options.DataDir = None, as_json: options.AsJson = False) -> None:
    """List the data sets that can be fetched, and which of them the data folder has."""
    from harness.authoring.fetch import state_of
    from harness.authoring.public_data import public_data
    from harness.cli.terminal import print_json, print_table
    from harness.tasks.sources import data_dir_from_environment

    folder = data_dir or data_dir_from_environment()
    rows = [
        {
            "name": one.name,
            "suite": one.suite,
            "file": one.file,
            "state": state_of(one, folder),
            "licence": one.licence,
            "hub": one.hub,
        }
        for one in public_data()
    ]
    if as_json:
        print_json(rows)
        return
    print_table("", list(rows[0]), [list(row.values()) for row in rows])
    typer.echo(f"data folder: {folder or 'none given (--data-dir, HARNESS_DATA_DIR)'}", err=True)


def fetch_command(
    name: Annotated[str, typer.Argument(help="A data set, or the suite that reads several.")],
    data_dir: options.DataDir = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that are there.", show_default=False)
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Fetch public rows from the hub into the data folder, with their checksum and licence.

    Where the hub cannot be reached, one line says what to put where.
    """
    from dataclasses import asdict

    from harness.authoring.fetch import fetch
    from harness.authoring.public_data import find_data
    from harness.cli.terminal import print_json
    from harness.core.errors import UsageError
    from harness.tasks.sources import data_dir_from_environment

    wanted = find_data(name)
    folder = data_dir or data_dir_from_environment()
    if folder is None:
        raise UsageError(
            "no data folder is given.", hint="Type: --data-dir FOLDER (or set HARNESS_DATA_DIR)."
        )
    # Files of a suite that are there are kept, so that the same command goes on.
    todo = [one for one in wanted if force or len(wanted) == 1 or not (folder / one.file).exists()]
    done = [fetch(one, folder, force=force) for one in todo]
    if as_json:
        print_json([asdict(one) for one in done])
        return
    for one in done:
        typer.echo(
            f"{folder / one.file}: {one.rows:,} rows of {one.hub} ({one.licence}), "
            f"sha256 {one.sha256}"
        )
    if len(todo) < len(wanted):
        typer.echo(f"{len(wanted) - len(todo)} files were there already", err=True)
