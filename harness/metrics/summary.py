"""summary.json: every metric by level, task and perturbation, from the samples of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from harness.core.records import (
    CLEAN,
    STRENGTH_NAMES,
    in_level_order,
    in_scorer_order,
)
from harness.metrics.accuracy import largest_gold_share, prompt_accuracies
from harness.metrics.answer_similarity import Embed, describe_similarity
from harness.metrics.by_strength import by_strength, group_by_strength
from harness.metrics.describe import Described, describe, mean_described
from harness.metrics.ensembles import accuracy_ensemble
from harness.metrics.grid import Grid, Group, build_grids
from harness.metrics.group_stats import rounded, write_groups, write_tasks
from harness.metrics.label_metrics import label_metrics
from harness.metrics.measures import resample_grid
from harness.metrics.moves import count_moves
from harness.metrics.outlook import look_out
from harness.metrics.own import add_own_metrics
from harness.metrics.perturbed import describe_perturbed
from harness.metrics.reliability import describe_reliability
from harness.metrics.sampling import mean_over_tasks, sample_tasks, write_levels
from harness.metrics.task_facts import TaskFacts, task_facts
from harness.metrics.variant_drops import VariantDrop, variant_drops
from harness.metrics.variant_validity import count_sources, describe_validity
from harness.results.quantity import Quantity
from harness.results.summary import (
    ScorerSummary,
    StrengthCurves,
    Summary,
    TaskSummary,
    VariantEstimates,
    VariantStats,
    WorstVariant,
)
from harness.stats.arrays import Singles
from harness.stats.multiplicity import holm

if TYPE_CHECKING:
    import pandas as pd

    from harness.results.rundir import Run

RESAMPLES: Final = 2000
WORST_VARIANTS: Final = 20
NOT_ABOVE_CHANCE: Final = "clean accuracy is not above chance"


def summarize_run(run: Run, embed: Embed | None = None) -> Summary:
    """The content of summary.json, from what else is in the run's directory.

    Args:
        run: the run.
        embed: embeds free-text answers, where it is to be said how alike they are.

    Raises:
        UsageError: a file of the run is missing or damaged.
    """
    config = run.manifest["config"]
    body = summarize(
        run.scored_samples,
        run.variants,
        {name: task_facts(task) for name, task in run.manifest["tasks"].items()},
        seed=run.manifest["seed"],
        confidence=config["confidence"],
        resamples=config["resamples"],
        scorers=config["scorers"],
        draws=run.draws,
        priors=run.priors if config["scorers"][0] == "calibrated" else {},
        embed=embed,
    )
    return replace(
        add_own_metrics(body, run),
        outlook=look_out(run, body),
        schema_version=run.manifest["schema_version"],
        run_id=run.manifest["run_id"],
        model=config["model"],
        scorer=config["scorers"][0],
        answer_encoder=config["embed_with"] if embed else "",
    )


def summarize(
    samples: pd.DataFrame,
    variants: pd.DataFrame,
    tasks: Mapping[str, TaskFacts],
    *,
    seed: int,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    scorers: Sequence[str] = (),
    draws: pd.DataFrame | None = None,
    priors: Mapping[str, Mapping[str, float]] | None = None,
    embed: Embed | None = None,
) -> Summary:
    """The numbers of summary.json; what names the run is left empty.

    The same samples make the same summary, in whatever order their rows stand. With several scorers
    the main tables are the first one's, and `scorers` has all.

    Args:
        samples: one row per cell and scorer, as in `Run.scored_samples` or `Run.samples`;
            metrics of likelihoods are None for `Run.compact_samples`.
        variants: one row per variant, as in variants.jsonl.
        tasks: the facts of each task, in the order in which they are to be shown.
        seed: of the run; from it follow all resamples.
        confidence: of the intervals.
        resamples: how often the examples are resampled for what has no formula.
        scorers: their order; default: that of `SCORERS`.
        draws: one row per draw, where answers were sampled.
        priors: variant -> label -> its log-probability without content, where the main scorer
            takes it off.
        embed: as for `summarize_run`.

    Raises:
        UsageError: samples of unknown variants, or two samples of one cell.
    """
    scorers = in_scorer_order(map(str, samples["scorer"].unique()), scorers)
    blocks: dict[str, ScorerSummary] = {}
    main: dict[str, Grid] = {}
    for scorer in scorers:
        grids = _grids_of(samples, variants, tasks, scorer)
        blocks[scorer] = _Summarizer(grids, tasks, seed, confidence, resamples).summarize()
        main = main or grids
    block = blocks[scorers[0]] if scorers else ScorerSummary({}, {}, {}, None)
    of_draws = {} if draws is None else sample_tasks(main, draws, seed, resamples)
    reliability, of_tasks = describe_reliability(
        main, priors or {}, seed=seed, confidence=confidence
    )
    return Summary(
        schema_version=0,
        run_id="",
        model="",
        scorer=scorers[0] if scorers else "",
        seed=seed,
        confidence=confidence,
        chance=_mean([tasks[name].chance for name in main]),
        levels=block.levels,
        tasks={
            name: replace(
                task,
                sampling=write_levels(of_draws.get(name, {}), task.levels, confidence),
                reliability=of_tasks[name],
                moves=count_moves(main[name], len(task.labels)),
                similarity=describe_similarity(main[name], embed, confidence),
            )
            for name, task in block.tasks.items()
        },
        perturbations=block.perturbations,
        perturbed=block.perturbed,
        validity=describe_validity(variants, [facts.unmade for facts in tasks.values()]),
        variants={name: stats for grid in main.values() for name, stats in _variants(grid)},
        worst_variants=_worst_variants(list(main.values()), confidence),
        scorers=blocks if len(blocks) > 1 else {},
        semantic_sources=count_sources(variants),
        strengths=_Summarizer(main, tasks, seed, confidence, resamples).curves(),
        sampling=write_levels(mean_over_tasks(of_draws), block.levels, confidence),
        reliability=reliability,
    )


def _grids_of(
    samples: pd.DataFrame, variants: pd.DataFrame, tasks: Mapping[str, TaskFacts], scorer: str
) -> dict[str, Grid]:
    """The cells of each task as a scorer reads them."""
    return build_grids(
        samples,
        variants,
        {name: facts.labels for name, facts in tasks.items()},
        scorer=scorer,
        label_tokens={name: one.label_tokens for name, one in tasks.items() if one.label_tokens},
        own_scorers={name: facts.own_scorers for name, facts in tasks.items()},
    )


@dataclass(frozen=True, slots=True)
class _Summarizer:
    """Summarizes the samples of one scorer."""

    grids: Mapping[str, Grid]
    tasks: Mapping[str, TaskFacts]
    seed: int
    confidence: float
    resamples: int

    def summarize(self) -> ScorerSummary:
        """Every level, task and perturbation."""
        by_level: dict[str, dict[str, Described]] = {}
        by_perturbation: dict[str, dict[str, Described]] = {}
        above_chance: dict[str, bool | None] = {}
        resamples: list[Singles] = []
        for name, grid in self.grids.items():
            resamples.append(resample_grid(grid, self.seed, self.resamples))
            chance = _reference(self.tasks[name].chance, grid)
            levels, perturbations = _describe_grid(grid, resamples[-1], chance, self.confidence)
            above = self._is_above_chance(levels.get(CLEAN), chance)
            above_chance[name] = above
            by_level[name] = {level: _flag(group, above) for level, group in levels.items()}
            by_perturbation[name] = {
                key: _flag(group, above) for key, group in perturbations.items()
            }
        levels_of = write_tasks(by_level, self.confidence)
        perturbations_of = write_tasks(by_perturbation, self.confidence)
        return ScorerSummary(
            levels=write_groups(_over_tasks(by_level.values()), self.confidence),
            tasks={
                name: TaskSummary(
                    chance=self.tasks[name].chance,
                    largest_gold_share=_known(largest_gold_share(grid.gold)),
                    labels=list(self.tasks[name].labels),
                    above_chance=above_chance[name],
                    levels=levels_of[name],
                    perturbations=perturbations_of[name],
                    metric=self.tasks[name].metric,
                    metrics=_label_metrics(grid, self.tasks[name]),
                )
                for name, grid in self.grids.items()
            },
            perturbations=write_groups(_over_tasks(by_perturbation.values()), self.confidence),
            perturbed=describe_perturbed(list(self.grids.values()), resamples, self.confidence),
        )

    def curves(self) -> StrengthCurves | None:
        """Graded levels and perturbations by strength; None where there is one strength."""
        asked = {one for grid in self.grids.values() for one in grid.strengths}
        strengths = [name for name in STRENGTH_NAMES if name in asked]
        if len(strengths) < 2:
            return None
        levels: list[dict[str, Described]] = []
        perturbations: list[dict[str, Described]] = []
        for name, grid in self.grids.items():
            resampled = resample_grid(grid, self.seed, self.resamples)
            chance = _reference(self.tasks[name].chance, grid)
            for groups, described in zip(
                group_by_strength(grid, strengths), (levels, perturbations), strict=True
            ):
                described.append(self._describe_groups(groups, grid, resampled, chance))
        return StrengthCurves(
            by_strength(write_groups(_over_tasks(levels), self.confidence)),
            by_strength(write_groups(_over_tasks(perturbations), self.confidence)),
        )

    def _describe_groups(
        self, groups: Mapping[str, Group], grid: Grid, resampled: Singles, chance: float
    ) -> dict[str, Described]:
        clean = grid.group(grid.rows(level=CLEAN))
        above = self._is_above_chance(
            describe(clean, grid, resampled, chance) if clean else None, chance
        )
        return {
            key: _flag(describe(group, grid, resampled, chance, confidence=self.confidence), above)
            for key, group in groups.items()
        }

    def _is_above_chance(self, clean: Described | None, chance: float) -> bool | None:
        """Whether all of clean accuracy's interval is above chance; None without clean cells."""
        interval = clean.measured["accuracy"].interval(self.confidence) if clean else None
        return None if interval is None else interval[0] > chance


