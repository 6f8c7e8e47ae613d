"""Several runs, cut to the cells that all of them have.

Cells are matched by what the model was asked: task, example id, and the variant's text and target.
Variant ids and seeds need not agree, so a replayed set of prompts meets its original.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.comparison.comparable import (
    RunData,
    Unlike,
    all_label_tokens,
    all_own_scorers,
    find_level_differences,
    named_scorers,
    shared_tasks,
    task_labels,
)
from harness.comparison.shared import keep_shared
from harness.core.errors import NothingToEvaluateError, UsageError, nearest_hint
from harness.core.records import in_scorer_order, stable_id
from harness.metrics.align import align_grids
from harness.metrics.grid import Grid, build_grids

if TYPE_CHECKING:
    import pandas as pd

_INSTRUCTION: Final = "instruction"


@dataclass(frozen=True, slots=True)
class Aligned:
    """The cells that all runs have, by task: one grid a run, laid out alike."""

    names: tuple[str, ...]
    scorer: str
    grids: Mapping[str, tuple[Grid, ...]]
    had: tuple[int, ...]
    """For each run, how many cells of this scorer it has in all."""
    notes: tuple[str, ...]
    """Differences that were let pass, what they left out, and levels made up otherwise."""

    @property
    def cells(self) -> int:
        """Cells that every run has."""
        return sum(int(own[0].present.sum()) for own in self.grids.values())


def primary_scorer(*runs: RunData) -> str:
    """The scorer whose numbers come first: of those that all runs have, the first run's first.

    Raises:
        NothingToEvaluateError: there are no samples.
    """
    own = [_scorers(run) for run in runs]
    if not all(own):
        raise NothingToEvaluateError("the run has no samples.", hint="Resume it: harness run ...")
    shared = (scorer for scorer in own[0] if all(scorer in other for other in own))
    return next(shared, own[0][0])


def _scorers(run: RunData) -> list[str]:
    """The scorers that a run has samples of, its primary one first."""
    return in_scorer_order(map(str, run.samples["scorer"].unique()), named_scorers(run))


def align_runs(
    runs: Sequence[RunData], *, scorer: str | None = None, unlike: Unlike = "refuse"
) -> Aligned:
    """The runs' shared cells.

    Args:
        runs: two at least; the first is the one that the others are compared with.
        scorer: whose samples to use; default: of those that all have, the first run's first.
        unlike: what becomes of runs that asked different questions (`Unlike`).

    Raises:
        UsageError: fewer than two runs, runs that asked different questions, or no such scorer.
        NothingToEvaluateError: the runs share no cell.
    """
    if len(runs) < 2:
        raise UsageError("a comparison needs two runs.", hint="Type: harness compare RUN RUN")
    had, shared = runs, keep_shared(runs, unlike)
    runs = shared.runs
    scorer = scorer or primary_scorer(*runs)
    _require_scorer(runs, scorer)
    ids = _shared_variants([run.variants for run in runs])
    variants = runs[0].variants[runs[0].variants["id"].isin(set(ids[0]))]
    labels = {task: own for task, own in _labels(runs).items() if task not in shared.tasks_left_out}
    built = [
        build_grids(
            _rename(run.samples, own),
            variants,
            labels,
            scorer=scorer,
            label_tokens=all_label_tokens(run),
            own_scorers=all_own_scorers(run),
        )
        for run, own in zip(runs, ids, strict=True)
    ]
    grids = {
        task: tuple(align_grids([one[task] for one in built]))
        for task in labels
        if all(task in one for one in built)
    }
    grids = {task: own for task, own in grids.items() if own[0].present.any()}
    if not grids:
        raise NothingToEvaluateError(
            "the runs share no cell: no example was asked with the same instruction text in all.",
            hint="Run both with the same --task, --limit and --seed, or replay --variants.",
        )
    cells = tuple(int((run.samples["scorer"] == scorer).sum()) for run in had)
    levels = [line for other in runs[1:] for line in find_level_differences(runs[0], other)]
    notes = (*shared.notes, *levels)
    return Aligned(tuple(run.name for run in runs), scorer, grids, cells, notes)


def _require_scorer(runs: Sequence[RunData], scorer: str) -> None:
    for run in runs:
        known = _scorers(run)
        if scorer not in known:
            raise UsageError(
                f"{run.name} has no samples of the scorer {scorer!r}, only of "
                f"{', '.join(known) or 'none'}.{nearest_hint(scorer, known)}"
            )


def _shared_variants(frames: Sequence[pd.DataFrame]) -> list[dict[str, str]]:
    """For each run, its id of every variant that all runs have -> the first run's id."""
    by_question = [_questions(variants) for variants in frames]
    shared = set(by_question[0]).intersection(*by_question[1:])
    return [{own[question]: by_question[0][question] for question in shared} for own in by_question]


def _questions(variants: pd.DataFrame) -> dict[str, str]:
    """What a variant asks -> its id; a text that stands there twice counts once."""
    found: dict[str, str] = {}
    targets = variants["target"] if "target" in variants else [_INSTRUCTION] * len(variants)
    columns = [variants[name] for name in ("id", "task", "text", "perturbation", "seed")]
    for (variant, task, text, perturbation, seed), target in sorted(
        zip(zip(*columns, strict=True), targets, strict=True), key=lambda row: str(row[0][0])
    ):
        # Perturbed inputs do not show in the instruction's text; their generator identifies them.
        drawn = () if target == _INSTRUCTION else (perturbation, seed)
        found.setdefault(stable_id(task, target, text, *drawn), variant)
    return found


def _rename(samples: pd.DataFrame, ids: Mapping[str, str]) -> pd.DataFrame:
    """The samples of shared variants, under the first run's variant ids."""
    named = samples.assign(variant_id=samples["variant_id"].astype(object).map(ids))
    return named[named["variant_id"].notna()]


def _labels(runs: Sequence[RunData]) -> dict[str, list[str]]:
    """Task -> its labels, for the tasks that all runs have, in the first run's order."""
    shared = [set(shared_tasks(runs[0], run)) for run in runs[1:]]
    tasks = [task for task in shared_tasks(runs[0], runs[1]) if all(task in one for one in shared)]
    return {task: task_labels(runs[0], task) for task in tasks}
