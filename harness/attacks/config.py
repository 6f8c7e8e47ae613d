"""The configuration of an attack, and which of its options define its result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from harness.core.errors import UsageError
from harness.core.records import Level
from harness.evaluation.config import check_choice
from harness.models.options import ModelOptions
from harness.prompting.prompts import FORMAT_CHOICES

_OPERATIONAL = frozenset({"out", "fresh", "cache", "data_dir", "device", "window"})
"""Options that change where, when or how fast a search happens, never what it asks."""
_NAMES = frozenset({"model", "base", "revision"})
"""Where the model lies: what it is stands in the content, as its fingerprint."""


class AttackConfig(ModelOptions):
    """What `harness attack` was asked for."""

    task: str
    out: Path
    recipe: str = "race"
    budget: Annotated[int, Field(ge=1)] = 2000
    """Cells that the search may ask; the report split is measured on top of them."""
    level: Level | None = None
    """Default: the recipe's first."""
    instruction: str | None = None
    """Id of the instruction to attack. Default: the task's first."""
    perturbations: tuple[str, ...] = ()
    """Default: the core set of the level; `all` is its whole catalogue."""
    plugins: tuple[str, ...] = ()
    paraphrases: Path | None = None
    """A paraphrase bank that `harness paraphrase` wrote."""
    search_examples: Annotated[int, Field(ge=2)] | None = None
    report_examples: Annotated[int, Field(ge=2)] | None = None
    max_words_changed: Annotated[float, Field(gt=0, le=1)] | None = None
    min_similarity: Annotated[float, Field(ge=-1, le=1)] | None = None
    masked_lm: Path | None = None
    prompt_format: str = "auto"
    seed: int = 0
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    data_dir: Path | None = None
    fresh: bool = False
    cache: bool = True
    window: Annotated[int, Field(ge=1)] | None = None

    def identity(self) -> dict[str, Any]:
        """The options that define the result, in plain JSON types."""
        return self.model_dump(mode="json", exclude=set(_OPERATIONAL | _NAMES))


def check_attack(config: AttackConfig) -> None:
    """Complain about options that cannot go together, before anything is loaded.

    Raises:
        UsageError: with the option to change.
    """
    check_choice("prompt format", config.prompt_format, FORMAT_CHOICES)
    if config.masked_lm is not None and not config.masked_lm.is_dir():
        raise UsageError(
            f"--masked-lm {config.masked_lm}: no such folder.",
            hint="Give the folder of a masked language model such as bert-base-uncased.",
        )
