"""The configuration of a run: every option, checked, and which of them define its results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from harness.core.errors import UnknownNameError, UsageError
from harness.core.records import LEVELS, PERTURBED_LEVELS, Level, Target
from harness.models.options import ModelOptions
from harness.prompting.prompts import FORMAT_CHOICES
from harness.prompting.scoring import Scorer
from harness.tasks.instructions import SOURCE

DTYPES = ("auto", "float32", "bfloat16", "float16")
DEFAULT_SUITE = "starter"

_OPERATIONAL = frozenset(
    {"out", "fresh", "cache", "data_dir", "device", "window", "resamples", "share", "cells"}
)
"""Options that change where, when or how fast a run happens or how many cells it asks, never what
a cell is: a larger share goes on in the same directory."""
_NAMES = frozenset({"model", "base", "revision"})
"""Where the model lies: what it is stands in the content, as its fingerprint."""


class RunConfig(ModelOptions):
    """What `harness run` was asked for."""

    prompt_format: str = "auto"
    suite: str | None = None
    tasks: tuple[str, ...] = ()
    levels: tuple[Level, ...] | None = None
    """Default: every level, or none where perturbations or stacks are named."""
    perturbations: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    target: Target = "instruction"
    limit: Annotated[int, Field(ge=1)] | None = None
    instructions: Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern=SOURCE)] | None = None
    """How many of the task's own, or a source of others: `promptbench`, `promptbench:4`."""
    paraphrases: Path | None = None
    """A paraphrase bank that `harness paraphrase` wrote."""
    per_perturbation: Annotated[int, Field(ge=1)] = 1
    similarity: bool = False
    """Whether each variant's similarity to its original is measured."""
    min_similarity: Annotated[float, Field(ge=-1, le=1)] | None = None
    """Variants below it are drawn again."""
    variants: Path | None = None
    scorer: Literal["loglik", "generate", "both"] = "loglik"
    calibrate: Literal["none", "content-free"] = "none"
    max_new_tokens: Annotated[int, Field(ge=1)] = 7
    few_shot: Annotated[int, Field(ge=0)] = 0
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of the perturbed cells that is asked; default: all, or what `cells` pays for."""
    cells: Annotated[int, Field(ge=1)] | None = None
    """A budget of cells: clean instructions first, the largest possible share of others then."""
    precision: Annotated[float, Field(gt=0, lt=100)] | None = None
    seed: int = 0
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    resamples: Annotated[int, Field(ge=100)] = 2000
    data_dir: Path | None = None
    out: Path | None = None
    fresh: bool = False
    cache: bool = True
    window: Annotated[int, Field(ge=1)] | None = None
    """Cells a unit of work; default: by the device."""

    @property
    def scorers(self) -> tuple[Scorer, ...]:
        """The scorers to use, the primary one first."""
        if self.scorer == "both":
            return ("loglik", "generate")
        return (self.scorer,)

    def identity(self) -> dict[str, Any]:
        """The options that define the results, in plain JSON types."""
        return self.model_dump(mode="json", exclude=set(_OPERATIONAL | _NAMES))


def parse_levels(text: str) -> tuple[Level, ...]:
    """The perturbed levels of a comma-separated list; `all` is every one, `clean` alone none.

    Raises:
        UnknownNameError: a name that is no level.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in (*LEVELS, "all"):
            raise UnknownNameError("level", name, [*LEVELS, "all"])
    if not names:
        raise UsageError("--levels is empty.", hint=f"Choose from {', '.join(LEVELS)}, all.")
    return tuple(level for level in PERTURBED_LEVELS if level in names or "all" in names)


def check_choice(kind: str, value: str, choices: tuple[str, ...]) -> None:
    """Complain about a value that is not among the choices, with the nearest ones.

    Raises:
        UnknownNameError: it is not.
    """
    if value not in choices:
        raise UnknownNameError(kind, value, choices)


def check_config(config: RunConfig) -> None:
    """Complain about options that cannot go together, before anything is loaded.

    Raises:
        UsageError: with the option to change.
    """
    check_choice("prompt format", config.prompt_format, FORMAT_CHOICES)
    if config.calibrate != "none" and config.scorer == "generate":
        raise UsageError(
            "--calibrate content-free corrects label likelihoods, and --scorer generate has none.",
            hint="Type: --scorer loglik, or --scorer both.",
        )
    if config.variants is not None and (config.perturbations or config.stacks):
        raise UsageError(
            "--variants scores exactly the texts of its file; --perturbations and --stack "
            "would make others.",
            hint="Leave one of them out.",
        )
    if config.share is not None and config.cells is not None:
        raise UsageError(
            f"--share {config.share:g} and --cells {config.cells} both say how much is asked.",
            hint="Leave one of them out.",
        )
    if config.variants is not None and config.target != "instruction":
        raise UsageError("--variants holds instruction texts; --target must be instruction.")
