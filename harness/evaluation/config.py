"""The configuration of a run: every option, checked, and which of them define its results.

A field's name, type, default and docstring are the option's on the command line, too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from harness.core.errors import UsageError
from harness.core.names import (
    INSTRUCTION_SOURCE,
    as_list,
    parse_instructions,
    parse_levels,
    parse_scorers,
    parse_strengths,
    split_names,
)
from harness.core.records import Level, Placement, Scorer, StrengthName, Target
from harness.models.options import NAMING_FIELDS, ModelOptions
from harness.models.servers.address import is_served
from harness.prompting.prompts import FormatChoice

DEFAULT_SUITE: Final = "starter"

_OPERATIONAL: Final = frozenset(
    {"out", "fresh", "cache", "data_dir", "device", "window", "resamples", "share"}
    | {"cells", "full", "until", "workers", "ray", "embed_with", "metrics"}
)
"""Options that change where, when or how fast a run happens or how many cells it asks, never what
a cell is: a larger share goes on in the same directory."""

_IN_TASKS: Final = frozenset({"placement", "paraphrases", "paraphrase_with"})
"""Options that become part of the tasks, whose content defines the results."""

_UNSAID: Final[dict[str, float]] = {"temperature": 0.0, "repeats": 1}
"""Options that name a run only where they say something else: greedy runs are called as ever."""

Count = Annotated[int, Field(ge=1)]
Names = Annotated[tuple[str, ...], BeforeValidator(split_names)]
"""Names: one, a list, or separated by commas."""
Texts = Annotated[tuple[str, ...], BeforeValidator(as_list)]
"""Paths or compositions: one or a list; a comma is part of it."""
Cosine = Annotated[float, Field(ge=-1, le=1)]
Confidence = Annotated[float, Field(gt=0.5, lt=1)]
Instructions = Annotated[
    Count | Annotated[str, Field(pattern=INSTRUCTION_SOURCE)], BeforeValidator(parse_instructions)
]
Scorers = Annotated[tuple[Scorer, ...], BeforeValidator(parse_scorers)]
Strengths = Annotated[tuple[StrengthName, ...], BeforeValidator(parse_strengths)]
Levels = Annotated[tuple[Level, ...], BeforeValidator(parse_levels)]


class RunConfig(ModelOptions):
    """What `harness run` was asked for."""

    suite: str | None = None
    """Suite of tasks. Default: starter, unless --task is given."""
    tasks: Names = ()
    """Task by name or YAML file; of a --suite's tasks, only these. Repeatable."""
    data_dir: Path | None = None
    """Data folder with public rows and word tables. Default: HARNESS_DATA_DIR."""
    limit: Count | None = None
    """Maximum examples per task (seeded sample)."""
    instructions: Instructions | None = None
    """Number of instructions per task, or promptbench[:N]."""
    few_shot: Annotated[int, Field(ge=0)] = 0
    """Answered examples before each question."""

    levels: Levels | None = None
    """Levels to perturb at, such as character,semantic; each is its core set. Clean is always
    run. Default: all, or none where --perturbations or --stack is given."""
    perturbations: Names = ()
    """Only these perturbations, by name; all is the whole catalogue."""
    stacks: Texts = ()
    """A composition such as keyboard+politeness. Repeatable."""
    plugins: Texts = ()
    """Python file with perturbations, graders or metrics of your own. Repeatable."""
    target: Target = "instruction"
    """What is perturbed."""
    per_perturbation: Count = 1
    """Variants per perturbation."""
    paraphrases: Path | None = None
    """Paraphrase bank, as harness paraphrase writes it, or a folder of them."""
    paraphrase_with: str | None = None
    """Model that rewords the instructions before the run, named like --model. Its banks are kept
    beside the run directory, and used again."""
    similarity: bool = False
    """Measure the similarity of variants to their originals."""
    min_similarity: Cosine | None = None
    """Resample variants whose embedding cosine to the original is below this."""
    variants: Path | None = None
    """Score exactly the instruction texts of this JSONL file."""

    scorers: Scorers = ()
    """How a response becomes an answer: calibrated (the likeliest label, less what a content-free
    input favours), loglik (the likeliest label), generate (greedy text, parsed) or all. One or
    several, separated by commas; the headline speaks of the first. Default: the task file's or
    calibrated, and the others beside it."""
    scorer_share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of the examples for scorers that need other requests than the first. Default: 1, or
    0.2 where --scorer is not given."""
    prompt_format: FormatChoice = "auto"
    """Layout of prompts; auto: chat where the model has a template."""
    placement: Placement | None = None
    """Where the instruction stands: first (before the input), last (after it) or both. Default:
    the task file's."""
    max_new_tokens: Count = 7
    """Maximum tokens of a generated answer."""
    temperature: Annotated[float, Field(ge=0, le=100)] = 0
    """Draw answers at this temperature instead of taking the likeliest text; 0 is greedy."""
    repeats: Count = 1
    """Answers drawn per cell; a cell's score is their mean."""

    share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of the perturbed cells that is asked, evenly over variants and examples. Default:
    what --cells pays for."""
    cells: Count | None = None
    """Budget of cells. Shares shrink first, then instructions, then examples. Default: 4000,
    or all where --share, --precision or --variants is given."""
    full: bool = False
    """Ask every variant on every example."""
    strength: Strengths = ("medium",)
    """How many words noise changes, and how much: low, medium or high; with several, such as
    low,medium,high, the report shows accuracy against strength. Default: medium."""
    until: Annotated[float, Field(gt=0, lt=100)] | None = None
    """Go on, from report to report, until the widest drop interval is within this many points."""
    seed: int = 0
    """Random seed."""
    confidence: Confidence = 0.95
    """Confidence of intervals and adjusted tests."""
    resamples: Annotated[int, Field(ge=100)] = 2000
    """Bootstrap resamples."""
    embed_with: str | None = None
    """Model of transformers on this machine, named like --model: how alike free-text answers are,
    by the cosine of their embeddings, beside exact agreement."""
    metrics: Names = ()
    """Metric of a package or plug-in of your own, beside accuracy. Repeatable."""
    precision: Annotated[float, Field(gt=0, lt=100)] | None = None
    """Stop a level once its interval's half-width is at most this many points."""

    workers: Count | None = None
    """Copies of the model that answer side by side, each on a GPU or its share of the cores."""
    ray: str | None = None
    """Address of a Ray cluster whose machines have the workers: host:port, or auto on one of them.
    Default: this machine."""

    out: Path | None = None
    """Run directory; resumed if it holds this run. Default: runs/…"""
    fresh: bool = False
    """Start over, do not resume."""
    cache: bool = True
    """Use responses of earlier runs."""
    window: Count | None = None
    """Cells between two writes to disk. Default: by the device."""

    def identity(self) -> dict[str, Any]:
        """The options that define the results, in plain JSON types."""
        content = self.model_dump(
            mode="json", exclude=set(_OPERATIONAL | _IN_TASKS | NAMING_FIELDS)
        )
        return {k: v for k, v in content.items() if k not in _UNSAID or v != _UNSAID[k]}


