"""summary.json: every metric by level, task and perturbation, from the samples of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from harness.core.records import CLEAN, LEVELS
from harness.metrics.describe import Described, Value, describe, mean_described
from harness.metrics.grid import Grid, build_grids
from harness.metrics.measures import MEASURES, resample_grid
from harness.metrics.variant_drops import VariantDrop, variant_drops
from harness.stats.arrays import Singles
from harness.stats.estimate import Estimate
from harness.stats.multiplicity import holm
from harness.stats.power import minimum_detectable_effect

if TYPE_CHECKING:
    import pandas as pd

    from harness.results.rundir import Run

RESAMPLES: Final = 2000
WORST_VARIANTS: Final = 20
NOT_ABOVE_CHANCE: Final = "clean accuracy is not above chance"

_DECIMALS: Final = 10

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What a summary needs to know of a task besides its samples."""

    chance: float
    labels: Sequence[str]
    label_tokens: Sequence[int] | None = None
    """How many tokens each label has; without them POSIX is undefined."""


def summarize_run(run: Run) -> Json:
    """The content of summary.json, from what else is in the run's directory.

    Raises:
        UsageError: a file of the run is missing or damaged.
    """
    config = run.manifest["config"]
    facts = {
        name: TaskFacts(task["chance"], task["labels"], task.get("label_tokens"))
        for name, task in run.manifest["tasks"].items()
    }
    body = summarize(
        run.scored_samples,
        run.variants,
        facts,
        seed=run.manifest["seed"],
        confidence=config["confidence"],
        resamples=config["resamples"],
    )
    head = {
        "schema_version": run.manifest["schema_version"],
        "run_id": run.manifest["run_id"],
        "model": config["model"],
        "scorer": "loglik" if config["scorer"] == "both" else config["scorer"],
    }
    return {**head, **body}


