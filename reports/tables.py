"""The summary's numbers as rows: by level, by task and level, by perturbation, by scorer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core.records import CLEAN, LEVELS
from reports.measures_view import Group, Reading, read_group
from reports.source import Run, confidence_of, number_at, section, text_at, texts_at


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task: what guessing gives, and its levels."""

    name: str
    description: str
    labels: tuple[str, ...]
    chance: float | None
    above_chance: bool
    levels: Mapping[str, Group]

    @property
    def clean(self) -> Group | None:
        """The clean instructions' measures."""
        return self.levels.get(CLEAN)


@dataclass(frozen=True, slots=True)
class PerturbationRow:
    """One perturbation over all tasks."""

    name: str
    level: str
    group: Group


@dataclass(frozen=True, slots=True)
class Tables:
    """Every number of one run's summary, shaped."""

    levels: Mapping[str, Group]
    tasks: tuple[TaskRow, ...]
    perturbations: tuple[PerturbationRow, ...]
    """Worst first."""
    scorers: Mapping[str, Mapping[str, Group]]
    """Scorer -> level -> measures, where more than one scored the run."""

    @property
    def chance(self) -> float | None:
        """Accuracy of guessing, averaged over tasks as the levels are."""
        chances = [task.chance for task in self.tasks if task.chance is not None]
        return sum(chances) / len(chances) if chances else None

    @property
    def judged(self) -> bool:
        """Whether any task's clean accuracy is above chance."""
        return not self.tasks or any(task.above_chance for task in self.tasks)


def build_tables(run: Run) -> Tables:
    """The tables of a run's summary."""
    tasks = tuple(
        _task_row(name, section(section(run.summary, "tasks"), name), run)
        for name in section(run.summary, "tasks")
    )
    judged = not tasks or any(task.above_chance for task in tasks)
    return Tables(
        levels=_groups(run, section(run.summary, "levels"), above_chance=judged),
        tasks=tasks,
        perturbations=_perturbation_rows(run, above_chance=judged),
        scorers={
            name: _groups(run, section(scorer, "levels"), above_chance=judged)
            for name, scorer in section(run.summary, "scorers").items()
            if isinstance(scorer, Mapping)
        },
    )


def in_level_order(names: Sequence[str]) -> list[str]:
    """Level names from clean to semantic, unknown ones last."""
    known = [level for level in LEVELS if level in names]
    return [*known, *(name for name in names if name not in known)]


def perturbation_levels(run: Run) -> dict[str, str]:
    """Perturbation -> level, for every perturbation of the run but "clean"."""
    if run.variants.empty:
        return {}
    pairs = run.variants[["perturbation", "level"]].drop_duplicates()
    found = dict(zip(map(str, pairs["perturbation"]), map(str, pairs["level"]), strict=True))
    return {name: level for name, level in found.items() if level != CLEAN}


def _task_row(name: str, summary: Mapping[str, object], run: Run) -> TaskRow:
    above_chance = summary.get("above_chance") is not False
    return TaskRow(
        name=name,
        description=text_at(section(section(run.manifest, "tasks"), name), "description"),
        labels=texts_at(summary, "labels"),
        chance=number_at(summary, "chance"),
        above_chance=above_chance,
        levels=_groups(run, section(summary, "levels"), above_chance=above_chance),
    )


def _groups(run: Run, levels: Mapping[str, object], *, above_chance: bool) -> dict[str, Group]:
    return {
        level: read_group(
            section(levels, level),
            is_clean=level == CLEAN,
            above_chance=above_chance,
            confidence=confidence_of(run),
        )
        for level in in_level_order(list(levels))
    }


def _perturbation_rows(run: Run, *, above_chance: bool) -> tuple[PerturbationRow, ...]:
    groups = section(run.summary, "perturbations")
    rows = [
        PerturbationRow(
            name=name,
            level=level,
            group=read_group(
                section(groups, name),
                is_clean=False,
                above_chance=above_chance,
                confidence=confidence_of(run),
            ),
        )
        for name, level in perturbation_levels(run).items()
        if name in groups
    ]
    return tuple(sorted(rows, key=lambda row: (-_drop(row.group), row.name)))


def _drop(group: Group) -> float:
    return group.drop.value if group.drop else float("-inf")


def clear_drops(levels: Mapping[str, Group]) -> list[tuple[str, Group]]:
    """The levels whose drop is clear, the largest first."""
    clear = [item for item in levels.items() if item[1].reading is Reading.CLEAR_DROP]
    return sorted(clear, key=lambda item: -_drop(item[1]))


def largest_drop(levels: Mapping[str, Group]) -> tuple[str, Group] | None:
    """The perturbed level with the largest drop, clear or not."""
    measured = [(name, group) for name, group in levels.items() if group.drop and name != CLEAN]
    return max(measured, key=lambda item: _drop(item[1]), default=None)
