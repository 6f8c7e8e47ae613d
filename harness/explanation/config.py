"""What `harness explain` was asked for; each field is an option of the command line, too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field

from harness.core.plain_numbers import PlainNumbers
from harness.evaluation.config import Confidence, Names
from harness.explanation.choose import AnswerChoice, Choice
from harness.models.spec import ModelDevice


class ExplainConfig(PlainNumbers):
    """Which cells are explained, and by which models."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: str | None = None
    """The run's model, if it does not lie where it lay; it must be the same one. Default: the run's
    own."""
    device: ModelDevice | None = None
    """Where models run. Default: where they ran."""
    allow_code: bool = False
    """Run the plugins and model code that a run names."""
    tuned: Path | None = None
    """A run of another model on the same cells, to be explained beside the first."""
    layers: bool = False
    """Compare the layers of the tuned model with those of the first, too: heads, feed-forward
    networks, a swap of layers (exploratory)."""
    worst: Annotated[int, Field(ge=0)] = 20
    """Flips of the worst variants to explain word by word."""
    sample: Annotated[int, Field(ge=1)] = 200
    """Perturbed cells to draw for the means, as many of each task's levels."""
    checked: Annotated[int, Field(ge=0)] = 16
    """Cells of the sample on which the explanation itself is tested; 0 for none."""
    variant_ids: Names = ()
    """Explain exactly these variants of the run."""
    example_ids: Names = ()
    """Explain exactly these examples of the run."""
    answers: AnswerChoice = "own"
    """Whose answer words are weighed for: the model's own, or the right one."""
    seed: int = 0
    """Random seed of the sample and of resamples."""
    confidence: Confidence = 0.95
    """Confidence of intervals."""

    @property
    def choice(self) -> Choice:
        """Which cells."""
        return Choice(
            worst=self.worst,
            sample=self.sample,
            checked=self.checked,
            variant_ids=self.variant_ids,
            example_ids=self.example_ids,
            seed=self.seed,
        )
