"""Which words an answer hangs on: the call behind `harness explain`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api.models import ModelLike, lent
from harness.api.progress import ProgressLike, to_progress
from harness.api.results import Run, RunLike, to_run
from harness.api.words import in_python
from harness.core.errors import UnknownNameError
from harness.core.options import check_options
from harness.explanation.choose import AnswerChoice
from harness.explanation.config import ExplainConfig
from harness.explanation.explain import ExplainOptions, explain_run
from harness.explanation.layers.frame import layer_frame
from harness.explanation.plan import ExplanationPlan, plan_explanation
from harness.explanation.ready import ModelSource
from harness.explanation.word_frame import word_frame
from harness.models.options import ModelOptions
from harness.models.spec import ModelDevice
from harness.results.explanation import Explanation as Summary
from harness.results.explanation import Measure
from reports import render_again
from reports.why import DRAWN, measure_chart, opening

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd


@dataclass(frozen=True)
class Explanation:
    """What was found in a run: measures, and the words of every explained cell.

    Example:
        >>> explained = harness.explain("runs/base")
        >>> explained.summary.models[0].levels["word"].measures["instruction"]
        Quantity(value=0.041, interval=(0.025, 0.066))
        >>> explained.frame.groupby(["level", "part"])["share"].sum()
    """

    run: Run
    summary: Summary
    """The content of explanation.json."""
    plan: ExplanationPlan

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per word of every explained cell, in the order of its prompt.

        `density` and `share` say how much of the answer hangs on it, `part` where it stands, `fate`
        what became of it under the variant (None outside the perturbed text), and `model` whose
        answer it is.
        """
        return word_frame(self.plan)

    @cached_property
    def layers(self) -> pd.DataFrame:
        """One row per layer of what tuning changed inside the model; none without `layers=True`.

        `weights` is the change of its weights over their size, `rotation` 1 - |cos| of its
        feed-forward network's leading directions, `angle` the largest between the spaces of ten
        such directions in degrees, `gain` what its heads gained in the share of relations with
        instruction verbs, and `beyond` how many heads gained more than random words explain.
        """
        return layer_frame(self.summary.layers)

    @in_python
    def plot(self, measure: Measure = "instruction_share") -> alt.LayerChart:
        """Draw a measure by level, with its intervals.

        Args:
            measure: `instruction`, `input`, `labels`, `inserted`, `changed` (mean density there),
                `instruction_share`, `input_share` (share of the importance), `shift` or
                `share_shift` (change on the instruction's unchanged words).

        Returns:
            An Altair chart; a notebook shows it, and `.save("why.svg")` writes it.

        Raises:
            UnknownNameError: There is no such measure.
        """
        from harness.api.charts import to_altair

        if measure not in DRAWN:
            raise UnknownNameError("measure", measure, DRAWN)
        return to_altair(measure_chart(self.summary, measure))

    def __repr__(self) -> str:
        return f"Explanation({str(self.run.path)!r}: {opening(self.summary)})"


@in_python
def explain(
    run: RunLike,
    *,
    model: ModelLike | None = None,
    tuned: RunLike | None = None,
    layers: bool = False,
    answers: AnswerChoice = "own",
    worst: int = 20,
    sample: int = 200,
    checked: int = 16,
    variant_ids: str | Sequence[str] = (),
    example_ids: str | Sequence[str] = (),
    seed: int = 0,
    confidence: float = 0.95,
    device: ModelDevice | None = None,
    allow_code: bool = False,
    progress: ProgressLike = None,
) -> Explanation:
    """Weigh the words of a run's prompts by what they do for the answer, clean beside perturbed.

    What is weighed stays in the run's directory (attributions.sqlite, explanation.json): the same
    call goes on where it stopped.

    Args:
        run: A finished run of a local model, or its directory.
        model: The run's model, if it does not lie where it lay or is in memory; it must be the same
            one. Default: the run's own.
        tuned: A run of another model on the same cells, to be explained beside the first.
        layers: Compare the layers of the two models, too: heads, feed-forward networks, a swap of
            layers (exploratory).
        answers: Whose answer words are weighed for: the model's `own`, or the right one (`gold`).
        worst: Flips of the worst variants to explain word by word.
        sample: Perturbed cells to draw for the means, as many of each task's levels.
        checked: Cells of the sample on which the explanation itself is tested; 0 for none.
        variant_ids: Explain exactly these variants of the run.
        example_ids: Explain exactly these examples of the run.
        seed: Random seed of the sample and of resamples.
        confidence: Confidence of intervals.
        device: Where the model runs; default: where it ran.
        allow_code: Run plugins and model code that the run names.
        progress: True for a bar, False for none, or an object of your own; default: a bar in a
            notebook only.

    Returns:
        The explanation: `.summary`, `.frame`, `.plot()`.

    Raises:
        UsageError: A run of a served or another model, names that it does not have, or a model
            without gradients.
        IncompleteRunError: The run is not finished, or the disk is full; the same call resumes.

    Example:
        >>> explained = harness.explain("runs/base", tuned="runs/tuned")
        >>> explained.plot("instruction_share")
    """
    names = set(ExplainConfig.model_fields) - {"model", "tuned"}
    given = {name: value for name, value in locals().items() if name in names}
    here = to_run(run)
    beside = None if tuned is None else to_run(tuned)
    config = check_options(ExplainConfig, given, say=str)
    plan = plan_explanation(here, beside, config.choice, config.answers, layers=config.layers)
    with _options(here, model, config) as options:
        summary = explain_run(plan, options, to_progress(progress))
    render_again(here)
    return Explanation(here, summary, plan)


@contextmanager
def _options(run: Run, model: ModelLike | None, config: ExplainConfig) -> Iterator[ExplainOptions]:
    """The options of the call, the model lent where it is in memory."""
    source = ModelSource(
        model=str(model) if isinstance(model, str | Path) else None,
        device=config.device,
        allow_code=config.allow_code,
    )
    if model is None or source.model is not None:
        yield ExplainOptions(source, config.confidence)
        return
    with lent(model, ModelOptions(model=str(run.manifest["model"]["name"]))) as loaded:
        yield ExplainOptions(replace(source, loaded=loaded), config.confidence)
