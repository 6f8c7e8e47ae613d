"""`harness import-prompts`: published adversarial prompts as a variants file."""

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
        "import-prompts",
        import_command,
        "harness import-prompts prompts.jsonl.xz --task sst2 --out variants.jsonl",
    )


def import_command(
    files: Annotated[
        list[Path], typer.Argument(help="PromptBench's .md files, or JSON Lines (.gz, .xz).")
    ],
    out: Annotated[Path, typer.Option(help="Variants file to write.")] = Path("variants.jsonl"),
    task: Annotated[
        list[str] | None, typer.Option(help="Only this task. Repeatable. Default: all known.")
    ] = None,
    attack: Annotated[
        list[str] | None, typer.Option(help="Only this attack, beside clean prompts. Repeatable.")
    ] = None,
) -> None:
    """Turn PromptBench's published prompts into variants for `harness run --variants`."""
    from harness.cli.terminal import err
    from harness.evaluation.promptbench_import import import_prompts

    imported = import_prompts(
        files, out, tasks=options.split_names(task), attacks=options.split_names(attack)
    )
    for name, count in imported.variants.items():
        typer.echo(f"{name}: {count:,} variants")
    if imported.left_out:
        left_out = ", ".join(f"{name} {count:,}" for name, count in imported.left_out.items())
        err().print(f"note: prompts of other tasks left out: {left_out}", markup=False)
    typer.echo(str(out))
