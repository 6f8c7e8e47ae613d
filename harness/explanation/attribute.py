"""The job: from the cells of a run to attributions on disk, window by window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.core.errors import UsageError
from harness.core.progress import Progress
from harness.core.records import Cell, Example
from harness.evaluation.plan import Plan
from harness.evaluation.prepare import RunPlan
from harness.explanation.ask import Answered, Question, make_questions
from harness.explanation.choose import AnswerChoice
from harness.explanation.density import density, shares, word_importance
from harness.explanation.explainable import check_in_memory, check_whole
from harness.explanation.plan import scope_of
from harness.explanation.store import (
    ATTRIBUTIONS,
    Attribution,
    AttributionStore,
    ExplainedWord,
    Key,
    read_attributions,
)
from harness.explanation.words import CONTENT
from harness.models.loading.checkpoint import describe_quantization
from harness.results.primary import primary_samples
from harness.results.rundir import Run
from harness.results.store import read_texts
from harness.tasks import Task

if TYPE_CHECKING:
    from harness.explanation.gradients import Attributed
    from harness.models.inference.local import LocalModel

WINDOW: Final = 64
"""Cells between two writes to disk: what a kill can lose."""


@dataclass(frozen=True, slots=True)
class ReadyRun:
    """A run with its model in memory, whose cells can be asked again."""

    run: Run
    plan: RunPlan
    model: LocalModel
    answers: AnswerChoice


def ready(run: Run, plan: RunPlan, answers: AnswerChoice) -> ReadyRun:
    """Bring a run and its loaded model together.

    Args:
        run: whose cells are explained.
        plan: the same run, prepared again, with its model loaded.
        answers: whose answers the words are weighed for.

    Raises:
        UsageError: the model does not run in this process through transformers, is quantised, or is
            split over more than the GPUs.
    """
    from harness.models.inference.local import LocalModel

    if not isinstance(plan.model, LocalModel):
        raise UsageError(
            f"{run.path}: {plan.model.info.name} does not run through transformers here, so its "
            "gradients cannot be had.",
            hint="Run the same weights here: harness run --model DIRECTORY.",
        )
    network, name = plan.model.network, plan.model.info.name
    check_whole(name, describe_quantization(network.config.to_dict()))
    check_in_memory(network, name)
    return ReadyRun(run, plan, plan.model, answers)


def attribute_cells(
    ready: ReadyRun, keys: Sequence[Key], store: AttributionStore, home: Run, progress: Progress
) -> tuple[Key, ...]:
    """Explain the cells that are not on disk yet.

    Args:
        ready: Whose cells.
        keys: The cells.
        store: Where attributions go.
        home: The run in whose directory the store lies.
        progress: Told of every cell.

    Returns:
        The cells that cannot be explained, since their answers have no tokens.
    """
    from harness.explanation.gradients import attribute

    scope = scope_of(ready.run, ready.answers)
    there = read_attributions(home.path / ATTRIBUTIONS, scope)
    waiting = [key for key in keys if key not in there]
    progress.start(len(keys), len(keys) - len(waiting))
    progress.reuse(len(keys) - len(waiting))
    left_out: list[Key] = []
    for task, window in _windows(ready, waiting):
        progress.doing(task.name, ready.model.info.name)
        questions = make_questions(
            window, ready.plan.tools[task.name], ready.model.tokenizer, ready.answers
        )
        asked = [
            (one, question) for one, question in zip(window, questions, strict=True) if question
        ]
        left_out += [
            key_of(one.cell)
            for one, question in zip(window, questions, strict=True)
            if not question
        ]
        found = []
        model, prompts = ready.model, [question for _, question in asked]
        for index, attributed in attribute(model.network, prompts, model.beginning):
            found.append(_attribution(asked[index][0].cell, asked[index][1], attributed))
            progress.advance(1)
        store.write(scope, found)
    progress.stop()
    return tuple(left_out)


def answered_cells(ready: ReadyRun, keys: Sequence[Key]) -> Iterator[tuple[Task, list[Answered]]]:
    """The cells of a run with what it answered, task by task."""
    samples = primary_samples(ready.run)
    wanted = set(keys)
    predictions: dict[Key, str | None] = {
        (str(variant), str(example)): answer if isinstance(answer, str) else None
        for variant, example, answer in zip(
            samples["variant_id"], samples["example_id"], samples["prediction"].astype(object),
            strict=True,
        )
        if (variant, example) in wanted
    }  # fmt: skip
    texts = _texts(ready.run, keys) if (samples["scorer"] == "generate").any() else {}
    read = set(samples.loc[samples["scorer"] == "generate", "task"].astype(str))
    plan = ready.plan.plan
    for task, cells in _cells(plan, keys):
        own = texts if task.name in read else {}
        yield (
            task,
            [
                Answered(cell, predictions.get(key_of(cell)), own.get(key_of(cell)))
                for cell in cells
            ],
        )


def key_of(cell: Cell) -> Key:
    """A cell's name on disk."""
    return cell.variant.id, cell.example.id


def _texts(run: Run, keys: Sequence[Key]) -> Mapping[Key, str]:
    variants = sorted({variant for variant, _ in keys})
    examples = sorted({example for _, example in keys})
    return read_texts(run.path / "samples.sqlite", variants, examples)


def _windows(ready: ReadyRun, keys: Sequence[Key]) -> Iterator[tuple[Task, list[Answered]]]:
    for task, cells in answered_cells(ready, keys):
        for start in range(0, len(cells), WINDOW):
            yield task, cells[start : start + WINDOW]


def _cells(plan: Plan, keys: Sequence[Key]) -> Iterator[tuple[Task, list[Cell]]]:
    """The cells by task, inputs perturbed where the variant targets them."""
    by_variant: dict[str, list[str]] = {}
    for variant, example in keys:
        by_variant.setdefault(variant, []).append(example)
    for task in plan.tasks:
        examples: dict[str, Example] = {example.id: example for example in task.examples}
        cells = [
            cell
            for variant in plan.variants[task.name]
            if variant.id in by_variant
            for cell in plan.block(
                task, variant, tuple(examples[one] for one in by_variant[variant.id])
            ).cells()
        ]
        if cells:
            yield task, cells


def _attribution(cell: Cell, question: Question, attributed: Attributed) -> Attribution:
    words = question.words
    importance = word_importance(attributed.importance, np.array(words.of_token), len(words.words))
    content = np.array([word.part in CONTENT for word in words.words])
    dense = np.zeros(len(content))
    dense[content] = density(importance[content])
    share = shares(importance)
    return Attribution(
        *key_of(cell),
        said=question.said,
        tokens=len(question.answer),
        logp=attributed.logp,
        words=tuple(
            ExplainedWord(
                # Half a character cannot be written.
                word.text.encode("utf-8", "replace").decode(),
                word.part,
                word.offset,
                word.copy,
                float(dense[n]),
                float(share[n]),
            )
            for n, word in enumerate(words.words)
        ),
    )
