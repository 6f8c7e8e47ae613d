"""Explain a run: choose cells, weigh their words, sum up; each step resumes where it stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.core.errors import UsageError
from harness.core.lock import lock_folder
from harness.core.progress import NoProgress, Progress
from harness.evaluation.prepared_again import Given, Purpose, prepare_again
from harness.explanation.attribute import attribute_cells, ready
from harness.explanation.checks import check_cells
from harness.explanation.explainable import load_explainable
from harness.explanation.faithfulness import Checks, measure_faithfulness
from harness.explanation.plan import ExplanationPlan, scope_of
from harness.explanation.store import ATTRIBUTIONS, AttributionStore, Key, read_checks
from harness.explanation.summarize import gather, summarize
from harness.models import Model
from harness.results.explanation import EXPLANATION, Explanation, explanation_json
from harness.results.rundir import Run, RunDirectory

PURPOSE: Final = Purpose("its words cannot be weighed", "harness explain")


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """Where the models come from, and how sure intervals are to be."""

    model: str | None = None
    """Where the run's model lies, if not where it lay; it must be the same one."""
    loaded: Model | None = None
    """The run's model, where it is in memory already."""
    device: str | None = None
    """Where models run, if not where they ran."""
    allow_code: bool = False
    """Whether plugins and model code that a run names may be run."""
    confidence: float = 0.95


@dataclass(slots=True)
class _Found:
    left_out: list[int] = field(default_factory=list)


def explain_run(
    plan: ExplanationPlan, options: ExplainOptions, progress: Progress | None = None
) -> Explanation:
    """Weigh the words of the planned cells and write explanation.json beside the run.

    Args:
        plan: The cells.
        options: Where the models come from.
        progress: Told of every cell.

    Raises:
        UsageError: a model that is not the run's or has no gradients, another process in the run's
            directory, or not one cell with an answer.
        IncompleteRunError: the disk is full.
    """
    progress = progress or NoProgress()
    found = _Found()
    try:
        with lock_folder(plan.run.path), AttributionStore(plan.run.path / ATTRIBUTIONS) as store:
            for run in plan.runs:
                _explain_one(plan, run, options, store, progress, found)
            explanation = _sum_up(plan, options, found)
            RunDirectory(plan.run.path).write_text(EXPLANATION, explanation_json(explanation))
    finally:
        progress.stop()
    return explanation


def _explain_one(
    plan: ExplanationPlan,
    run: Run,
    options: ExplainOptions,
    store: AttributionStore,
    progress: Progress,
    found: _Found,
) -> None:
    """The cells of one run; its model is let go before the next one is loaded."""
    own = run is plan.run
    loaded = options.loaded if own else None
    given = Given(_changes(options, own=own), loaded, load=load_explainable)
    prepared = prepare_again(run, PURPOSE, allow_code=options.allow_code, given=given)
    for note in prepared.model.notes:
        progress.note(note)
    here = ready(run, prepared, plan.answers)
    left_out = attribute_cells(here, plan.keys, store, plan.run, progress)
    if left_out:
        progress.note(f"{len(left_out):,} cells have an answer without a token, and are left out.")
    found.left_out.append(len(left_out))
    check_cells(here, plan.checked, store, plan.run, progress)


def _changes(options: ExplainOptions, *, own: bool) -> Mapping[str, object]:
    changes = {"model": options.model if own else None, "device": options.device}
    return {name: value for name, value in changes.items() if value is not None}


def _sum_up(plan: ExplanationPlan, options: ExplainOptions, found: _Found) -> Explanation:
    explained = [gather(plan, run) for run in plan.runs]
    empty = next((one for one in explained if not one.pairs), None)
    if empty is not None:
        raise UsageError(
            f"{empty.run.path}: no chosen cell and its clean twin both have an answer, so nothing "
            "is explained.",
            hint="Type: --answers gold to explain the right answers instead.",
        )
    store = plan.run.path / ATTRIBUTIONS
    faithfulness = [
        measure_faithfulness(
            one.sampled,
            _of(plan.checked, read_checks(store, scope_of(one.run, plan.answers))),
            options.confidence,
        )
        for one in explained
    ]
    return summarize(plan, explained, found.left_out, faithfulness, options.confidence)


def _of(keys: Sequence[Key], checks: Checks) -> Checks:
    """The checks of these cells: a store may hold those of an earlier, larger call."""
    return {key: checks[key] for key in keys if key in checks}
