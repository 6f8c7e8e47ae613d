"""The configuration of an attack, and which of its options define its result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from harness.core.errors import UsageError
from harness.core.records import PerturbedLevel
from harness.evaluation.config import Confidence, Cosine, Count, Names, Strengths, Texts
from harness.models.options import NAMING_FIELDS, ModelOptions
from harness.prompting.prompts import FormatChoice

_OPERATIONAL = frozenset({"out", "fresh", "cache", "data_dir", "device", "window"})
"""Options that change where, when or how fast a search happens, never what it asks."""


class AttackConfig(ModelOptions):
    """What `harness attack` was asked for."""

    task: str
    """Task by name or YAML file."""
    data_dir: Path | None = None
    """Data folder with public rows and word tables. Default: HARNESS_DATA_DIR."""
    instruction: str | None = None
    """Instruction to attack, by id. Default: the task's first."""
    paraphrases: Path | None = None
    """Paraphrase bank, as harness paraphrase writes it."""
    prompt_format: FormatChoice = "auto"
    """Layout of prompts; auto: chat where the model has a template."""

    recipe: str = "race"
    """How to search; see harness list recipes."""
    budget: Count = 2000
    """Query budget in cells. The report's examples are measured on top of it."""
    search_examples: Annotated[int, Field(ge=2)] | None = None
    """Examples to search on. Default: 100, at most half."""
    report_examples: Annotated[int, Field(ge=2)] | None = None
    """Other examples to report on. Default: 400, at most all."""
    masked_lm: Path | None = None
    """Folder of a masked language model (bertattack, bae)."""

    level: PerturbedLevel | None = None
    """Level to search at. Default: the recipe's first."""
    perturbations: Names = ()
    """Only these perturbations, by name; all is the level's whole catalogue. Default: its core
    set."""
    plugins: Texts = ()
    """Python file with perturbations of your own. Repeatable."""
    strength: Strengths = ("medium",)
    """How many words one candidate changes, and how much: low, medium or high, or several, such as
    low,high, to search among. Default: medium."""
    max_words_changed: Annotated[float, Field(gt=0, le=1)] | None = None
    """Maximum share of the instruction's words that may change. Default: by the level."""
    min_similarity: Cosine | None = None
    """Minimum embedding cosine to the original instruction."""

    seed: int = 0
    """Random seed."""
    confidence: Confidence = 0.95
    """Confidence of the interval."""

    out: Path
    """Directory of the attack; resumed if it holds this one."""
    fresh: bool = False
    """Start over, do not resume."""
    cache: bool = True
    """Use responses of earlier runs."""
    window: Count | None = None
    """Cells between two writes to disk. Default: by the device."""

    def identity(self) -> dict[str, Any]:
        """The options that define the result, in plain JSON types."""
        return self.model_dump(mode="json", exclude=set(_OPERATIONAL | NAMING_FIELDS))


def check_attack(config: AttackConfig) -> None:
    """Validate that the options are compatible, before anything is loaded.

    Raises:
        UsageError: with the option to change.
    """
    if config.masked_lm is not None and not config.masked_lm.is_dir():
        raise UsageError(
            f"--masked-lm {config.masked_lm}: no such folder.",
            hint="Give the folder of a masked language model such as bert-base-uncased.",
        )
