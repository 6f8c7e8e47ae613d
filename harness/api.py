"""The Python API: the same code path as the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.progress import NoProgress, Progress
from harness.core.records import Instruction, Level, Variant
from harness.evaluation.config import RunConfig, parse_levels
from harness.evaluation.execute import execute
from harness.evaluation.prepare import RunPlan, prepare
from harness.evaluation.selection import choose_perturbations
from harness.results.rundir import Run, load_run
from perturbations import make_variants

__all__ = ["Run", "evaluate", "load_run", "perturb", "run"]


def run(
    model: str,
    *,
    levels: str | Sequence[str] | None = None,
    tasks: Sequence[str] = (),
    suite: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Run:
    """Evaluate a model and give the finished run.

    `options` are the fields of `harness.evaluation.config.RunConfig`: `limit`, `instructions`,
    `scorer`, `seed`, `out`, `data_dir` and so on, named as on the command line. A run whose
    directory holds the same question already is resumed.

    Raises:
        HarnessError: an option, a file or a model that cannot be used, or a full disk.
    """
    unknown = sorted(set(options) - set(RunConfig.model_fields))
    if unknown:
        from harness.core.errors import UnknownNameError

        raise UnknownNameError("option", unknown[0], RunConfig.model_fields)
    try:
        config = RunConfig(
            model=model, levels=_levels(levels), tasks=tuple(tasks), suite=suite, **options
        )
    except ValueError as error:
        raise UsageError(str(error)) from None
    return evaluate(prepare(config), command=f"harness.run(model={model!r})", progress=progress)


def evaluate(prepared: RunPlan, *, command: str, progress: Progress | None = None) -> Run:
    """Evaluate what has been prepared and write its reports; gives the finished run."""
    from reports import render

    finished = execute(prepared, command=command, progress=progress or NoProgress())
    render([finished], ("md", "html"), finished.path)
    return finished


def perturb(
    text: str,
    *,
    levels: str | Sequence[str] | None = None,
    perturbations: Sequence[str] = (),
    stacks: Sequence[str] = (),
    label_words: Sequence[str] = (),
    paraphrases: Sequence[str] = (),
    per_perturbation: int = 1,
    plugins: Sequence[str] = (),
    data_dir: Path | None = None,
    seed: int = 0,
) -> list[Variant]:
    """Variants of an instruction, in order of level, with their edits.

    Raises:
        UsageError: an empty text, or an unknown level or perturbation.
    """
    if not text.strip():
        raise UsageError("the text to perturb is empty.")
    chosen = choose_perturbations(
        levels=_levels(levels),
        names=perturbations,
        stacks=stacks,
        plugins=plugins,
        data_dir=data_dir,
    )
    made = make_variants(
        "text",
        Instruction(id="text", style="task", text=text),
        perturbations=chosen.perturbations,
        label_words=tuple(label_words),
        paraphrases=tuple(paraphrases),
        seed=seed,
        per_perturbation=per_perturbation,
    )
    return list(made.variants)


def _levels(given: str | Sequence[str] | None) -> tuple[Level, ...] | None:
    if given is None:
        return None
    return parse_levels(given if isinstance(given, str) else ",".join(given))
