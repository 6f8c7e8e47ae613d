"""What runs are called where several stand beside each other: as their models, told apart."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

_OF_MODEL: Final = ("base", "dtype", "device")
"""What tells two loads of one model apart, beside what its name says."""
_OPTIONS: Final = (
    "revision", "scorers", "placement", "few_shot", "target", "temperature", "repeats", "strength",
    "seed",
)  # fmt: skip
"""Options whose values tell two runs of one model apart in a word; files and sizes do not."""

_BACKEND: Final = re.compile(r"([\w.-]+:)?(.*)", re.DOTALL)
"""What stands before a path where something else than this engine runs the model."""


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
    """A name for each run, all different: its model's, and what else tells it from the others.

    Runs of one model are told apart by what differs between them (base, dtype, an option); where
    nothing does, by their folders, which stand alone where all runs are of that model.
    """
    names = short_names([_model(run) for run in runs])
    places: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        places[name].append(place)
    for name, own in places.items():
        if len(own) > 1:
            same = [runs[place] for place in own]
            told = _differences(same)
            folders = short_names([str(run.path.resolve()) for run in same])
            if told is None and len(own) == len(runs):
                return folders
            for place, apart in zip(own, told or folders, strict=True):
                names[place] = f"{name} ({apart})"
    return names


def short_names(names: Sequence[str]) -> list[str]:
    """Of each path as many last folders as tell it from the others; equal paths stay equal.

    Example:
        >>> short_names(["/models/start", "a/sft/ckpt", "a/coin/ckpt"])
        ['start', 'sft/ckpt', 'coin/ckpt']
    """
    paths = [_folders(name) for name in names]
    return [_shortest(path, [other for other in paths if other != path]) for path in paths]


def _shortest(path: Sequence[str], others: Sequence[Sequence[str]]) -> str:
    for depth in range(1, len(path)):
        if all(other[-depth:] != path[-depth:] for other in others):
            return "/".join(path[-depth:])
    return "/".join(path)


def _model(run: Named) -> str:
    """The model's name; of one that lay in a folder, its whole path."""
    model = run.manifest.get("model")
    if not isinstance(model, Mapping) or model.get("name") is None:
        return run.path.resolve().name
    name, path = str(model["name"]), str(model.get("path") or "")
    typed, places = Path(name).parts, Path(path)
    is_local = bool(typed) and places.is_absolute() and places.parts[-len(typed) :] == typed
    return path if is_local else name


def _folders(name: str) -> list[str]:
    # One slash alone may be that of a hub id, whose owner says as much as the name.
    name = name.rstrip("/")
    if "://" in name or name.count("/") < 2:
        return [name]
    backend, path = _BACKEND.fullmatch(name).groups()  # type: ignore[union-attr]
    *folders, last = path.split("/")
    return [*folders, f"{backend or ''}{last}"]


def _differences(runs: Sequence[Named]) -> list[str] | None:
    """What differs between runs of one model: the first thing that tells all of them apart."""
    facts = [dict(_facts(run)) for run in runs]
    differing = [key for key in facts[0] if len({one[key] for one in facts}) > 1]
    for keys in (*([key] for key in differing), differing):
        told = [", ".join(_say(key, one[key]) for key in keys) for one in facts]
        if len(set(told)) == len(told):
            return told
    return None


def _facts(run: Named) -> Iterator[tuple[str, str]]:
    """Name and value of what a run's answers hang on, beside the model's own name."""
    model, config = run.manifest.get("model"), run.manifest.get("config")
    for key in _OF_MODEL:
        yield key, _text(model.get(key) if isinstance(model, Mapping) else None)
    yield "prompt_format", _text(run.manifest.get("prompt_format"))
    for key in _OPTIONS:
        yield key, _text(config.get(key) if isinstance(config, Mapping) else None)


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return "+".join(map(str, value))
    return "" if value is None else str(value)


def _say(key: str, value: str) -> str:
    words = key.replace("_", " ")
    return f"{words} {value}" if value else f"no {words}"
