"""The Python API: the same code path as the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from harness.core.errors import UsageError
from harness.core.names import parse_levels, to_names, to_texts
from harness.core.options import check_options
from harness.core.progress import NoProgress, Progress
from harness.core.records import Instruction, Target, Variant, stable_id
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.prepare import RunPlan, prepare
from harness.evaluation.selection import choose_perturbations
from harness.models.spec import Device, DType
from harness.prompting.prompts import FormatChoice
from harness.results.rundir import Run, load_run
from perturbations import make_variants
from perturbations.strength import StrengthName

__all__ = ["Run", "evaluate", "load_run", "perturb", "run"]


def run(
    model: str | Path,
    *,
    base: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    dtype: DType = "auto",
    device: Device = "auto",
    suite: str | None = None,
    tasks: str | Sequence[str] = (),
    data_dir: str | Path | None = None,
    limit: int | None = None,
    instructions: int | str | None = None,
    few_shot: int = 0,
    levels: str | Sequence[str] | None = None,
    perturbations: str | Sequence[str] = (),
    stacks: str | Sequence[str] = (),
    plugins: str | Sequence[str] = (),
    target: Target = "instruction",
    per_perturbation: int = 1,
    strength: StrengthName = "medium",
    paraphrases: str | Path | None = None,
    similarity: bool = False,
    min_similarity: float | None = None,
    variants: str | Path | None = None,
    scorer: Literal["loglik", "generate", "both"] = "loglik",
    calibrate: Literal["none", "content-free"] = "none",
    prompt_format: FormatChoice = "auto",
    max_new_tokens: int = 7,
    share: float | None = None,
    cells: int | None = None,
    full: bool = False,
    seed: int = 0,
    confidence: float = 0.95,
    resamples: int = 2000,
    precision: float | None = None,
    out: str | Path | None = None,
    fresh: bool = False,
    cache: bool = True,
    window: int | None = None,
    progress: Progress | None = None,
) -> Run:
    """Evaluate a model on every level and write its reports, as `harness run` does.

    Each keyword is the option of that name (`harness.evaluation.config.RunConfig` says what it
    means); `progress` is told how the run goes. The same call resumes a run that was stopped.

    Returns:
        The finished run: its summary, its frames and its directory.

    Raises:
        UsageError: an option, a name, a file or a model that cannot be used.
        NothingToEvaluateError: the options leave no cell.
        IncompleteRunError: the disk is full; the same call resumes.
    """
    given = {name: value for name, value in locals().items() if name != "progress"}
    config = check_options(RunConfig, {**given, "model": str(model)}, say=str)
    return evaluate(
        prepare(config), command=f"harness.run(model={str(model)!r})", progress=progress
    )


def evaluate(prepared: RunPlan, *, command: str, progress: Progress | None = None) -> Run:
    """Evaluate what has been prepared, write its reports, and return the finished run."""
    from reports import render

    finished = execute(prepared, command=command, progress=progress or NoProgress())
    render([finished], ("md", "html"), finished.path)
    return finished


def perturb(
    text: str,
    *,
    levels: str | Sequence[str] | None = None,
    perturbations: str | Sequence[str] = (),
    stacks: str | Sequence[str] = (),
    label_words: str | Sequence[str] = (),
    paraphrases: Sequence[str] = (),
    per_perturbation: int = 1,
    plugins: str | Sequence[str] = (),
    data_dir: str | Path | None = None,
    strength: StrengthName = "medium",
    seed: int = 0,
) -> list[Variant]:
    """Make variants of an instruction.

    Args:
        text: the instruction.
        levels: levels to perturb at, each its core set; default: all.
        perturbations: only these, by name; `all` is the whole catalogue.
        stacks: compositions such as `keyboard+politeness`.
        label_words: verbalizers, which stay as they are.
        paraphrases: other texts of the instruction, for the perturbation `paraphrase`.
        per_perturbation: variants per perturbation.
        plugins: Python files with perturbations of your own.
        data_dir: folder with words/ data; default: HARNESS_DATA_DIR.
        strength: how many words noise changes, and how much: low, medium or high.
        seed: from which every variant follows.

    Returns:
        The variants with their edits, in order of level.

    Raises:
        UsageError: an empty text, or an unknown level or perturbation.
    """
    if not text.strip():
        raise UsageError("the text to perturb is empty.")
    chosen = choose_perturbations(
        levels=None if levels is None else parse_levels(levels),
        names=to_names(perturbations),
        stacks=to_texts(stacks),
        plugins=to_texts(plugins),
        data_dir=None if data_dir is None else Path(data_dir),
        strength=strength,
    )
    made = make_variants(
        "text",
        # The text is its own name, so that two texts draw apart at one seed.
        Instruction(id=stable_id(text), style="task", text=text),
        perturbations=chosen.perturbations,
        label_words=to_texts(label_words),
        paraphrases=tuple(paraphrases),
        seed=seed,
        per_perturbation=per_perturbation,
    )
    return list(made.variants)
