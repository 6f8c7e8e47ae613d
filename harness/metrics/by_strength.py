"""Groups of graded noise at each of several strengths, and their records as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.core.records import STRENGTH_NAMES, StrengthName, in_level_order
from harness.metrics.grid import Grid, Group
from harness.results.summary import GroupStats


def group_by_strength(
    grid: Grid, strengths: Sequence[str]
) -> tuple[dict[str, Group], dict[str, Group]]:
    """The graded cells of levels and of perturbations, under `strength name`."""
    rows = zip(grid.levels, grid.perturbations, grid.strengths, strict=True)
    graded = [(level, name) for level, name, strength in rows if strength]
    levels = {
        f"{strength} {level}": grid.group(grid.rows(level=level, strength=strength))
        for level in in_level_order(level for level, _ in graded)
        for strength in strengths
    }
    names = {
        f"{strength} {name}": grid.group(grid.rows(perturbation=name, strength=strength))
        for name in sorted({name for _, name in graded})
        for strength in strengths
    }
    return _there(levels), _there(names)


def by_strength(groups: Mapping[str, GroupStats]) -> dict[str, dict[StrengthName, GroupStats]]:
    """`low word` as `word` -> `low`, the weakest first."""
    curves: dict[str, dict[StrengthName, GroupStats]] = {}
    keys = [(name, strength) for key in groups for strength, _, name in [key.partition(" ")]]
    for name in in_level_order(name for name, _ in keys):
        curves[name] = {
            strength: groups[f"{strength} {name}"]
            for strength in STRENGTH_NAMES
            if (name, strength) in keys
        }
    return curves


def _there(groups: Mapping[str, Group | None]) -> dict[str, Group]:
    return {key: group for key, group in groups.items() if group is not None}
