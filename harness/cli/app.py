"""The application: its commands, and how every failure becomes one line and an exit code."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from typing import Final, cast

import typer

from harness import __version__
from harness.core.errors import ExitCode, HarnessError

# Typer carries its own click from 0.20 on and shares the installed one before: the base class of
# what the parser raises (ClickException) is found through a name that both export.
_ParserError = cast(type[Exception], typer.BadParameter.__mro__[2])

# What the system says of a path wherever it is first looked at: no bug, and no path to check for
# in every room, as asking whether a file is there raises it too.
_NAMES: Final = frozenset({errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP})
_ITEM: Final = "\n  "
"""What begins an item of a list in a message."""
_DISKS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})

COMMANDS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "Evaluate": {
        "evaluating": ("run",),
        "planning": ("plan",),
        "reporting": ("prompts", "export", "report"),
        "explaining": ("explain",),
    },
    "Compare and gate": {
        "comparing": ("compare", "check", "init-ci"),
        "baselines": ("baseline",),
        "logs": ("import", "log"),
    },
    "Follow many runs": {"following": ("history", "view", "bundle")},
    "Perturb and attack": {
        "perturbing": ("perturb",),
        "paraphrasing": ("paraphrase",),
        "attacking": ("attack",),
        "importing": ("import-prompts",),
    },
    "Tasks of your own": {
        "authoring": ("init-task", "import-task", "check-task"),
        "data": ("data",),
    },
    "Train": {
        "hardening": ("harden",),
        "pairing": ("pairs",),
        "training": ("train", "merge"),
    },
    "Look up": {"inspecting": ("list", "show", "doctor"), "caching": ("cache",)},
}
"""Panel of the help -> the modules whose commands stand in it -> what is typed for them."""


def make_app(typed: str | None = None) -> typer.Typer:
    """The application.

    Args:
        typed: the first word of the command line. If it is a command, the application has those of
            its module alone: to load the options of all takes a third of a second.
    """
    app = typer.Typer(
        name="harness",
        help="Measure how a language model's answers change when an instruction is phrased "
        "differently.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True)(_root)
    is_command = any(typed in names for panel in COMMANDS.values() for names in panel.values())
    for panel, modules in COMMANDS.items():
        for module, names in modules.items():
            if typed in names or not is_command:
                _register(app, module, panel)
    return app


def _register(app: typer.Typer, module: str, panel: str) -> None:
    seen = len(app.registered_commands), len(app.registered_groups)
    importlib.import_module(f"harness.cli.{module}").register(app)
    for command in app.registered_commands[seen[0] :]:
        command.rich_help_panel = panel
    for group in app.registered_groups[seen[1] :]:
        group.rich_help_panel = panel


def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        typer.echo(f"robustness-harness {__version__}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with one of `ExitCode`."""
    if isinstance(sys.stdout, TextIOWrapper):
        # A file's name need not be UTF-8: it leaves by the bytes by which it came.
        sys.stdout.reconfigure(errors="surrogateescape")
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; a user's mistake shows no traceback."""
    try:
        return _dispatch(arguments)
    except HarnessError as error:
        _complain(error.message, error.hint)
        return error.exit_code
    except _ParserError as error:
        context = getattr(error, "ctx", None)
        _complain(_format(error), context and f"Type: {context.command_path} --help.")
        return ExitCode.USAGE
    except (KeyboardInterrupt, typer.Abort):
        _complain("interrupted.", "Repeat the same command: a run resumes where it stopped.")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone; python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except Exception as error:
        return _explain(error)


def _explain(error: Exception) -> int:
    """Say what no command has foreseen: a path that the system refuses, or else a bug."""
    if isinstance(error, OSError) and error.errno in {*_NAMES, *_DISKS}:
        _complain(f"{_shorten(str(error.filename or 'a file'))}: {error.strerror}.", None)
        return ExitCode.INCOMPLETE if error.errno in _DISKS else ExitCode.USAGE
    traceback.print_exception(error)
    _complain("this is a bug in the harness.", "Please report it with the lines above.")
    return ExitCode.INTERNAL


def _dispatch(arguments: list[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    app = make_app(words[0] if words else None)
    outcome = app(args=arguments, standalone_mode=False, prog_name="harness")
    # Some releases of typer give this code back where others raise.
    if outcome == ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    return outcome if isinstance(outcome, int) else ExitCode.OK


def _format(error: BaseException) -> str:
    message: str = error.format_message() if hasattr(error, "format_message") else str(error)
    said = " ".join(message.split()).rstrip(".")
    return said if said.endswith("?") else f"{said}."


def _shorten(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:150]}… ({len(text):,} characters)"


def _complain(message: str, hint: str | None) -> None:
    from harness.core.progress_bar import one_line

    said = f"error: {message}{f' {hint}' if hint else ''}"
    # A list of mistakes has a line for each; whatever else breaks a line came with a name.
    sys.stderr.write(_ITEM.join(one_line(part) for part in said.split(_ITEM)) + "\n")
