"""Which perturbations a command applies: by level, by name, stacked, or from plug-ins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.core.records import PERTURBED_LEVELS, Level, Target
from perturbations import Selection, load_plugin, select
from perturbations.core_set import is_core

WHOLE_CATALOGUE = "all"


def choose_perturbations(
    *,
    levels: Sequence[Level] | None,
    names: Sequence[str],
    stacks: Sequence[str],
    plugins: Sequence[str] = (),
    target: Target = "instruction",
    data_dir: Path | None = None,
) -> Selection:
    """The perturbations to apply, and notes on what had to be left out.

    A level stands for its core set and for the plug-ins' perturbations of that level; with `all`
    among the names, for the whole catalogue. Without levels, names and stacks choose alone, and
    every level where there are none.

    Raises:
        UnknownNameError: a name that does not exist.
        UsageError: a named perturbation that cannot be applied here, or a bad plug-in.
    """
    added = {own.name for path in plugins for own in load_plugin(Path(path))}
    named = [name for name in names if name != WHOLE_CATALOGUE]
    whole = len(named) < len(names)
    if levels is None:
        levels = () if (named or stacks) and not whole else PERTURBED_LEVELS
    found = select(levels=levels, names=named, stacks=stacks, target=target, data_dir=data_dir)
    if whole:
        return found
    kept = tuple(
        one
        for one in found.perturbations
        if is_core(one.name) or one.name in {*added, *named, *stacks}
    )
    notes = tuple(note for note in found.notes if is_core(note.split()[0]))
    return Selection(kept, notes)
