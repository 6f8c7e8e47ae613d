"""A run and its model, loaded again, whose cells can be asked with gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from harness.core.errors import UsageError
from harness.core.progress import Progress
from harness.evaluation.prepare import RunPlan
from harness.evaluation.prepared_again import Given, Purpose, prepare_again
from harness.explanation.choose import AnswerChoice
from harness.explanation.explainable import check_in_memory, check_whole, load_explainable
from harness.models import Model
from harness.models.loading.checkpoint import describe_quantization
from harness.results.rundir import Run

if TYPE_CHECKING:
    from harness.models.inference.local import LocalModel

PURPOSE: Final = Purpose("its words cannot be weighed", "harness explain")


@dataclass(frozen=True, slots=True)
class ReadyRun:
    """A run with its model in memory, whose cells can be asked again."""

    run: Run
    plan: RunPlan
    model: LocalModel
    answers: AnswerChoice


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a run's model comes from, where that is not where it lay."""

    model: str | None = None
    """Where it lies; it must be the same one."""
    loaded: Model | None = None
    """The model, where it is in memory already."""
    device: str | None = None
    """Where it runs, if not where it ran."""
    allow_code: bool = False
    """Whether plugins and model code that the run names may be run."""

    @property
    def changes(self) -> Mapping[str, object]:
        """Options of the run that have other values."""
        given = {"model": self.model, "device": self.device}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def of_another(self) -> ModelSource:
        """The same of the model of another run, which lies where it lay."""
        return replace(self, model=None, loaded=None)


def make_ready(
    run: Run, source: ModelSource, answers: AnswerChoice, progress: Progress
) -> ReadyRun:
    """Load a run's model again.

    Args:
        run: The run.
        source: Where its model comes from.
        answers: Whose answers the words are weighed for.
        progress: Told what the model notes.

    Raises:
        UsageError: another model than the run's, or one that has no gradients.
    """
    given = Given(source.changes, source.loaded, load=load_explainable)
    prepared = prepare_again(run, PURPOSE, allow_code=source.allow_code, given=given)
    for note in prepared.model.notes:
        progress.note(note)
    return ready(run, prepared, answers)


def ready(run: Run, plan: RunPlan, answers: AnswerChoice) -> ReadyRun:
    """Bring a run and its loaded model together.

    Args:
        run: The run.
        plan: The same run, prepared again, with its model loaded.
        answers: Whose answers the words are weighed for.

    Raises:
        UsageError: the model does not run in this process through transformers, is quantised, or
            is split over more than the GPUs.
    """
    from harness.models.inference.local import LocalModel

    if not isinstance(plan.model, LocalModel):
        raise UsageError(
            f"{run.path}: {plan.model.info.name} does not run through transformers here, so its "
            "gradients cannot be had.",
            hint="Run the same weights here: harness run --model DIRECTORY.",
        )
    network, name = plan.model.network, plan.model.info.name
    check_whole(name, describe_quantization(network.config.to_dict()))
    check_in_memory(network, name)
    return ReadyRun(run, plan, plan.model, answers)
