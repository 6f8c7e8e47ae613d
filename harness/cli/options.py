"""Options that several commands share, declared once; those of a configuration are its fields."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from harness.cli.completion import COMPLETERS
from harness.core.records import StrengthName
from harness.models.options import SERVER_FIELDS

MODEL_PANEL: Final = ("model", "base", "revision", "trust_remote_code", "dtype", "device")
SERVER_PANEL: Final = SERVER_FIELDS

DataDir = Annotated[
    Path | None,
    typer.Option(help="Data folder with public rows and word tables. Default: HARNESS_DATA_DIR."),
]
Levels = Annotated[
    str | None,
    typer.Option(
        help="Levels to perturb at, such as character,semantic; each is its core set. "
        "Default: all.",
        autocompletion=COMPLETERS["levels"],
    ),
]
Perturbations = Annotated[
    list[str] | None,
    typer.Option(
        "--perturbations",
        help="Only these perturbations, by name; all is the whole catalogue.",
        autocompletion=COMPLETERS["perturbations"],
    ),
]
Stacks = Annotated[
    list[str] | None,
    typer.Option("--stack", help="A composition such as keyboard+politeness. Repeatable."),
]
Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", help="Python file with perturbations of your own. Repeatable."),
]
Task = Annotated[
    str, typer.Option(help="Task by name or YAML file.", autocompletion=COMPLETERS["task"])
]
Strength = Annotated[StrengthName, typer.Option(help="How many words noise changes, and how much.")]
Seed = Annotated[int, typer.Option(help="Random seed.")]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json", help="Print JSON to stdout.", show_default=False, rich_help_panel="Output"
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Say nothing but errors, and JSON with --json.",
        show_default=False,
        rich_help_panel="Output",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Show the planned cells and their cost.",
        show_default=False,
        rich_help_panel="Output",
    ),
]


def split_names(values: list[str] | None) -> tuple[str, ...]:
    """Names given as repeated options or as comma-separated lists, in order, once each."""
    names = [name.strip() for value in values or [] for name in value.split(",")]
    return tuple(dict.fromkeys(name for name in names if name))
