"""From a cell to what is explained: the tokens of its prompt and of an answer to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from harness.core.records import Cell
from harness.evaluation.engine import TaskTools
from harness.explanation.choose import AnswerChoice
from harness.explanation.regions import RegionFinder
from harness.explanation.words import PromptWords, find_words
from harness.models.contract import Asked

MAX_ANSWER_TOKENS: Final = 16
"""Tokens of a longer answer that are explained, from its first on."""


class SpanTokenizer(Protocol):
    """What a tokenizer must say of its tokens."""

    def spans(self, text: str, *, special: bool) -> list[tuple[int, int] | None]:
        """The characters of each token."""
        ...

    def names(self, ids: Sequence[int]) -> list[str]:
        """What each token is called."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt's tokens, those of the answer whose probability is explained, and its words."""

    context: tuple[int, ...]
    answer: tuple[int, ...]
    said: str
    """The answer as text, without white space around it."""
    words: PromptWords


@dataclass(frozen=True, slots=True)
class Answered:
    """A cell, and what was answered to it in the run."""

    cell: Cell
    prediction: str | None
    text: str | None
    """What was generated; None where likelihoods were compared."""


def make_questions(
    asked: Sequence[Answered], tools: TaskTools, tokenizer: SpanTokenizer, answers: AnswerChoice
) -> list[Question | None]:
    """What is explained of each cell of one task.

    Args:
        asked: The cells with what was answered.
        tools: How the task's prompts are made.
        tokenizer: Says where each token stands in a text.
        answers: Whose answers are weighed for.

    Returns:
        One question per cell, in their order; None where the answer has no token.
    """
    finder = RegionFinder(tools)
    cells = [one.cell for one in asked]
    prompts = tools.prompts_of(cells)
    said = [_said(one, tools, answers) for one in asked]
    requests = tools.builder.tokenizer.requests(
        [
            replace(prompt, answers={"answer": tools.prompter.answer(text)} if text else {})
            for prompt, text in zip(prompts, said, strict=True)
        ]
    )
    return [
        _question(
            request.context,
            request.continuations,
            text,
            _words(tokenizer, finder, cell, prompt, request.context),
        )
        for request, text, cell, prompt in zip(requests, said, cells, prompts, strict=True)
    ]


def _question(
    context: tuple[int, ...],
    continuations: Mapping[str, tuple[int, ...]],
    said: str,
    words: PromptWords,
) -> Question | None:
    answer = continuations.get("answer", ())[:MAX_ANSWER_TOKENS]
    return Question(context, answer, said, words) if answer and context else None


def _words(
    tokenizer: SpanTokenizer,
    finder: RegionFinder,
    cell: Cell,
    prompt: Asked,
    context: Sequence[int],
) -> PromptWords:
    spans = tokenizer.spans(prompt.text, special=prompt.special)[: len(context)]
    names = tokenizer.names(context)
    return find_words(prompt.text, spans, finder.find(cell, prompt.text), names)


def _said(one: Answered, tools: TaskTools, answers: AnswerChoice) -> str:
    """The answer that is explained, as it stands after the prompt; empty where there is none."""
    words = {**tools.prompter.verbalizer_of, **one.cell.example.words}
    if answers == "gold":
        return words.get(one.cell.example.gold, one.cell.example.gold).strip()
    if one.text is not None:
        return one.text.strip()
    return "" if one.prediction is None else words.get(one.prediction, one.prediction).strip()