def check_config(config: RunConfig) -> None:
    """Validate that the options are compatible, before anything is loaded.

    Raises:
        UsageError: with the option to change.
    """
    if config.variants is not None and (config.perturbations or config.stacks):
        raise UsageError(
            "--variants scores exactly the texts of its file; --perturbations and --stack "
            "would make others.",
            hint="Leave one of them out.",
        )
    if config.paraphrases is not None and config.paraphrase_with is not None:
        raise UsageError(
            "--paraphrases names a bank that is there, and --paraphrase-with has one written.",
            hint="Leave one of them out.",
        )
    if config.variants is not None and config.paraphrase_with is not None:
        raise UsageError(
            "--variants scores exactly the texts of its file; --paraphrase-with has others "
            "written.",
            hint="Leave one of them out.",
        )
    sizes = {
        f"--share {config.share}": config.share is not None,
        f"--cells {config.cells}": config.cells is not None,
        "--full": config.full,
    }
    given = [name for name, is_given in sizes.items() if is_given]
    if len(given) > 1:
        raise UsageError(
            f"{' and '.join(given)} say differently how much is asked.", hint="Give one of them."
        )
    if config.until is not None and (config.full or config.precision is not None):
        other = "--full" if config.full else f"--precision {config.precision}"
        raise UsageError(
            f"--until {config.until:g} and {other} say differently when the run ends.",
            hint="Give one of them.",
        )
    _check_workers(config)
    if config.variants is not None and config.target != "instruction":
        raise UsageError("--variants holds instruction texts; --target must be instruction.")


def _check_workers(config: RunConfig) -> None:
    given = f"--workers {config.workers}" if config.workers else f"--ray {config.ray}"
    if (config.workers or config.ray is not None) and is_served(config.model_spec):
        raise UsageError(
            f"{given}: {config.model} is a server's model, which is asked from here.",
            hint="Type --concurrency N for so many requests in flight, or leave both out.",
        )
    if (config.workers or config.ray is not None) and config.device == "split":
        raise UsageError(
            f"{given}: each worker has a GPU of its own, and --device split takes all of a "
            "machine's.",
            hint="Give one of them.",
        )
    if config.ray is not None and not config.ray.strip():
        raise UsageError("--ray names no cluster.", hint="Type: --ray HOST:PORT, or --ray auto")
