"""Published adversarial prompts as a variants file for `harness run --variants`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.atomic import reason, write_text
from harness.core.errors import NothingToEvaluateError, UnknownNameError, UsageError
from harness.core.records import CLEAN
from harness.results.rundir import variant_row
from harness.tasks.rows import read_file
from harness.tasks.schema import TaskSpec
from harness.tasks.suites import task_names, task_path
from harness.tasks.yamlfile import read_text, read_yaml
from perturbations.external.promptbench_files import (
    LEVEL_OF,
    PublishedPrompt,
    make_published_variants,
    parse_markdown,
    parse_rows,
)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the prompts of published files."""

    variants: Counter[str]
    """Task -> how many variants were written."""
    left_out: Counter[str]
    """Task that is not asked for, or that the harness does not know -> its prompts."""


def import_prompts(
    files: Sequence[Path], out: Path, *, tasks: Sequence[str] = (), attacks: Sequence[str] = ()
) -> Imported:
    """Write the files' prompts, of these tasks and attacks or of all, as a variants file.

    Raises:
        UsageError: a file that cannot be read, or `out` that cannot be written.
        UnknownNameError: a task that is not shipped, or an attack that is not PromptBench's.
        NothingToEvaluateError: no prompt is left.
    """
    for attack in attacks:
        if attack not in LEVEL_OF:
            raise UnknownNameError("attack", attack, LEVEL_OF)
    label_words = {name: _label_words(name) for name in tasks or task_names()}
    prompts = [prompt for file in files for prompt in _read_prompts(file)]
    wanted = [p for p in prompts if p.attack == CLEAN or not attacks or p.attack in attacks]
    variants = make_published_variants(wanted, label_words)
    if not variants:
        raise NothingToEvaluateError(
            f"no prompt for {', '.join(label_words)} is left in {', '.join(map(str, files))}."
        )
    lines = [json.dumps(variant_row(v), ensure_ascii=False) + "\n" for v in variants]
    try:
        write_text(out, lines)
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {reason(error)}.") from None
    return Imported(
        variants=Counter(variant.task for variant in variants),
        left_out=Counter(prompt.task for prompt in wanted if prompt.task not in label_words),
    )


def _read_prompts(file: Path) -> list[PublishedPrompt]:
    parse = (
        parse_markdown(read_text(file, what="file of prompts")) if file.suffix == ".md" else None
    )
    try:
        return list(parse if parse is not None else parse_rows(read_file(file)))
    except UsageError as error:
        raise UsageError(f"{file}: {error.message}", hint=error.hint) from None


def _label_words(task: str) -> list[str]:
    spec = read_yaml(task_path(task), TaskSpec, what="task")
    return [label.answer for label in spec.labels]
