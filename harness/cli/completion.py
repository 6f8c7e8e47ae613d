"""What the shell completes: names that the harness knows, looked up when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable

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


def list_models() -> list[str]:
    """The bundled models."""
    from harness.models.loading.bundled import BUNDLED

    return list(BUNDLED)


def list_kinds() -> list[str]:
    """What `harness list` lists."""
    from harness.cli.listing import KINDS

    return list(KINDS)


COMPLETERS: dict[str, Completer] = {
    "model": complete_from(list_models),
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
