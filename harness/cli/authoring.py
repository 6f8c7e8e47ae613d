"""`harness init-task`, `import-task` and `check-task`: a task file of one's own, and its faults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options
from harness.cli.command import add_command
from harness.cli.completion import COMPLETERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.api.trying import Tried
    from harness.authoring.inspection import Inspection


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_command(
        app,
        "init-task",
        init_command,
        "harness init-task tickets.csv",
        "harness init-task tickets.csv --label category --out tickets.yaml",
        "harness init-task nyu-mll/glue --config sst2",
    )
    add_command(
        app,
        "import-task",
        import_command,
        "harness import-task lm_eval/tasks/glue/sst2/default.yaml --out sst2.yaml",
        "harness import-task promptfooconfig.yaml",
    )
    add_command(
        app,
        "check-task",
        check_command,
        "harness check-task tickets.yaml",
        "harness check-task tickets.yaml --model smollm2-135m",
    )


def import_command(
    file: Annotated[
        Path,
        typer.Argument(help="lm-eval's YAML, a promptfoo configuration, or JSON Lines of samples."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Task file to write. Default: the task's name with .yaml.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", help="lm-eval, promptfoo or samples. Default: told by the file."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a file that is there.", show_default=False)
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Make a task file of another program's, and name line by line what is not carried over.

    Read are lm-eval's task YAML, promptfoo's prompts x vars x assert, inspect's and OpenAI's JSON
    Lines of samples and chats. Code that a file names is never run.
    """
    from dataclasses import asdict

    from harness.authoring.import_task import describe_lost, import_task
    from harness.cli.terminal import print_json

    done = import_task(file, out=out, source=source, force=force)
    if as_json:
        lost = [asdict(one) for one in done.lost]
        print_json({"format": done.format, "paths": list(map(str, done.paths)), "lost": lost})
        return
    for one in done.lost:
        typer.echo(f"not carried over: {describe_lost(one, file)}", err=True)
    for path in done.paths:
        typer.echo(str(path))
        typer.echo(f"next: harness check-task {path}", err=True)


def init_command(
    data: Annotated[
        str,
        typer.Argument(
            help="Rows: .csv, .tsv, .json, .jsonl or .parquet, also as .gz or .xz; or a data set "
            "of the hub, OWNER/NAME.",
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
    config: Annotated[str | None, typer.Option(help="Part of a data set of the hub.")] = None,
    split: Annotated[str | None, typer.Option(help="Split of it. Default: guessed.")] = None,
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
        config=config,
        split=split,
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


def check_command(
    task: Annotated[Path, typer.Argument(help="Task file.", metavar="TASK.yaml")],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Ask this model five examples.",
            autocompletion=COMPLETERS["model"],
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="Where the model runs.")] = "auto",
    data_dir: options.DataDir = None,
    as_json: options.AsJson = False,
) -> None:
    """List every problem of a task file at once, and show what a model would see.

    Problems of its keys, rows, template and texts; the class balance; one prompt in each layout.
    Exit code 2 where an error keeps the task from being run.
    """
    from harness.api.trying import try_model
    from harness.authoring.inspection import inspect_task
    from harness.authoring.preview import preview_prompts
    from harness.cli.terminal import print_json
    from harness.core.errors import ExitCode
    from harness.tasks.sources import data_dir_from_environment

    folder = data_dir or data_dir_from_environment()
    found = inspect_task(task, data_dir=folder)
    prompts = preview_prompts(found.task) if found.task else {}
    tried = (
        try_model(found.task, task, model, data_dir=folder, device=device)
        if found.task and model
        else []
    )
    if as_json:
        print_json(_as_json(found, prompts, tried))
    else:
        _show(found, prompts, tried)
    if found.errors:
        raise typer.Exit(ExitCode.USAGE)


def _as_json(
    found: Inspection, prompts: dict[str, str], tried: Sequence[Tried]
) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "task": str(found.path),
        "errors": found.errors,
        "problems": [asdict(problem) for problem in found.problems],
        "classes": found.classes,
        "prompts": prompts,
        "tried": [asdict(one) for one in tried],
    }


def _show(found: Inspection, prompts: dict[str, str], tried: Sequence[Tried]) -> None:
    from harness.cli.terminal import print_table
    from harness.core.progress_bar import one_line, printable

    for problem in found.problems:
        typer.echo(one_line(f"{problem.severity}: {problem.where}: {problem.message}"))
    total = sum(found.classes.values())
    if total:
        rows = [(name, f"{n:,}", f"{n / total:.0%}") for name, n in found.classes.items()]
        print_table("", ("label", "examples", "share"), rows)
        name, most = max(found.classes.items(), key=lambda item: item[1])
        typer.echo(f"always answering {name!r} scores {most / total:.0%}")
    for layout, prompt in prompts.items():
        typer.echo(f"--- one prompt, {layout}\n{printable(prompt)}")
    if tried:
        _show_tried(tried)
    warnings = len(found.problems) - found.errors
    typer.echo(f"{found.path}: {_count(found.errors, 'error')}, {_count(warnings, 'warning')}")
    if not found.errors:
        typer.echo(f"next: harness run --model MODEL --task {found.path}", err=True)


def _show_tried(tried: Sequence[Tried]) -> None:
    from harness.cli.terminal import print_table
    from harness.tasks.checks import shorten

    print_table(
        "what the model answers",
        ("id", "input", "right", "said", "read as", "likeliest"),
        [
            (
                one.example,
                shorten(one.input, 60),
                shorten(one.gold, 40),
                shorten(one.said.strip(), 80),
                "nothing" if one.read is None else shorten(one.read, 40),
                one.likeliest or "-",
            )
            for one in tried
        ],
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
