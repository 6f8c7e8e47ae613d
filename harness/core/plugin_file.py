"""A user's Python file that adds to registries: perturbations, graders, metrics (`--plugin`)."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

from harness.core.errors import UsageError
from harness.core.records import stable_id
from harness.core.registry import Registry

F = TypeVar("F", bound=Callable[..., Any])

_PARTS: Final = ("PERTURBATIONS", "GRADERS", "METRICS")
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


def adds_only(path: Path, part: str) -> bool:
    """Whether a plug-in file defines this part, such as `METRICS`, and no other.

    Raises:
        UsageError: no such file, it fails, or defines nothing that a plug-in is for.
    """
    module = run_plugin(path)
    return [one for one in _PARTS if hasattr(module, one)] == [part]


def plugin_error(path: Path, error: BaseException) -> UsageError:
    """The error of a plug-in file that fails, or whose parts are not what they should be."""
    return UsageError(
        f"{path}: the plug-in cannot be loaded: {type(error).__name__}: {error}.",
        hint="It must define PERTURBATIONS, a sequence of perturbations.Perturbation, or GRADERS "
        "or METRICS, mappings of names to functions.",
    )


def add_functions(
    path: Path, part: str, registry: Registry[F], *, taken: Container[str] = ()
) -> tuple[str, ...]:
    """Register the functions that a plug-in file lists, name -> function; twice changes nothing.

    Args:
        path: the file, which is run as any import is.
        part: what it lists them in, such as `GRADERS`; a file without it adds none.
        registry: where they are found by name.
        taken: names of things that are shipped.

    Returns:
        The names of the file's functions.

    Raises:
        UsageError: no such file, it fails, lists no functions, or takes a name in use.
    """
    listed = getattr(run_plugin(path), part, {})
    if not isinstance(listed, Mapping):
        raise plugin_error(path, TypeError(f"{part} is no mapping"))
    for name, function in listed.items():
        if not callable(function) or not isinstance(name, str) or not name.strip():
            raise UsageError(f"{path}: an entry of {part}, {name!r}, is no name with a function.")
        if name in taken or (name in registry and registry.get(name) is not function):
            raise UsageError(
                f"{path}: there is a {registry.kind} {name!r} already.",
                hint="Give it another name.",
            )
        if name not in registry:
            registry.add(name, function)
    return tuple(listed)


def _import(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: not a Python file.", hint="A plug-in ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses of the file look their module up while it runs
    try:
        spec.loader.exec_module(module)
        _check_parts(module)
    except (Exception, SystemExit) as error:  # a script's exit() would end the command unsaid
        del sys.modules[name]
        raise plugin_error(path, error) from error
    return module


def _check_parts(module: ModuleType) -> None:
    if not any(hasattr(module, part) for part in _PARTS):
        raise AttributeError(f"neither {' nor '.join(_PARTS)} is defined")
