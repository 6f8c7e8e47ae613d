"""What the shell completes: names that the harness knows, looked up when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

Completer = Callable[[str], list[str]]


def complete_from(names: Callable[[], Iterable[str]]) -> Completer:
    """Make a completer of one name, or of the last of a list with commas."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in names() if name.startswith(last)]

    return complete


def list_levels() -> list[str]:
    """Every level, and `all`."""
    from harness.core.records import LEVELS

    return ["all", *LEVELS]


def list_scorers() -> list[str]:
    """Every scorer, and `all`."""
    from harness.core.records import SCORERS

    return ["all", *SCORERS]


def list_strengths() -> list[str]:
    """Every strength of noise."""
    from harness.core.records import STRENGTH_NAMES

    return [*STRENGTH_NAMES]


def list_tasks() -> list[str]:
    """Every shipped task."""
    from harness.tasks.suites import task_names

    return sorted(task_names())


def list_suites() -> list[str]:
    """Every shipped suite."""
    from harness.tasks.suites import suite_names

    return sorted(suite_names())


def list_perturbations() -> list[str]:
    """Every perturbation, and `all`."""
    from perturbations import REGISTRY

    return ["all", *REGISTRY.names()]


def list_recipes() -> list[str]:
    """Every recipe of `harness attack`."""
    from perturbations.search.recipes import RECIPES

    return RECIPES.names()


def complete_model(incomplete: str) -> list[str]:
    """Make a model's name whole: a bundled one, a backend or server's prefix, or a path."""
    from harness.models.backends import BACKENDS
    from harness.models.loading.bundled import BUNDLED
    from harness.models.servers.address import PREFIX

    backends = [f"{name}:" for name in BACKENDS.names()]
    backend = next((one for one in backends if incomplete.startswith(one)), "")
    rest = incomplete.removeprefix(backend)
    names = [*BUNDLED, *(() if backend else (*backends, PREFIX)), *_model_paths(rest)]
    return [f"{backend}{name}" for name in names if name.startswith(rest)]


def _model_paths(begun: str) -> list[str]:
    """Folders and GGUF files whose path begins so; the shell does not look where we answer."""
    folder, name = os.path.split(begun)
    try:
        inside = sorted(Path(folder or ".").expanduser().iterdir())
    except OSError:
        return []
    hidden = not name.startswith(".")
    shown = [path for path in inside if not (hidden and path.name.startswith("."))]
    fit = (path for path in shown if path.is_dir() or path.suffix == ".gguf")
    before = begun.removesuffix(name)
    return [f"{before}{path.name}{'/' * path.is_dir()}" for path in fit]


def list_kinds() -> list[str]:
    """What `harness list` lists."""
    from harness.cli.listing import KINDS

    return list(KINDS)


COMPLETERS: dict[str, Completer] = {
    "model": complete_model,
    "base": complete_model,
    "reworder": complete_model,
    "paraphrase_with": complete_model,
    "suite": complete_from(list_suites),
    "task": complete_from(list_tasks),
    "tasks": complete_from(list_tasks),
    "levels": complete_from(list_levels),
    "scorers": complete_from(list_scorers),
    "strength": complete_from(list_strengths),
    "perturbations": complete_from(list_perturbations),
    "recipe": complete_from(list_recipes),
    "kind": complete_from(list_kinds),
}
"""Option or argument -> what completes it."""
