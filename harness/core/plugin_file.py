"""A user's Python file that adds to a registry: perturbations, graders or both (`--plugin`)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

from harness.core.errors import UsageError
from harness.core.records import stable_id

_PARTS: Final = ("PERTURBATIONS", "GRADERS")
"""What a plug-in may define; each is read by the room that it adds to."""


def run_plugin(path: Path) -> ModuleType:
    """The module of a plug-in file. It is run as any import is, once per process.

    Raises:
        UsageError: no such file, it fails, or defines nothing that a plug-in is for.
    """
    if not path.is_file():
        raise UsageError(f"plug-in not found: {path}.", hint="Give the path of a Python file.")
    name = f"harness_plugin_{stable_id(path.resolve())}"
    if name not in sys.modules:
        sys.modules[name] = _import(path, name)
    return sys.modules[name]


def plugin_error(path: Path, error: Exception) -> UsageError:
    """The error of a plug-in file that fails, or whose parts are not what they should be."""
    return UsageError(
        f"{path}: the plug-in cannot be loaded: {type(error).__name__}: {error}.",
        hint="It must define PERTURBATIONS, a sequence of perturbations.Perturbation, or GRADERS, "
        "a mapping of names to functions.",
    )


def _import(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: not a Python file.", hint="A plug-in ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses of the file look their module up while it runs
    try:
        spec.loader.exec_module(module)
        _check_parts(module)
    except Exception as error:
        del sys.modules[name]
        raise plugin_error(path, error) from error
    return module


def _check_parts(module: ModuleType) -> None:
    if not any(hasattr(module, part) for part in _PARTS):
        raise AttributeError(f"neither {' nor '.join(_PARTS)} is defined")
