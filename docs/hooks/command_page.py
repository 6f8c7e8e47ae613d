"""The command line's reference, made from the application itself when the site is built."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

PAGE = "commands.md"
_WIDTH = {"COLUMNS": "96", "TERMINAL_WIDTH": "96", "NO_COLOR": "1", "TERM": "dumb"}


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the page to those that the site is built from."""
    files.append(File.generated(config, PAGE, content=render_commands()))
    return files


def render_commands() -> str:
    """The `--help` of the program and of every command, as Markdown."""
    parts = ["# Command line", "What `harness --help` and `harness COMMAND --help` print."]
    for command in ((), *command_names()):
        parts += [f"## {' '.join(('harness', *command))}", f"```text\n{help_text(command)}\n```"]
    return "\n\n".join(parts) + "\n"


def command_names() -> list[tuple[str, ...]]:
    """Every command's words below `harness`, groups opened, in alphabetical order."""
    from typer import Typer

    from harness.cli.app import make_app

    def names(group: Typer, above: tuple[str, ...]) -> list[tuple[str, ...]]:
        own = [
            (*above, one.name or _name(one.callback))
            for one in group.registered_commands
            if not one.hidden
        ]
        for below in group.registered_groups:
            if below.typer_instance is not None and below.name:
                own += names(below.typer_instance, (*above, str(below.name)))
        return own

    return sorted(names(make_app(), ()))


def help_text(command: tuple[str, ...]) -> str:
    """What `harness COMMAND --help` prints, without colours and trailing spaces."""
    from typer.testing import CliRunner

    from harness.cli.app import make_app

    result = CliRunner().invoke(make_app(), [*command, "--help"], env=_WIDTH, prog_name="harness")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", result.output)
    return "\n".join(line.rstrip() for line in plain.strip("\n").splitlines())


def _name(callback: object) -> str:
    return str(getattr(callback, "__name__", "")).replace("_", "-")
