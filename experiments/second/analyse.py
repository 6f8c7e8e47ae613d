"""What the finished cells say; also of a part of them, and what is missing.

python experiments/second/analyse.py experiments/second/small.yaml --out runs/second/small

A contrast is one arm less another on the same cells, over the four perturbed levels alike. Of a
task and a seed it is a difference of means; of a task, the mean over seeds; of the experiment, the
mean over tasks. Its variance is the sum of two parts: of examples and instructions, drawn anew for
all seeds at once (the two-way variance of `harness compare`), and of seeds, which draw start, rows
and instructions anew. Over tasks, it is that of the tasks' own means, which holds both parts and
what tasks differ by. Every interval is at 1 - .05 / m for the m contrasts of the form, whether they
are finished or not (Bonferroni): with fewer cells nothing becomes easier.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from cells import SCORERS, Cell, Place, all_cells
from form import START, Contrast, Form, read_form
from scipy.stats import t as student

from harness.comparison import run_data
from harness.comparison.alignment import align_runs
from harness.core.errors import HarnessError, NothingToEvaluateError, UsageError
from harness.core.records import CLEAN
from harness.metrics.grid import Grid, Group
from harness.metrics.measures import get_measure
from harness.results.rundir import load_run
from harness.stats.arrays import Floats, Integers
from harness.stats.estimate import Estimate
from harness.stats.twoway import Influence, estimate, linear

CLEAN_LEVEL, PERTURBED = "clean", "four levels"
GAIN, LOSS, BOUND = 0.025, -0.01, 0.005
"""What counts as a gain, as no loss, and as no difference; PROTOCOL.md."""
TAUGHT = 0.1
"""How far the start must be above one constant answer for its task to count; PROTOCOL.md."""


@dataclass(frozen=True)
class OfTask:
    """A contrast on one task."""

    value: float
    variance: float
    """Of examples, instructions and seeds."""
    seeds: dict[int, float]
    """Seed -> its own difference."""
    df: float


@dataclass(frozen=True)
class Found:
    """A contrast over the tasks that have it."""

    after: str
    before: str
    scorer: str
    level: str
    value: float
    interval: tuple[float, float]
    """For these tasks: examples, instructions and seeds are drawn anew."""
    over_tasks: tuple[float, float] | None
    """For other tasks, too; None of fewer than two."""
    tasks: dict[str, float]
    worst: float
    """Difference of the worst instruction's accuracy, mean over tasks."""
    consistency: float
    missing: tuple[str, ...]
    """Cells that the contrast lacks."""
    untaught: dict[str, float]
    """Tasks that are left out as the start cannot do them -> the contrast there."""

    @property
    def is_whole(self) -> bool:
        """Whether all its cells are there: only then is it a result."""
        return not self.missing


def main(arguments: list[str] | None = None) -> int:
    """Write OUT/analysis.TEST.json and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--test", default="others", choices=("others", "published"))
    options = parser.parse_args(arguments)
    try:
        form = read_form(options.config)
        if not options.out.is_dir():
            raise UsageError(f"{options.out} is no folder: no cell was run there.")
        place = Place(form, Path(), options.out)
        found = analyse(place, options.test)
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    content = {
        "margins": margins(place),
        "contrasts": [asdict(one) for one in found],
        "verdict": verdict(form, found),
    }
    text = json.dumps(content, indent=2)
    (options.out / f"analysis.{options.test}.json").write_text(f"{text}\n", encoding="utf-8")
    sys.stdout.write("\n".join(_lines(place, found)) + "\n")
    return 0


def analyse(place: Place, test: str = "others") -> list[Found]:
    """Every contrast of the form that has a cell, by scorer and level."""
    found = []
    taught = {task: margin >= TAUGHT for task, margin in margins(place).items()}
    for scorer in SCORERS:
        for level in (PERTURBED, CLEAN_LEVEL):
            for contrast in place.form.contrasts:
                one = _contrast(place, test, contrast, scorer, level, taught)
                found += [one] if one is not None else []
    return found


def margins(place: Place) -> dict[str, float]:
    """How far the start is above what needs no model, by task, as far as starts are tested.

    The start's clean accuracy (`loglik`, instructions by others) less the larger of chance and the
    most frequent label's share, mean over seeds.
    """
    found: dict[str, list[float]] = {}
    for cell in all_cells(place.form):
        if cell.arm == START and _has(place, cell, "others"):
            found.setdefault(cell.task, []).append(_margin(place, cell))
    return {task: float(np.mean(values)) for task, values in found.items()}


def _margin(place: Place, cell: Cell) -> float:
    task = load_run(place.run(cell, "others")).summary.tasks[cell.task]
    clean = task.levels[CLEAN].accuracy
    if clean is None:
        raise NothingToEvaluateError(f"{cell.name}: its test has no clean cell.")
    return clean.value - max(task.chance, task.largest_gold_share or 0.0)


def verdict(form: Form, found: Sequence[Found]) -> str:
    """What the protocol's rule says of the primary contrast."""
    by = {(one.scorer, one.level): one for one in found if (one.after, one.before) == form.primary}
    main_one, clean = by.get(("loglik", PERTURBED)), by.get(("loglik", CLEAN_LEVEL))
    if main_one is None or clean is None or not main_one.is_whole:
        return "undecided: cells are missing"
    if main_one.over_tasks is None:
        return "undecided: one task says nothing of others"
    gained = main_one.value >= GAIN and main_one.over_tasks[0] > 0
    kept = clean.value >= LOSS and main_one.worst > 0 and main_one.consistency > 0
    return "reached" if gained and kept else "not reached"


