"""The job: from the cells of a run to attributions on disk, window by window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.core.progress import Progress
from harness.core.records import Cell
from harness.explanation.ask import Answered, Question, make_questions
from harness.explanation.cells import answered_cells, key_of
from harness.explanation.density import density, shares, word_importance
from harness.explanation.plan import scope_of
from harness.explanation.ready import ReadyRun
from harness.explanation.store import (
    ATTRIBUTIONS,
    Attribution,
    AttributionStore,
    ExplainedWord,
    Key,
    read_attributions,
)
from harness.explanation.words import CONTENT
from harness.results.rundir import Run
from harness.tasks import Task

if TYPE_CHECKING:
    from harness.explanation.gradients import Attributed

WINDOW: Final = 64
"""Cells between two writes to disk: what a kill can lose."""


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


def _windows(ready: ReadyRun, keys: Sequence[Key]) -> Iterator[tuple[Task, list[Answered]]]:
    for task, cells in answered_cells(ready, keys):
        for start in range(0, len(cells), WINDOW):
            yield task, cells[start : start + WINDOW]


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
