"""`harness baseline set|get|list`: keep the runs that later ones are judged against."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from harness.cli import options
from harness.cli.command import add_command

MAIN: Final = "main"
Store = Annotated[
    str,
    typer.Option(
        envvar="HARNESS_BASELINES",
        help="A folder, a URL (s3://bucket/runs) or a branch (git:robustness-baselines).",
    ),
]
Name = Annotated[str, typer.Option(help="What the baseline is called.")]


def register(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(no_args_is_help=True, help="Keep the runs that later ones are judged by.")
    add_command(group, "set", set_command, "harness baseline set runs/main --store baselines")
    add_command(
        group, "get", get_command,
        "harness baseline get --store git:robustness-baselines --out runs/baseline",
    )  # fmt: skip
    add_command(group, "list", list_command, "harness baseline list --store baselines")
    app.add_typer(group, name="baseline")


def set_command(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    store: Store,
    name: Name = MAIN,
    as_json: options.AsJson = False,
) -> None:
    """Keep a finished run under a name; the one that had the name is replaced at once."""
    from harness.baselines.store import open_store, set_baseline
    from harness.cli.terminal import print_json

    kept = set_baseline(open_store(store), run, name)
    if as_json:
        print_json(asdict(kept))
    else:
        size = f"{kept.bytes / 1e6:.1f} MB"
        typer.echo(f"kept {kept.name}: {kept.model}, run {kept.run_id}, {size}, in {store}")


def get_command(
    store: Store,
    out: Annotated[Path, typer.Option(help="The run directory to make.")],
    name: Name = MAIN,
    as_json: options.AsJson = False,
) -> None:
    """Fetch a baseline into a new folder; exit 5 if the store holds none of that name."""
    from harness.baselines.store import get_baseline, open_store
    from harness.cli.terminal import print_json

    run = get_baseline(open_store(store), out, name)
    if as_json:
        print_json({"name": name, "run_id": run.manifest["run_id"], "path": str(run.path)})
    else:
        typer.echo(f"fetched {name}: run {run.manifest['run_id']}, into {out}")


def list_command(store: Store, as_json: options.AsJson = False) -> None:
    """List what a store holds."""
    from harness.baselines.store import open_store
    from harness.cli.terminal import print_json, print_table

    held = open_store(store).list()
    if as_json:
        print_json({"store": store, "baselines": [asdict(one) for one in held]})
    elif held:
        rows = [(one.name, one.model, one.run_id, f"{one.bytes / 1e6:.1f} MB") for one in held]
        print_table("", ("name", "model", "run", "size"), rows)
    else:
        typer.echo(f"{store} holds no baseline yet")
