"""What `harness harden` was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, field_validator

from harness.core.plain_numbers import PlainNumbers
from harness.evaluation.config import Count, Names
from harness.models.spec import Device
from harness.prompting.prompts import FormatChoice
from trainers.choices import Tuning
from trainers.objectives import parse_objective

NO_REWORDER: Final = "none"
"""Says that no model is to reword."""
DEFAULT_STEPS: Final = 48
"""As many as the experiment's arms have."""
DEFAULT_CELLS: Final = 2000

_OPERATIONAL: Final = frozenset({"out", "fresh", "device", "data_dir", "also"})
"""Options that change where something is done, never the checkpoint or its test."""


class HardenConfig(PlainNumbers):
    """What `harness harden` was asked for; defaults are those that the experiment supports."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: str
    """Base model: directory, hub id, .gguf file or the bundled smollm2-135m."""
    task: str
    """Task by name or YAML file: its rows are the test, its instructions are reworded."""
    train: Path
    """Labelled rows to train on, with the fields of the task's own rows."""
    out: Path
    """Folder for the checkpoint; all else goes beside it, to OUT.hardening."""
    fresh: bool = False
    """Start over, do not resume."""
    data_dir: Path | None = None
    """Data folder with public rows and word tables. Default: HARNESS_DATA_DIR."""

    bank: Path | None = None
    """Paraphrase bank, as harness paraphrase writes it."""
    reworder: str | None = None
    """Model that rewords instructions, as for --model, or of a server; none for no model.
    Default: the model itself, where the task and its bank have too few wordings."""

    control: bool = True
    """Train the same rows plainly for as many steps, to compare with."""
    objective: str = "sft,divergence=5"
    """Objectives or terms with optional weights."""
    tuning: Tuning = "lora"
    """What is trained: a LoRA adapter, or all weights."""
    steps: Count = DEFAULT_STEPS
    """Maximum optimiser steps of each training."""
    batch: Annotated[int, Field(ge=2)] = 16
    """Pairs per optimiser step."""
    micro_batch: Count = 8
    """Pairs per forward pass."""
    learning_rate: Annotated[float, Field(gt=0)] = 6e-4
    """AdamW learning rate after warm-up."""
    max_length: Count = 256
    """Maximum length of a prompt with its target, in tokens; longer rows are left out."""
    prompt_format: FormatChoice = "auto"
    """Prompt format; auto: chat where the model has a template."""

    also: Names = ()
    """Other task by name or YAML file: what was lost elsewhere. Repeatable."""
    limit: Count = 100
    """Maximum examples per task that are evaluated."""
    cells: Count = DEFAULT_CELLS
    """Budget of cells of each evaluation."""
    minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Take about so long: fewer steps and cells where they would take longer."""
    seed: int = 0
    """Random seed."""
    device: Device = "auto"
    """Device; auto: a GPU where there is one."""

    @field_validator("objective")
    @classmethod
    def _is_known(cls, objective: str) -> str:
        parse_objective(objective)
        return objective

    def identity(self) -> dict[str, Any]:
        """The options that define the checkpoint and its test, in plain JSON types."""
        return self.model_dump(mode="json", exclude=set(_OPERATIONAL))