def _label_metrics(grid: Grid, facts: TaskFacts) -> dict[str, dict[str, float]]:
    """Each level's metrics of labels, where the task asks for any."""
    found: dict[str, dict[str, float]] = {}
    for level in in_level_order(grid.levels):
        rows = grid.rows(level=level)
        rows = rows[grid.present[rows].any(axis=1)]
        values = label_metrics(
            facts.metrics,
            grid.answer[rows],
            grid.gold,
            grid.present[rows],
            len(facts.labels),
            [list(facts.order).index(name) for name in facts.labels] if facts.order else None,
        )
        if values:
            found[level] = {name: rounded(value) for name, value in values.items()}
    return found


def _reference(chance: float, grid: Grid) -> float:
    """The accuracy that needs no model: of guessing, or of one constant answer."""
    constant = _known(largest_gold_share(grid.gold))
    return chance if constant is None else max(chance, constant)


def _known(value: float) -> float | None:
    return rounded(value) if math.isfinite(value) else None


def _describe_grid(
    grid: Grid, resampled: Singles, chance: float, confidence: float
) -> tuple[dict[str, Described], dict[str, Described]]:
    """The metrics of each level and of each perturbation that has cells."""
    by_level = {level: grid.group(grid.rows(level=level)) for level in in_level_order(grid.levels)}
    names = sorted(set(grid.perturbations) - {CLEAN})
    by_name = {name: grid.group(grid.rows(perturbation=name)) for name in names}
    levels, perturbations = (
        {
            name: describe(group, grid, resampled, chance, confidence=confidence)
            for name, group in groups.items()
            if group
        }
        for groups in (by_level, by_name)
    )
    return levels, perturbations


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
    return {name: mean_described(groups[name]) for name in in_level_order(groups)}