def _contrast(
    place: Place,
    test: str,
    contrast: Contrast,
    scorer: str,
    level: str,
    taught: Mapping[str, bool],
) -> Found | None:
    names = [one for one in place.form.tasks if test == "others" or one in place.form.published]
    parts = {task: _part(place, test, contrast, task, scorer, level) for task in names}
    known = {task: part.contrast for task, part in parts.items() if part.contrast is not None}
    tasks = {task: one for task, one in known.items() if taught.get(task, True)}
    if not tasks:
        return None
    counted = [part for task, part in parts.items() if taught.get(task, True)]
    value = float(np.mean([one.value for one in tasks.values()]))
    return Found(
        after=contrast[0],
        before=contrast[1],
        scorer=scorer,
        level=level,
        value=value,
        interval=_fixed_interval(list(tasks.values()), value, len(place.form.contrasts)),
        over_tasks=_task_interval(list(tasks.values()), value, len(place.form.contrasts)),
        tasks={task: one.value for task, one in tasks.items()},
        worst=float(np.mean([parts[task].worst for task in tasks])),
        consistency=float(np.mean([parts[task].consistency for task in tasks])),
        missing=tuple(name for part in counted for name in part.missing),
        untaught={task: one.value for task, one in known.items() if task not in tasks},
    )


@dataclass(frozen=True)
class _Part:
    """A contrast on one task, as far as its cells are there."""

    contrast: OfTask | None
    worst: float
    consistency: float
    missing: tuple[str, ...]


def _part(place: Place, test: str, contrast: Contrast, task: str, scorer: str, level: str) -> _Part:
    """What a task says, and what it lacks: its starts, too, which decide whether it counts."""
    groups: dict[int, tuple[Group, Group]] = {}
    missing: list[str] = []
    for seed in place.form.seeds:
        after, before = (Cell(arm, task, seed) for arm in contrast)
        lacking = [cell.name for cell in (after, before) if not _has(place, cell, test)]
        if not lacking:
            groups[seed] = _groups(place, test, (after, before), scorer, level)
        start = Cell(START, task, seed)
        if not _has(place, start, "others"):
            lacking = list(dict.fromkeys([*lacking, start.name]))
        missing += lacking
    return _Part(
        _of_task(groups) if groups else None,
        _mean_of(groups, "worst_prompt_accuracy") if groups else float("nan"),
        _mean_of(groups, "consistency") if groups else float("nan"),
        tuple(missing),
    )


def _has(place: Place, cell: Cell, test: str) -> bool:
    return (place.run(cell, test) / "summary.json").exists()


def _groups(
    place: Place, test: str, cells: tuple[Cell, Cell], scorer: str, level: str
) -> tuple[Group, Group]:
    """The shared cells of two runs at a level."""
    runs = [run_data(load_run(place.run(cell, test)), name=cell.name) for cell in cells]
    grids = align_runs(runs, scorer=scorer).grids[cells[0].task]
    after, before = (grid.group(_rows(grid, level)) for grid in grids)
    if after is None or before is None:
        raise NothingToEvaluateError(f"{cells[0].name} and {cells[1].name} share no {level} cell.")
    return after, before


def _rows(grid: Grid, level: str) -> Integers:
    clean = grid.rows(level=CLEAN)
    if level == CLEAN_LEVEL:
        return clean
    return np.setdiff1d(np.arange(len(grid.variants)), clean).astype(np.int64)


def _of_task(groups: dict[int, tuple[Group, Group]]) -> OfTask:
    """The mean over seeds, whose examples and instructions are the same and drawn anew at once."""
    seeds = {seed: _difference([pair]).value for seed, pair in groups.items()}
    whole = _difference(list(groups.values()))
    luck = float(np.var(list(seeds.values()), ddof=1)) / len(seeds) if len(seeds) > 1 else 0.0
    # Of seeds alone there are n - 1 degrees; Satterthwaite's formula puts both parts together.
    parts = [(whole.variance, whole.df), (luck, max(1, len(seeds) - 1))]
    return OfTask(whole.value, whole.variance + luck, seeds, _satterthwaite(parts))


