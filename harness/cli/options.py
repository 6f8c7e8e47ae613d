"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="Directory, hub id, .gguf file, adapter directory, or the bundled smollm2-135m.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder with glue/ and words/ data.  [default: $HARNESS_DATA_DIR]"),
]
Levels = Annotated[
    str | None,
    typer.Option(
        help="all, or a list such as character,semantic. Clean is always in it.  [default: all]"
    ),
]
Seed = Annotated[int, typer.Option(help="Decides samples and variants.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", help="A Python file with perturbations of your own. Repeatable."),
]


def split_names(values: list[str] | None) -> tuple[str, ...]:
    """Names given as repeated options or as comma-separated lists, in order, once each."""
    names = [name.strip() for value in values or [] for name in value.split(",")]
    return tuple(dict.fromkeys(name for name in names if name))
