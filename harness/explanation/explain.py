"""Explain a run: choose cells, weigh their words, sum up; each step resumes where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from harness.core.errors import UsageError
from harness.core.lock import lock_folder
from harness.core.progress import NoProgress, Progress
from harness.explanation.attribute import attribute_cells
from harness.explanation.checks import check_cells
from harness.explanation.faithfulness import Checks, measure_faithfulness
from harness.explanation.measures import Statistics
from harness.explanation.plan import ExplanationPlan, scope_of
from harness.explanation.ready import ModelSource, make_ready
from harness.explanation.store import ATTRIBUTIONS, AttributionStore, Key, read_checks
from harness.explanation.summarize import gather, summarize
from harness.results.explanation import EXPLANATION, Explanation, explanation_json
from harness.results.layer_changes import LayerChanges
from harness.results.rundir import Run, RunDirectory


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """Where the run's model comes from, and how sure intervals are to be."""

    source: ModelSource = field(default_factory=ModelSource)
    confidence: float = 0.95

    def source_of(self, plan: ExplanationPlan, run: Run) -> ModelSource:
        """Where the model of one of the plan's runs comes from."""
        return self.source if run is plan.run else self.source.of_another


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
    left_out: list[int] = []
    try:
        with lock_folder(plan.run.path), AttributionStore(plan.run.path / ATTRIBUTIONS) as store:
            for run in plan.runs:
                source = options.source_of(plan, run)
                left_out.append(_explain_one(plan, run, source, store, progress))
            explanation = _sum_up(plan, options.confidence, left_out)
            if plan.layers:
                changes = _compare_layers(plan, options, progress)
                explanation = replace(explanation, layers=changes)
            RunDirectory(plan.run.path).write_text(EXPLANATION, explanation_json(explanation))
    finally:
        progress.stop()
    return explanation


def _explain_one(
    plan: ExplanationPlan,
    run: Run,
    source: ModelSource,
    store: AttributionStore,
    progress: Progress,
) -> int:
    """Explain the cells of one run; its model is let go before the next one is loaded.

    Returns:
        How many cells were left out, since their answers have no tokens.
    """
    here = make_ready(run, source, plan.answers, progress)
    if plan.layers:
        from harness.explanation.layers.parts import layers_of

        layers_of(here.model)  # a model whose layers cannot be read is refused before the work
    left_out = attribute_cells(here, plan.keys, store, plan.run, progress)
    if left_out:
        progress.note(f"{len(left_out):,} cells have an answer without a token, and are left out.")
    check_cells(here, plan.checked, store, plan.run, progress)
    return len(left_out)


def _compare_layers(
    plan: ExplanationPlan, options: ExplainOptions, progress: Progress
) -> LayerChanges:
    """What tuning changed inside the model; both models are in memory at once."""
    from harness.explanation.layers.compare import compare_layers

    base, tuned = (
        make_ready(run, options.source_of(plan, run), plan.answers, progress) for run in plan.runs
    )
    statistics = Statistics(options.confidence, plan.choice.seed)
    return compare_layers(base, tuned, gather(plan, tuned.run).sampled, statistics, progress)


def _sum_up(plan: ExplanationPlan, confidence: float, left_out: Sequence[int]) -> Explanation:
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
            confidence,
        )
        for one in explained
    ]
    return summarize(plan, explained, left_out, faithfulness, confidence)


def _of(keys: Sequence[Key], checks: Checks) -> Checks:
    """The checks of these cells: a store may hold those of an earlier, larger call."""
    return {key: checks[key] for key in keys if key in checks}