def _difference(pairs: Sequence[tuple[Group, Group]]) -> Estimate:
    terms = []
    for after, before in pairs:
        terms.append((1 / len(pairs), _influence(after, "accuracy")))
        terms.append((-1 / len(pairs), _influence(before, "accuracy")))
    known = [(slope, one) for slope, one in terms if one is not None]
    value = sum(slope * one.value for slope, one in known)
    return estimate(linear(value, known), pairs[0][0].families, kind="difference")


def _mean_of(groups: dict[int, tuple[Group, Group]], metric: str) -> float:
    return float(np.mean([_gap(pair, metric) for pair in groups.values()]))


def _gap(pair: tuple[Group, Group], metric: str) -> float:
    if metric == "worst_prompt_accuracy":
        after, before = (_by_instruction(group).min() for group in pair)
        return float(after - before)
    after, before = (_influence(group, metric) for group in pair)
    return float("nan") if after is None or before is None else after.value - before.value


def _influence(group: Group, metric: str) -> Influence | None:
    """A metric's value with what each cell does for it; None where no cell says anything."""
    influence_of = get_measure(metric).influence
    if influence_of is None:
        raise ValueError(f"{metric} is no mean over cells")
    return influence_of(group)


def _by_instruction(group: Group) -> Floats:
    """Accuracy of each instruction over its variants."""
    codes = np.unique(group.families)
    return np.array(
        [
            group.score[group.families == code][group.present[group.families == code]].mean()
            for code in codes
        ]
    )


def _fixed_interval(tasks: Sequence[OfTask], value: float, contrasts: int) -> tuple[float, float]:
    variance = sum(one.variance for one in tasks) / len(tasks) ** 2
    df = _satterthwaite([(one.variance, one.df) for one in tasks])
    return _interval(value, variance, df, contrasts)


def _task_interval(
    tasks: Sequence[OfTask], value: float, contrasts: int
) -> tuple[float, float] | None:
    if len(tasks) < 2:
        return None
    variance = float(np.var([one.value for one in tasks], ddof=1)) / len(tasks)
    return _interval(value, variance, len(tasks) - 1, contrasts)


def _satterthwaite(parts: Sequence[tuple[float, float]]) -> float:
    total = sum(variance for variance, _ in parts)
    below = sum(variance**2 / df for variance, df in parts)
    return total**2 / below if below else 1.0


def _interval(value: float, variance: float, df: float, contrasts: int) -> tuple[float, float]:
    half = float(student.ppf(1 - 0.05 / contrasts / 2, df)) * variance**0.5
    return value - half, value + half


def _lines(place: Place, found: Sequence[Found]) -> list[str]:
    cells = all_cells(place.form)
    left = [one.name for one in cells if not place.is_done(one)]
    lines = [
        f"{len(cells) - len(left)} of {len(cells)} cells are finished."
        + (f" Missing: {', '.join(left[:8])}{' ...' if len(left) > 8 else ''}" if left else ""),
        "",
        *_starts(place),
        "| contrast | scorer | level | points | these tasks | other tasks | worst | consistency |",
        "| --- | --- | --- | ---: | --- | --- | ---: | ---: |",
    ]
    for one in found:
        over = "one task" if one.over_tasks is None else _points(one.over_tasks)
        part = "" if one.is_whole else f" (a part: {len(one.missing)} cells are missing)"
        lines.append(
            f"| {one.after} - {one.before} | {one.scorer} | {one.level} | {100 * one.value:.1f} | "
            f"{_points(one.interval)} | {over} | {100 * one.worst:.1f} | "
            f"{100 * one.consistency:.1f}{part} |"
        )
    return [*lines, "", f"The goal is {verdict(place.form, found)}."]


def _starts(place: Place) -> list[str]:
    """Which tasks the start can do, and which are left out of every mean."""
    found = margins(place)
    if not found:
        return []
    lines = ["| task | start above one constant answer, points | counts |", "| --- | ---: | --- |"]
    for task, margin in found.items():
        counts = "yes" if margin >= TAUGHT else "no: the start cannot do it"
        lines.append(f"| {task} | {100 * margin:.1f} | {counts} |")
    return [*lines, ""]


def _points(interval: tuple[float, float]) -> str:
    low, high = (100 * bound for bound in interval)
    return f"{low:.1f} to {high:.1f}"


if __name__ == "__main__":
    sys.exit(main())
