"""How far the judges of a run agree with themselves when their prompts are perturbed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Final

from harness.core.records import CLEAN, Instruction
from harness.evaluation.engine import TaskTools
from harness.evaluation.selection import choose_perturbations
from harness.grading import Judge, JudgeAgreement, Judged, judge_agreement
from harness.grading.self_agreement import keeps_fields
from harness.prompting.readers import JudgedReader
from harness.results.rundir import Run
from harness.tasks import Task
from perturbations import Perturbation, make_variants

_ANSWERS: Final = 50
"""Clean answers that are judged again, at most."""
_PER_LEVEL: Final = 2
"""Phrasings of a judge's prompt per level."""


def measure_judges(
    run: Run,
    tasks: Sequence[Task],
    tools: Mapping[str, TaskTools],
    *,
    seed: int,
    data_dir: Path | None = None,
) -> dict[str, JudgeAgreement]:
    """Task -> how far its judge agrees with itself on a seeded draw of the run's clean answers."""
    found: dict[str, JudgeAgreement] = {}
    for task in tasks:
        reader = tools[task.name].reader
        if isinstance(reader, JudgedReader):
            judged = _draw_answers(run, task, seed)
            if judged:
                chosen = choose_perturbations(levels=None, names=(), stacks=(), data_dir=data_dir)
                prompts = rephrase(reader.judge, chosen.perturbations, seed=seed)
                found[task.name] = judge_agreement(reader.judge, judged, reader.model, prompts)
    return found


def rephrase(judge: Judge, perturbations: Sequence[Perturbation], *, seed: int) -> tuple[str, ...]:
    """Variants of a judge's prompt that keep its fields and verdicts, two per level at most."""
    made = make_variants(
        "judge",
        Instruction(id="judge", style="task", text=judge.prompt),
        perturbations=perturbations,
        label_words=tuple(judge.verdicts),
        paraphrases=(),
        seed=seed,
        per_perturbation=1,
    )
    by_level: dict[str, list[str]] = defaultdict(list)
    for variant in made.variants:
        if keeps_fields(judge.prompt, variant.text, judge.verdicts):
            by_level[variant.level].append(variant.text)
    return tuple(text for texts in by_level.values() for text in texts[:_PER_LEVEL])


def judge_notes(agreements: Mapping[str, JudgeAgreement]) -> Iterator[str]:
    """What the user should know of each judge."""
    for task, found in agreements.items():
        if found.changed is not None:
            yield (
                f"{task}: of {found.answers} clean answers the judge scores {found.changed:.0%} "
                f"differently when its own prompt is perturbed ({found.prompts - 1} ways); pairs "
                f"of prompts agree on {found.between_prompts or 0:.0%}."
            )
        if found.between_orders is not None:
            yield (
                f"{task}: the judge scores {found.between_orders:.0%} of the answers alike in both "
                "orders."
            )


def _draw_answers(run: Run, task: Task, seed: int) -> list[Judged]:
    samples = run.samples
    clean = samples[(samples["task"] == task.name) & (samples["level"] == CLEAN)]
    said = clean[clean["prediction"].notna()][["example_id", "prediction"]].drop_duplicates()
    pairs = sorted(said.itertuples(index=False, name=None))
    examples = {example.id: example for example in task.examples}
    drawn = Random(seed).sample(pairs, min(_ANSWERS, len(pairs)))
    return [
        Judged(examples[identity].input, answer, examples[identity].references)
        for identity, answer in drawn
    ]