def _variants(grid: Grid) -> Iterator[tuple[str, VariantStats]]:
    """Each variant that has cells, level by level."""
    for level in in_level_order(grid.levels):
        group = grid.group(grid.rows(level=level))
        if group is None:
            continue
        known: VariantEstimates = "shrunken" if group.has_holes else "own cells"
        accuracies = prompt_accuracies(group.score, group.present)
        if group.has_holes:
            accuracies = accuracy_ensemble(group).shrunken
        rows = zip(group.variants, accuracies, group.present.sum(axis=1), strict=True)
        for variant, accuracy, cells in rows:
            yield variant, VariantStats(rounded(accuracy), int(cells), known)


def _worst_variants(grids: Sequence[Grid], confidence: float) -> list[WorstVariant]:
    """The variants that lose most, those whose drop is significant among all variants first."""
    drops = [drop for grid in grids for drop in variant_drops(grid)]
    tested = list(zip(drops, holm([drop.p for drop in drops]), strict=True))

    def order(one: tuple[VariantDrop, float]) -> tuple[bool, float, str]:
        drop, p = one
        significant = p < 1 - confidence and drop.drop.value > 0
        return not significant, -drop.drop.value, drop.variant

    worst = sorted(tested, key=order)[:WORST_VARIANTS]
    return [_write_variant(drop, p, confidence) for drop, p in worst]


def _write_variant(variant: VariantDrop, p_adjusted: float, confidence: float) -> WorstVariant:
    interval = variant.drop.interval(confidence)
    ends = None if interval is None else (rounded(interval[0]), rounded(interval[1]))
    return WorstVariant(
        variant_id=variant.variant,
        task=variant.task,
        level=variant.level,
        perturbation=variant.perturbation,
        instruction_id=variant.instruction,
        accuracy=rounded(variant.accuracy),
        clean_accuracy=rounded(variant.clean_accuracy),
        drop=Quantity(rounded(variant.drop.value), ends),
        drop_p=rounded(variant.p),
        drop_p_adjusted=rounded(p_adjusted),
        examples=variant.examples,
    )


def _mean(values: Sequence[float]) -> float | None:
    return rounded(math.fsum(values) / len(values)) if values else None
