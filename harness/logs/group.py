"""Which logs are one task: its prompts become the variants of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.core.errors import UnknownNameError, UsageError
from harness.core.records import CLEAN, LEVELS, PERTURBED_LEVELS, Level
from harness.logs.bounded import name_of
from harness.logs.record import Log

TaskLogs = Mapping[str, tuple[Log, ...]]
"""Task -> its logs, the clean ones first."""


def of_one_model(logs: Sequence[Log], wanted: str | None) -> tuple[Log, ...]:
    """The logs of one model, each saying which.

    Args:
        logs: all that were given.
        wanted: the model; where logs do not say theirs, what it is called.

    Raises:
        UsageError: they are of several models, or no model is named.
        UnknownNameError: they are of others.
    """
    models = sorted({log.model for log in logs if log.model})
    nameless = any(not log.model for log in logs)
    if wanted is None and len(models) > 1:
        raise UsageError(
            f"the logs are of {len(models)} models: {', '.join(models)}. A run is of one.",
            hint=f"Type: --model {models[0]!r}, and import each into a run of its own.",
        )
    if wanted is None and nameless:
        raise UsageError(
            "a log does not say which model was asked.", hint="Type: --model NAME to say it."
        )
    if wanted is not None and wanted not in models and not nameless:
        raise UnknownNameError("model in these logs", wanted, models)
    name = wanted or models[0]
    return tuple(replace(log, model=name) for log in logs if log.model in ("", name))


def by_task(
    logs: Sequence[Log], *, as_variants: str | None, levels: Mapping[str, Level]
) -> dict[str, tuple[Log, ...]]:
    """The logs of each task, its clean prompts first.

    Args:
        logs: of one model.
        as_variants: all of them are prompts of one task, which is called so.
        levels: what a prompt is called -> its level; prompts that are not named are clean.

    Raises:
        UsageError: one prompt of a task stands in two logs, or a level has no one clean prompt.
        UnknownNameError: a level is given to a prompt that is not there.
    """
    if as_variants is not None:
        task = name_of(as_variants)
        if not task:
            raise UsageError("--as-variants needs a name for the task.")
        logs = _renamed([replace(log, task=task) for log in logs])
    leveled = _leveled(logs, levels)
    _check_levels(leveled)
    tasks: dict[str, list[Log]] = {}
    for log in leveled:
        tasks.setdefault(log.task, []).append(log)
    for task, own in tasks.items():
        _check(task, own, levels)
    return {task: tuple(sorted(own, key=_order)) for task, own in tasks.items()}


def parse_levels(given: Sequence[str]) -> dict[str, Level]:
    """`LEVEL=NAME`, repeated -> what a prompt is called -> its level.

    Raises:
        UsageError: a text without =, or a name that is given twice.
        UnknownNameError: no such level.
    """
    found: dict[str, Level] = {}
    known = {str(level): level for level in LEVELS}
    for text in given:
        level, equals, name = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--level {text!r} is not LEVEL=NAME, such as character=sst2_typos.")
        if level not in known:
            raise UnknownNameError("level", level, known)
        if name in found:
            raise UsageError(f"--level names {name!r} twice.", hint="Leave one of them out.")
        found[name] = known[level]
    return found


def _order(log: Log) -> int:
    return LEVELS.index(log.level or CLEAN)


def _check_levels(logs: Sequence[Log]) -> None:
    unknown = next((log for log in logs if log.level is None), None)
    if unknown is not None:
        raise UsageError(
            f"{unknown.task}: {unknown.tool}'s perturbation {unknown.name!r} is of no level that "
            "is known.",
            hint=f"Type: --level LEVEL={unknown.name.partition(' ')[0]}, where LEVEL is one of "
            f"{', '.join(PERTURBED_LEVELS)}.",
        )


def _renamed(logs: Sequence[Log]) -> list[Log]:
    """The logs, those with one name called by their files instead."""
    names = [log.name for log in logs]
    return [
        replace(log, name=name_of(log.files[0].name)) if names.count(log.name) > 1 else log
        for log in logs
    ]


def _leveled(logs: Sequence[Log], levels: Mapping[str, Level]) -> list[Log]:
    names = [_names_of(log, logs) for log in logs]
    known = dict.fromkeys(name for own in names for name in own)
    for name in levels:
        if name not in known:
            raise UnknownNameError("prompt in these logs", name, known)
    given = [[levels[name] for name in own if name in levels] for own in names]
    return [
        replace(log, level=own[0]) if own else log for log, own in zip(logs, given, strict=True)
    ]


def _names_of(log: Log, logs: Sequence[Log]) -> list[str]:
    """By what a prompt can be called: its name, the name's first word, a file of its own."""
    names = [log.name]
    if log.target != "instruction":  # a perturbation, whose parameters follow its name
        names.append(log.name.partition(" ")[0])
    if sum(other.files[0] == log.files[0] for other in logs) == 1:
        names.append(log.files[0].name)
    return names


def _check(task: str, logs: Sequence[Log], levels: Mapping[str, Level]) -> None:
    """Refuse prompts that stand there twice, and levels without one clean prompt."""
    seen: dict[str, Log] = {}
    for log in logs:
        if other := seen.get(log.name):
            raise UsageError(
                f"{other.files[0].name} and {log.files[0].name} are both of {log.name!r}.",
                hint="Give one of them; or, if they are the task under different prompts, type: "
                f"--as-variants {task}",
            )
        seen[log.name] = log
    clean = [log.name for log in logs if log.level == CLEAN]
    perturbed = [log.name for log in logs if log.level != CLEAN]
    if perturbed and len(clean) != 1:
        raise UsageError(
            f"{task}: {perturbed[0]!r} is perturbed, and {_clean(clean)} could be what it is made "
            "of: a task with levels has one clean prompt.",
            hint="Type: --as-variants TASK and --level LEVEL=NAME for every other prompt.",
        )


def _clean(names: Sequence[str]) -> str:
    return f"each of {', '.join(names)}" if names else "no clean prompt"
