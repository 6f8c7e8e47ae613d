"""`harness import` and `harness log`: other tools' logs as runs, and runs in other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options
from harness.cli.command import add_command

if TYPE_CHECKING:
    from harness.logs.import_logs import Imported


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_command(
        app,
        "import",
        import_command,
        "harness import out/model --out runs/model",
        "harness import out/model --as-variants sst2 --level character=sst2_typos",
        "harness import results.json --level sentence=polite",
    )
    add_command(
        app,
        "log",
        log_command,
        "harness log runs/base --to mlflow --at sqlite:///mlflow.db",
        "harness log runs/base --to tensorboard --at events",
    )


def import_command(
    logs: Annotated[
        list[Path],
        typer.Argument(
            help="Files or folders of lm-eval (--log_samples), inspect, promptfoo or HELM."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Run directory. Default: runs/…", show_default=False)
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="Whose values become scores. Default: each task's main one that is a score."
        ),
    ] = None,
    as_variants: Annotated[
        str | None,
        typer.Option(help="The logs are one task under several prompts; its name."),
    ] = None,
    level: Annotated[
        list[str] | None,
        typer.Option(
            help="LEVEL=NAME: the level of a prompt, by its task's or file's name; the others are "
            "clean. Repeatable."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Whose logs to take, or its name where they lack it."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Write over a run that is there.")] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Make a run of other tools' logs: to report, compare, judge and export as your own."""
    from harness.cli.terminal import typed_command
    from harness.logs.group import parse_levels
    from harness.logs.import_logs import import_logs

    imported = import_logs(
        logs,
        out=out,
        metric=metric,
        as_variants=as_variants,
        levels=parse_levels(level or []),
        model=model,
        fresh=fresh,
        command=typed_command(),
    )
    _show_imported(imported, as_json=as_json, quiet=quiet)


def _show_imported(imported: Imported, *, as_json: bool, quiet: bool) -> None:
    from harness.cli.summaries import print_summary
    from harness.cli.terminal import err, print_json

    if not quiet:
        for sentence in imported.lost:
            err().print(f"note: {sentence}", markup=False)
    if as_json:
        summary = imported.run.summary.to_json()
        print_json({"path": str(imported.run.path), "notes": imported.lost, "summary": summary})
    elif not quiet:
        print_summary(imported.run)
        typer.echo(str(imported.run.path))


def log_command(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    to: Annotated[str, typer.Option(help="The tracker: mlflow, wandb or tensorboard.")],
    project: Annotated[
        str, typer.Option(help="Project, or experiment, that the run belongs to.")
    ] = "robustness",
    at: Annotated[
        str | None,
        typer.Option(help="The tracker's URL or folder. Default: what the tracker is set to."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Write a run's metrics with their intervals, its tables and its page into a tracker."""
    import tempfile

    from harness.cli.terminal import print_json
    from harness.logs.trackers.log_run import Place, log_run, require_tracker
    from harness.results.rundir import load_run
    from reports import render

    require_tracker(to)
    loaded = load_run(run)
    with tempfile.TemporaryDirectory() as folder:
        page = render([loaded], ["html"], Path(folder))["html"]
        where = log_run(loaded, to, page=page, place=Place(project, at))
    if as_json:
        print_json({"tracker": to, "project": project, "place": where})
    else:
        typer.echo(where)
