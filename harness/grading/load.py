"""Graders of plug-in files, added to those by entry point."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.plugin_file import plugin_error, run_plugin
from harness.grading.plugin import FUNCTIONS
from harness.grading.spec import GRADERS


def load_graders(path: Path) -> tuple[str, ...]:
    """Register the graders of a Python file, which lists them in `GRADERS`: name -> function.

    The file is run, as any import is. Loading the same file again changes nothing, and a file that
    adds perturbations alone adds none.

    Returns:
        The names of the file's graders.

    Raises:
        UsageError: no such file, it fails, lists no functions, or takes a name in use.
    """
    listed = getattr(run_plugin(path), "GRADERS", {})
    if not isinstance(listed, Mapping):
        raise plugin_error(path, TypeError("GRADERS is no mapping"))
    for name, function in listed.items():
        if not callable(function) or not isinstance(name, str):
            raise UsageError(f"{path}: an entry of GRADERS, {name!r}, is no name with a function.")
        if name in GRADERS or (name in FUNCTIONS and FUNCTIONS.get(name) is not function):
            raise UsageError(
                f"{path}: there is a grader {name!r} already.", hint="Give it another name."
            )
        if name not in FUNCTIONS:
            FUNCTIONS.add(name, function)
    return tuple(listed)
