"""What runs are called where several stand beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class Named(Protocol):
    """What is read of a run to call it."""

    @property
    def path(self) -> Path:
        """The run directory."""
        ...

    @property
    def manifest(self) -> Mapping[str, Any]:
        """run.json."""
        ...


def run_names(runs: Sequence[Named]) -> list[str]:
    """A short name for each run, all different: the model's, or else the folder's.

    Of a model's path only as many last folders are kept as tell the runs apart.
    """
    models = [_model(run) for run in runs]
    paths = [_folders(name) for name in models]
    for depth in range(1, max(map(len, paths), default=0) + 1):
        names = _ends(paths, depth)
        if len(set(names)) == len(names):
            return names
    paths = [list(run.path.resolve().parts) for run in runs]
    folders = next(
        (one for depth in (1, 2) if len(set(one := _ends(paths, depth))) == len(one)), None
    )
    return folders or [f"{name} ({run.path})" for name, run in zip(models, runs, strict=True)]


def _ends(paths: Sequence[Sequence[str]], depth: int) -> list[str]:
    return ["/".join(path[-depth:]) for path in paths]


def _model(run: Named) -> str:
    model = run.manifest.get("model")
    name = model.get("name") if isinstance(model, Mapping) else None
    return run.path.resolve().name if name is None else str(name)


def _folders(name: str) -> list[str]:
    # One slash alone may be that of a hub id, whose owner says as much as the name.
    return name.rstrip("/").split("/") if name.count("/") > 1 else [name]
