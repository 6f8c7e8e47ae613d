"""Which perturbations a command applies: by level, by name, stacked, or from plug-ins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from harness.core.records import PERTURBED_LEVELS, LeftOut, Level, StrengthName, Target
from harness.tasks.sources import data_dir_from_environment
from perturbations import Selection, load_plugin, select
from perturbations.core_set import CORE, is_core
from perturbations.resources import install_line

WHOLE_CATALOGUE: Final = "all"


def choose_perturbations(
    *,
    levels: Sequence[Level] | None,
    names: Sequence[str],
    stacks: Sequence[str],
    plugins: Sequence[str] = (),
    target: Target = "instruction",
    data_dir: Path | None = None,
    strengths: Sequence[StrengthName] = ("medium",),
) -> Selection:
    """Choose the perturbations to apply; `run`, `perturb`, `pairs` and `attack` all choose so.

    A level stands for its core set, for what arranges the options of a choice (which changes tasks
    that have options alone), and for the plug-ins' perturbations of that level; with `all` among
    the names, for the whole catalogue. Without levels, names and stacks choose alone, and
    every level where there are none.

    Args:
        levels: the levels to perturb at; None for the default.
        names: perturbations by name; `all` for the catalogue.
        stacks: compositions such as `keyboard+politeness`.
        plugins: Python files with perturbations of the user's own.
        target: what is perturbed.
        data_dir: the data folder; default: HARNESS_DATA_DIR.
        strengths: how many words noise changes, and how much; one or several.

    Returns:
        The perturbations, bound to the data folder, and a record of each that was asked for by
        its level and cannot be applied here.

    Raises:
        UnknownNameError: a name that does not exist.
        UsageError: a named perturbation that cannot be applied here, or a bad plug-in.
    """
    added = {plugin.name for path in plugins for plugin in load_plugin(Path(path))}
    named = [name for name in names if name != WHOLE_CATALOGUE]
    whole = len(named) < len(names)
    if levels is None:
        levels = () if (named or stacks) and not whole else PERTURBED_LEVELS
    found = select(
        levels=levels,
        names=named,
        stacks=stacks,
        target=target,
        data_dir=data_dir or data_dir_from_environment(),
        strengths=strengths,
    )
    if whole:
        return found
    asked = {*added, *named, *stacks}
    return Selection(
        tuple(
            one
            for one in found.perturbations
            if is_core(one.name) or one.arrange or one.name in asked
        ),
        tuple(one for one in found.left_out if is_core(one.name) or one.name in asked),
    )


def describe_left_out(left_out: Sequence[LeftOut]) -> Iterator[str]:
    """Say what was left out and what to type to have it: one sentence per level and cause."""
    in_order = sorted(left_out, key=_cause)
    for (_, reason, need), group in groupby(in_order, key=_cause):
        members = list(group)
        level = members[0].level
        names = ", ".join(one.name for one in members)
        core = [one for one in members if is_core(one.name)]
        of_core = (
            f" of its {len(CORE[level])} core perturbations" if len(core) == len(members) else ""
        )
        yield f"level {level} lacks {len(members)}{of_core} ({names}): {_why(reason, need)}"


def _cause(one: LeftOut) -> tuple[int, str, str]:
    return PERTURBED_LEVELS.index(one.level), one.reason, one.need


def _why(reason: str, need: str) -> str:
    if reason == "package":
        return f"the package {need!r} is not installed. Type: {install_line(need)}"
    if reason == "data":
        return f"no data folder holds {need!r}. Type: --data-dir FOLDER (or set HARNESS_DATA_DIR)."
    if reason == "language":
        return f"they are made for {need}, and an instruction is written in another language."
    return f"they rewrite instructions, and the target is {need!r}."