def summarize(
    samples: pd.DataFrame,
    variants: pd.DataFrame,
    tasks: Mapping[str, TaskFacts],
    *,
    seed: int,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> Json:
    """The content of summary.json, in plain JSON types, null where a metric is undefined.

    The same samples give the same bytes, in whatever order their rows stand. With several scorers
    the main tables are those of `loglik`, or else the first by name, and `scorers` has all.

    Args:
        samples: one row a cell and scorer, as `Run.scored_samples` or `Run.samples` gives them;
            metrics of likelihoods are null for `Run.compact_samples`.
        variants: one row a variant, as in variants.jsonl.
        tasks: the facts of each task, in the order in which they are to be shown.
        seed: of the run; from it follow all resamples.
        confidence: of the intervals.
        resamples: how often the examples are resampled for what has no formula.

    Raises:
        UsageError: samples of unknown variants, or two samples of one cell.
    """
    scorers = sorted(samples["scorer"].unique(), key=lambda name: (name != "loglik", name))
    labels = {name: facts.labels for name, facts in tasks.items()}
    tokens = {name: facts.label_tokens for name, facts in tasks.items() if facts.label_tokens}
    blocks = {}
    for scorer in scorers:
        grids = build_grids(samples, variants, labels, scorer=scorer, label_tokens=tokens)
        blocks[scorer] = _Summary(grids, tasks, seed, confidence, resamples).build()
    empty: Json = {"levels": {}, "tasks": {}, "perturbations": {}, "worst_variants": []}
    main = blocks[scorers[0]] if scorers else empty
    body: Json = {"seed": seed, "confidence": confidence}
    body |= {key: main[key] for key in ("levels", "tasks", "perturbations")}
    if len(blocks) > 1:
        body["scorers"] = {
            scorer: {key: part for key, part in block.items() if key != "worst_variants"}
            for scorer, block in blocks.items()
        }
    return {**body, "worst_variants": main["worst_variants"]}


@dataclass(frozen=True, slots=True)
class _Summary:
    """The summary of one scorer."""

    grids: Mapping[str, Grid]
    tasks: Mapping[str, TaskFacts]
    seed: int
    confidence: float
    resamples: int

    def build(self) -> Json:
        """The blocks levels, tasks, perturbations and worst_variants."""
        by_level: dict[str, dict[str, Described]] = {}
        by_perturbation: dict[str, dict[str, Described]] = {}
        above_chance: dict[str, bool | None] = {}
        for name, grid in self.grids.items():
            resampled = resample_grid(grid, self.seed, self.resamples)
            levels, perturbations = _describe_grid(grid, resampled, self.tasks[name].chance)
            above = self._is_above_chance(levels.get(CLEAN), self.tasks[name].chance)
            above_chance[name] = above
            by_level[name] = {level: _flag(one, above) for level, one in levels.items()}
            by_perturbation[name] = {key: _flag(one, above) for key, one in perturbations.items()}
        levels_of, perturbations_of = map(self._write_tasks, (by_level, by_perturbation))
        return {
            "levels": self._write(_over_tasks(by_level.values())),
            "tasks": {
                name: {
                    "chance": self.tasks[name].chance,
                    "labels": list(self.tasks[name].labels),
                    "above_chance": above_chance[name],
                    "levels": levels_of[name],
                    "perturbations": perturbations_of[name],
                }
                for name in self.grids
            },
            "perturbations": self._write(_over_tasks(by_perturbation.values())),
            "worst_variants": self._worst_variants(),
        }

    def _is_above_chance(self, clean: Described | None, chance: float) -> bool | None:
        """Whether all of clean accuracy's interval is above chance; None without clean cells."""
        interval = clean.measured["accuracy"].interval(self.confidence) if clean else None
        return None if interval is None else interval[0] > chance

    def _write(self, groups: Mapping[str, Described]) -> Json:
        return self._write_tasks({"": groups})[""]

    def _write_tasks(self, tasks: Mapping[str, Mapping[str, Described]]) -> dict[str, Json]:
        """The groups of each task as JSON; their drops are one family of tests."""
        flat = {(task, name): one for task, own in tasks.items() for name, one in own.items()}
        tests = _test_drops(flat, self.confidence)
        spreads = _test_spreads(flat)
        return {
            task: {
                name: _stats(one, tests[task, name] | spreads[task, name], self.confidence)
                for name, one in own.items()
            }
            for task, own in tasks.items()
        }

    def _worst_variants(self) -> list[Json]:
        drops = [one for grid in self.grids.values() for one in variant_drops(grid)]
        drops.sort(key=lambda one: (-one.drop.value, one.variant))
        return [_write_variant(one, self.confidence) for one in drops[:WORST_VARIANTS]]


def _describe_grid(
    grid: Grid, resampled: Singles, chance: float
) -> tuple[dict[str, Described], dict[str, Described]]:
    """The metrics of each level and of each perturbation that has cells."""
    by_level = {level: grid.group(grid.rows(level=level)) for level in _in_order(grid.levels)}
    names = sorted(set(grid.perturbations) - {CLEAN})
    by_name = {name: grid.group(grid.rows(perturbation=name)) for name in names}
    levels, perturbations = (
        {name: describe(group, grid, resampled, chance) for name, group in groups.items() if group}
        for groups in (by_level, by_name)
    )
    return levels, perturbations


def _in_order(levels: Iterable[str]) -> list[str]:
    """Level names from clean to semantic, others after them by name."""
    given = set(levels)
    return [*(one for one in LEVELS if one in given), *sorted(given.difference(LEVELS))]


def _flag(described: Described, above_chance: bool | None) -> Described:
    """Where there was nothing above chance to lose, say so, and print no share of it."""
    if above_chance is not False:
        return replace(described, values={**described.values, "pdr_flag": None})
    undefined = {"pdr_flag": NOT_ABOVE_CHANCE, "pdr_chance_adjusted": None}
    return replace(described, values={**described.values, **undefined})


def _over_tasks(tasks: Iterable[Mapping[str, Described]]) -> dict[str, Described]:
    """Each group's plain mean over the tasks that have it."""
    groups: dict[str, list[Described]] = {}
    for task in tasks:
        for name, one in task.items():
            groups.setdefault(name, []).append(one)
    return {name: mean_described(groups[name]) for name in _in_order(groups)}


def _test_drops(
    groups: Mapping[tuple[str, str], Described], confidence: float
) -> dict[tuple[str, str], dict[str, Value]]:
    """For each group the p value of its drop, by Holm over the groups, and what would show."""
    drops = [one.measured.get("drop") for one in groups.values()]
    known = [one if isinstance(one, Estimate) else None for one in drops]
    p_values = [one.p_value() if one else math.nan for one in known]
    effects = [
        minimum_detectable_effect(one, confidence=confidence) if one else None for one in known
    ]
    rows = zip(groups, p_values, holm(p_values), effects, strict=True)
    return {
        name: {"drop_p": p, "drop_p_adjusted": adjusted, "drop_detectable": effect}
        for name, p, adjusted, effect in rows
    }


def _test_spreads(
    groups: Mapping[tuple[str, str], Described],
) -> dict[tuple[str, str], dict[str, Value]]:
    """For each group of a task the p value of its spread, by Holm over the tasks that have it."""
    found: dict[tuple[str, str], dict[str, Value]] = {}
    for name in dict.fromkeys(name for _, name in groups):
        own = [key for key in groups if key[1] == name]
        p_values = [groups[key].values["spread_p"] for key in own]
        known = [p if isinstance(p, float) else math.nan for p in p_values]
        adjusted = zip(own, holm(known), strict=True)
        found |= {key: {"spread_p_adjusted": p} for key, p in adjusted}
    return found


def _stats(described: Described, tests: Mapping[str, Value], confidence: float) -> Json:
    """The metrics of a group as JSON, intervals beside their values, in one order."""
    stats: dict[str, Value] = {}
    for name in MEASURES:
        one = described.measured.get(name)
        interval = one.interval(confidence) if one else None
        stats[name] = one.value if one else None
        stats[f"{name}_ci"] = None if interval is None else list(interval)
    accuracy = described.measured["accuracy"]
    over = accuracy.over if isinstance(accuracy, Estimate) else None
    return {
        name: _plain(value)
        for name, value in {**stats, **tests, **described.values, "intervals_over": over}.items()
    }


def _write_variant(one: VariantDrop, confidence: float) -> Json:
    interval = one.drop.interval(confidence)
    return {
        "variant_id": one.variant,
        "task": one.task,
        "level": one.level,
        "perturbation": one.perturbation,
        "instruction_id": one.instruction,
        "accuracy": _plain(one.accuracy),
        "clean_accuracy": _plain(one.clean_accuracy),
        "drop": _plain(one.drop.value),
        "drop_ci": None if interval is None else _plain(list(interval)),
        "examples": one.drop.examples,
    }


def _plain(value: Value) -> Value:
    """A JSON value: rounded so that the order of a sum cannot show, and null for NaN."""
    if isinstance(value, list):
        return [_round(one) for one in value]
    if isinstance(value, float):
        return _round(value) if math.isfinite(value) else None
    return value


def _round(value: float) -> float:
    return round(float(value), _DECIMALS) + 0.0  # + 0.0 turns -0.0 into 0.0
