"""What a model said in free text, clean and under the task's worst variant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.core.records import CLEAN, Variant
from harness.results.kinds import open_tasks
from harness.results.manifest import SAMPLES
from harness.results.store import read_texts
from reports.diff import Mark
from reports.source import Run, section
from reports.variants import variant_marks

if TYPE_CHECKING:
    import pandas as pd

LIMIT: Final = 300
"""Characters of a text that are shown."""
_EXAMPLES: Final = 5
"""Per task: those that lose most."""


@dataclass(frozen=True, slots=True)
class Said:
    """One example's answers, clean and perturbed, with their scores."""

    example_id: str
    input: str
    reference: str
    before: str
    score_before: float
    after: str
    score_after: float


@dataclass(frozen=True, slots=True)
class SaidOfTask:
    """What was said on the examples of a task that its worst variant loses most on."""

    task: str
    variant: Variant
    marks: tuple[Mark, ...]
    rows: tuple[Said, ...]


def said_by(run: Run, samples: pd.DataFrame) -> tuple[SaidOfTask, ...]:
    """The answers of each task with free text.

    Args:
        run: The run.
        samples: Those that its main tables are made from.
    """
    wanted = open_tasks(section(run.manifest, "tasks"))
    return tuple(one for task in sorted(wanted) for one in _of_task(run, samples, task))


def _of_task(run: Run, samples: pd.DataFrame, task: str) -> Iterator[SaidOfTask]:
    variants = [one for one in run.variant_records if one.task == task]
    worst = _worst(run, variants)
    clean = next((v for v in variants if worst and _is_clean_of(v, worst)), None)
    if worst is None or clean is None:
        return
    of_task = samples[samples["task"] == task]
    before, after = (
        of_task[of_task["variant_id"] == one.id].set_index("example_id")["score"]
        for one in (clean, worst)
    )
    lost = (before - after).dropna().sort_values(ascending=False, kind="stable")
    chosen = [str(example) for example in lost.index[:_EXAMPLES]]
    if not chosen:
        return
    texts = read_texts(run.path / SAMPLES, [clean.id, worst.id], chosen)
    examples = _examples(run, task)
    rows = tuple(
        Said(
            example_id=example,
            input=examples.get(example, ("", ""))[0],
            reference=examples.get(example, ("", ""))[1],
            before=texts.get((clean.id, example), ""),
            score_before=float(before[example]),
            after=texts.get((worst.id, example), ""),
            score_after=float(after[example]),
        )
        for example in chosen
    )
    yield SaidOfTask(task, worst, variant_marks(variants, {worst.id})[worst.id], rows)


def _worst(run: Run, variants: list[Variant]) -> Variant | None:
    """The perturbed variant with the lowest score."""
    known = run.summary.variants
    scored = [one for one in variants if one.level != CLEAN and one.id in known]
    return min(scored, key=lambda one: (known[one.id].accuracy, one.id), default=None)


def _is_clean_of(variant: Variant, perturbed: Variant) -> bool:
    return variant.level == CLEAN and variant.instruction_id == perturbed.instruction_id


def _examples(run: Run, task: str) -> Mapping[str, tuple[str, str]]:
    """Example id -> the start of its input, and its reference."""
    rows = run.examples[run.examples["task"] == task]
    columns = (map(str, rows[name]) for name in ("id", "input", "gold"))
    return {key: (text, gold) for key, text, gold in zip(*columns, strict=True)}
