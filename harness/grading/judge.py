"""A language model as grader (LLM as judge, Zheng et al. 2023, arXiv:2306.05685).

The judge's prompt stands in the task file and so is a prompt like any other: it can be phrased in
another way; `judge_agreement` measures whether the verdicts hold when it is.

This room knows no model. The caller passes a `JudgeModel`, which asks a model and reads one of the
verdicts out of its text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal, Protocol, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from harness.core.errors import UsageError
from harness.grading.grade import UNPARSED, Grade, GraderOptions

_PLACEHOLDER: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_FIELDS: Final = ("question", "answer", "reference", "first", "second")


class JudgeModel(Protocol):
    """What asks a judge."""

    def verdicts(self, prompts: Sequence[str], words: Sequence[str]) -> Sequence[str | None]:
        """For each prompt the word that the judge answered; None where it said none of them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer to be judged."""

    question: str
    """The input that was answered, without the instruction, which varies."""
    answer: str
    references: Sequence[str] = ()


def fields_of(prompt: str) -> list[str]:
    """The fields that a judge's prompt shows, in its order.

    Example:
        >>> fields_of("{{ question }} {{answer}}")
        ['question', 'answer']
    """
    return _PLACEHOLDER.findall(prompt)


def _check_fields(prompt: str) -> str:
    named = set(fields_of(prompt))
    if unknown := sorted(named - set(_FIELDS)):
        known = ", ".join(f"{{{{ {one} }}}}" for one in _FIELDS)
        raise ValueError(
            f"{{{{ {unknown[0]} }}}} is no field of a judge's prompt; there are {known}"
        )
    if not named & {"answer", "first"}:
        raise ValueError("a judge's prompt needs {{ answer }}, or {{ first }} and {{ second }}")
    if ("first" in named) != ("second" in named) or {"answer", "first"} <= named:
        raise ValueError("{{ first }} and {{ second }} go together, and without {{ answer }}")
    return prompt


Share = Annotated[float, Field(ge=0, le=1)]

JudgePrompt = Annotated[
    str, StringConstraints(min_length=1, max_length=32_768), AfterValidator(_check_fields)
]
"""The text that a judge is asked, with fields in double braces."""


class Judge(GraderOptions):
    """The score of a verdict that another model gives.

    The prompt holds `{{ question }}` (the row's input), `{{ answer }}` and, if it shall,
    `{{ reference }}` (all of them, one a line). With `{{ first }}` and `{{ second }}` in place of
    `{{ answer }}` the judge compares the answer with the first reference, and is asked twice, the
    answer first and the answer second, as judges favour a place; the score is the mean of both.

    Example:
        >>> judge = Judge(prompt="Q: {{ question }} A: {{ answer }} Is it correct or incorrect?")
        >>> judge.prompts(Judged("2 + 2?", "4"))
        ('Q: 2 + 2? A: 4 Is it correct or incorrect?',)
    """

    name: Literal["judge"] = "judge"
    prompt: JudgePrompt
    """What the judge is asked."""
    model: Annotated[str, StringConstraints(min_length=1)] | None = None
    """The judge, as `--model` takes it; default: the model that is evaluated."""
    verdicts: Annotated[dict[str, Share], Field(min_length=2)] = Field(
        default_factory=lambda: {"correct": 1.0, "incorrect": 0.0}
    )
    """Word that the judge says -> score, where the answer stands first."""
    max_new_tokens: Annotated[int, Field(ge=1)] = 32
    """Tokens within which the judge must have said its verdict."""
    swapped: dict[str, str] = Field(default_factory=dict)
    """With `{{ first }}` and `{{ second }}`: word -> the word that means the same once both have
    changed places, such as {A: B, B: A}; other words mean the same in both orders."""

    binary: ClassVar[bool] = False

    @model_validator(mode="after")
    def _words_are_verdicts(self) -> Self:
        for word in (*self.swapped, *self.swapped.values()):
            if word not in self.verdicts:
                raise ValueError(f"swapped names {word!r}, which is no verdict")
        if self.swapped and not self.in_both_orders:
            raise ValueError("swapped needs a prompt with {{ first }} and {{ second }}")
        return self

    @property
    def in_both_orders(self) -> bool:
        """Whether the judge compares two texts, and so is asked in both orders."""
        return "first" in fields_of(self.prompt)

    def prompts(self, judged: Judged, template: str | None = None) -> tuple[str, ...]:
        """What the judge is asked about an answer: one text, or one for each order.

        Args:
            judged: The answer.
            template: Another phrasing of the prompt; default: the task file's.
        """
        reference = judged.references[0] if judged.references else ""
        orders = [(judged.answer, reference)]
        if self.in_both_orders:
            orders.append((reference, judged.answer))
        shown = {"question": judged.question, "answer": judged.answer}
        shown["reference"] = "\n".join(judged.references)
        return tuple(
            _fill(template or self.prompt, {**shown, "first": first, "second": second})
            for first, second in orders
        )

    def scores(self, words: Sequence[str | None]) -> list[float | None]:
        """The score of the verdict in each order; None where there is none."""
        meant = (
            self.swapped.get(word or "", word) if at else word for at, word in enumerate(words)
        )
        return [None if word is None else self.verdicts[word] for word in meant]

    def score(self, words: Sequence[str | None]) -> float | None:
        """The mean score of the verdicts in each order; None where one of them is missing."""
        known = [score for score in self.scores(words) if score is not None]
        return sum(known) / len(known) if len(known) == len(words) else None

    def grade_all(self, judged: Sequence[Judged], model: JudgeModel) -> list[Grade]:
        """The grades of several answers; unparsed where the judge gave no verdict."""
        verdicts = self.ask(judged, model)
        return [
            UNPARSED if (score := self.score(words)) is None else Grade(score, one.answer.strip())
            for one, words in zip(judged, verdicts, strict=True)
        ]

    def ask(
        self, judged: Sequence[Judged], model: JudgeModel, template: str | None = None
    ) -> list[tuple[str | None, ...]]:
        """The verdicts on each answer, one for each order."""
        texts = [text for one in judged for text in self.prompts(one, template)]
        words = list(model.verdicts(texts, list(self.verdicts)))
        each = 2 if self.in_both_orders else 1
        return [tuple(words[at : at + each]) for at in range(0, len(words), each)]

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """Not without a model: see `grade_all`.

        Raises:
            UsageError: always.
        """
        raise UsageError("the grader judge needs a model to ask, and several answers at once.")

    def problem(self, references: Sequence[str]) -> str | None:
        """References are needed where the prompt shows them."""
        shows = {"reference", "first"} & set(fields_of(self.prompt))
        return super().problem(references) if shows else None


def _fill(template: str, fields: Mapping[str, str]) -> str:
    """The prompt with its fields, in one pass: braces within an answer fill nothing."""
    return _PLACEHOLDER.sub(lambda field: fields[field[1]], template)
