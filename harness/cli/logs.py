"""`harness import`: other tools' logs as runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.cli.command import add_command


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(
        app,
        "import",
        import_command,
        "harness import out/model --out runs/model",
        "harness import out/model --as-variants sst2 --level character=sst2_typos",
        "harness import results.json --level sentence=polite",
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
    from harness.cli.summaries import print_summary
    from harness.cli.terminal import err, print_json
    from harness.core.progress_bar import printable
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
    )
    for sentence in imported.lost:
        err().print(f"note: {printable(sentence)}", markup=False)
    if as_json:
        summary = imported.run.summary.to_json()
        print_json({"path": str(imported.run.path), "notes": imported.lost, "summary": summary})
        return
    if not quiet:
        print_summary(imported.run)
    typer.echo(str(imported.run.path))
