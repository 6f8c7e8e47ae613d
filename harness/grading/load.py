"""Graders of plug-in files, added to those by entry point."""

from __future__ import annotations

from pathlib import Path

from harness.core.plugin_file import add_functions
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
    return add_functions(path, "GRADERS", FUNCTIONS, taken=GRADERS)
