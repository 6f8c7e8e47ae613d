"""The `answer:` part of a task file: what is read out of a text, and how it is graded."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
)

from harness.grading.contains import Contains
from harness.grading.exact import Exact

Text = Annotated[str, StringConstraints(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class RegexExtraction(_Strict):
    """What a pattern's one group holds, at its last match."""

    regex: Text
    """A regular expression with exactly one group."""


Extraction = Literal["none", "final", "last_number"] | RegexExtraction
"""What is read out of a text before it is graded."""


def _as_mapping(value: object) -> object:
    """A bare name is that grader with its defaults."""
    return {"name": value} if isinstance(value, str) else value


def _name_of(value: object) -> str | None:
    return value.get("name") if isinstance(value, dict) else getattr(value, "name", None)


GraderSpec = Annotated[
    Annotated[Exact, Tag("exact")] | Annotated[Contains, Tag("contains")],
    Discriminator(_name_of),
]
"""A grader by its name, with its options."""


class AnswerSpec(_Strict):
    """Free text that is graded against one or more references per row.

    Example:
        >>> AnswerSpec.model_validate({"grader": "exact"}).grader.language
        'en'
    """

    field: Text = "answer"
    """The field of a row that holds its reference: a text, a number, or a list of them, any one
    of which is right."""
    grader: Annotated[
        GraderSpec, BeforeValidator(_as_mapping, json_schema_input_type=str | GraderSpec)
    ]
    """How a text is scored: a grader's name, or a mapping of its name and options."""
    extract: Extraction = "none"
    """What is read before grading: `none` (the whole text), `final` (the final answer),
    `last_number`, or `{regex: …}` with one group."""
    strip_reasoning: bool = True
    """Whether `<think>…</think>` and its like, also unclosed, are left out first."""
    stop: tuple[Text, ...] = ()
    """Texts at which generation ends; they are not part of the answer."""
    max_new_tokens: Annotated[int, Field(ge=1)] = 64
    """Tokens after which generation ends."""
