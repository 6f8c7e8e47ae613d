"""The task file: what may stand in a task's YAML, checked key by key.

`json_schema()` states the same rules for editors (`harness show task-schema`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from harness.core.plain_numbers import PlainNumbers
from harness.core.records import BLANK_LINE, Instruction, Placement, Scorer, Style
from harness.grading.label_set import LabelSet
from harness.grading.spec import AnswerSpec
from harness.tasks.conversation import transcript_template
from harness.tasks.encodings import check_encoding

MAX_INSTRUCTION: Final = 32_768
"""Characters. A longer text is data in the wrong place, and no model's context holds much of it."""

MAX_GAP: Final = 20
"""Characters between instruction and input."""


def _as_text(value: object) -> object:
    """The text of a number or a truth value, as YAML writes it."""
    if isinstance(value, str) and not value.strip():
        raise ValueError("a label's name or word is empty")
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


def _allow_short(schema: dict[str, Any]) -> None:
    schema["items"] = {"anyOf": [{"type": ["string", "integer", "boolean"]}, schema["items"]]}


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$", max_length=80)]
Text = Annotated[str, StringConstraints(min_length=1)]
Word = Annotated[
    str,
    BeforeValidator(_as_text),
    StringConstraints(min_length=1),
    Field(json_schema_extra={"type": ["string", "integer", "boolean"]}),
]
"""A text; a number or a truth value counts as the text that was written."""


class _Strict(PlainNumbers):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class HubSource(_Strict):
    """A data set of the hub, read through the package `datasets`."""

    path: Text
    """Repository id, such as nyu-mll/glue."""
    config: str | None = None
    split: Text = "validation"


class Source(_Strict):
    """Where the rows are. The first that can be had is used: `rows`, `file`, `data`, `hub`."""

    rows: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)] | None = None
    """The rows themselves, each a mapping of fields."""
    file: str | None = None
    """A path relative to the task file: .jsonl, .json, .csv, .tsv or .parquet, also as .gz or
    .xz."""
    data: str | None = None
    """A path relative to the data folder (`--data-dir`, HARNESS_DATA_DIR)."""
    hub: HubSource | None = None
    separator: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = None
    """The character between the columns of a CSV file; default: read off its first line."""
    encoding: Text = "utf-8"
    """How the characters of a text file are stored."""
    require: tuple[Text, ...] = ()
    """Only rows in which these fields hold something; the others are left out."""
    where: dict[Text, tuple[Word, ...]] = Field(default_factory=dict)
    """Only rows in which each of these fields holds one of its values."""

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str) -> str:
        return check_encoding(encoding)

    @model_validator(mode="after")
    def _has_one(self) -> Source:
        if all(one is None for one in (self.rows, self.file, self.data, self.hub)):
            raise ValueError("a source needs one of: rows, file, data, hub")
        return self


class LabelSpec(_Strict):
    """One answer class."""

    name: Word
    """How reports and samples call it."""
    value: str | int | bool | None = None
    """What stands in the label field; default: the name."""
    word: Word | None = None
    """What the model should say; default: the name."""
    also: tuple[str | int | bool, ...] = ()
    """Other values of the label field that mean the same, such as another spelling."""

    @property
    def key(self) -> str:
        """The label field's value, as text."""
        return str(self.name if self.value is None else self.value)

    @property
    def keys(self) -> tuple[str, ...]:
        """Every value of the label field that means this label, as text."""
        return (self.key, *map(str, self.also))

    @property
    def answer(self) -> str:
        """The word the model should say."""
        return (self.name if self.word is None else self.word).strip()


class InstructionSpec(_Strict):
    """One instruction of the task, unperturbed."""

    id: Name
    style: Style = "task"
    """`task`: says what to do. `role`: says whom to be first."""
    text: Annotated[Text, Field(max_length=MAX_INSTRUCTION)]

    def record(self) -> Instruction:
        """The frozen record of the data flow."""
        return Instruction(id=self.id, style=self.style, text=self.text.strip())


class ChoicesSpec(_Strict):
    """Options that stand in each row, of which one is right."""

    field: Text | dict[Text, Text] = "choices"
    """The field that holds a row's options, a list; or a letter and the field of its option, for
    each option: {A: opa, B: opb}."""
    gold: Text = "answer"
    """The field that says which is right: by letter, by place (a number from 0), or by its text."""
    by: Literal["letter", "text"] = "letter"
    """What the model is to say, and what likelihood scores: the option's letter or its text."""
    normalize: Literal["none", "token", "byte", "pmi"] = "none"
    """What an option's summed log-likelihood is divided by: nothing, its tokens, its bytes; `pmi`
    takes off what it has without the question (after the answer cue alone)."""


KINDS: Final = ("labels", "choices", "answer")
"""What makes a task file one of its kind: the key that says what an answer is."""
Metric = Literal[
    "accuracy", "balanced_accuracy", "macro_f1", "mcc", "mean_absolute_error", "quadratic_kappa"
]
ORDINAL_METRICS: Final[tuple[Metric, ...]] = ("mean_absolute_error", "quadratic_kappa")
"""Metrics of labels that have an order."""


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class TaskSpec(_Strict):
    """A task file. What an answer is stands under one of `labels`, `choices` and `answer`."""

    name: Name
    description: str = ""
    source: Source
    id_field: str | None = None
    """The field that identifies a row; default: its position."""
    derive: dict[Text, Text] = Field(default_factory=dict)
    """New fields of each row, by Jinja templates over it: {reference: "{{ solution.split('#')[-1]
    }}"}. A template that ends in `| tojson }}` hands on a list, an object or a number."""
    label_field: str = "label"
    input: Text
    """Jinja template over the row's fields; rendered in a sandbox, missing fields are errors."""
    messages: Text | None = None
    """The field that holds a conversation, a list of {role, content}, in place of `input`; where
    both are given, `input` says how layouts without turns show it."""
    system: Annotated[str, Field(max_length=MAX_INSTRUCTION)] = ""
    """The system text: what stands before everything, as a turn of its own in a chat."""
    answer_cue: str = ""
    """The line that ends a plain prompt, such as 'Answer:'; in a chat it opens the answer."""
    prefill: Annotated[str, Field(max_length=MAX_INSTRUCTION)] = ""
    """The text that every answer begins with: the model goes on after it, and it counts as part of
    what was said. In a chat it stands in the assistant's turn, elsewhere at the prompt's end."""
    placement: Placement = "first"
    """Where the instruction stands: `first` (before the input), `last` (after it) or `both`."""
    gap: Annotated[str, Field(pattern=r"^\s+$", max_length=MAX_GAP)] = BLANK_LINE
    """What stands between instruction and input: spaces or line breaks; default: a blank line."""
    labels: Annotated[
        tuple[LabelSpec, ...],
        Field(min_length=2, json_schema_extra=_allow_short),
    ] = ()
    """Answer classes; a plain word stands for a label of that name, value and word."""
    ordinal: bool | tuple[Word, ...] = False
    """Whether the labels are steps of a scale in the order in which they stand; or their names in
    that order. The metrics are then mean_absolute_error and quadratic_kappa, too."""
    multiple: bool = False
    """Whether a row has several labels at once, or none: its label field is a list of them, or a
    text with commas. The answer is then generated, and its score the F1 of two sets."""
    choices: ChoicesSpec | None = None
    """Options per row, of which one is right."""
    answer: AnswerSpec | None = None
    """Free text, graded against a reference."""
    chance: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Accuracy of guessing; default: 1 / number of labels, for choices the mean of 1 / options, for
    free text 0."""
    metric: Annotated[
        Annotated[tuple[Metric, ...], Field(min_length=1)],
        BeforeValidator(_as_list, json_schema_input_type=Metric | tuple[Metric, ...]),
    ] = ("accuracy",)
    """Metrics of labels: accuracy, and beside it balanced_accuracy, macro_f1 or mcc, and of ordinal
    ones mean_absolute_error or quadratic_kappa."""
    scorer: Scorer | None = None
    """How a response becomes an answer unless `--scorer` says otherwise: `calibrated`, `loglik` or
    `generate`; default: calibrated."""
    instructions: Annotated[
        tuple[InstructionSpec, ...],
        Field(min_length=1, json_schema_extra=_allow_short),
    ]
    """The task's instructions; a plain text is one with an id by its place (task-1, task-2 …)."""
    paraphrases: dict[str, tuple[Text, ...]] = Field(default_factory=dict)
    """Instruction id -> texts that mean the same: the semantic level's bank."""
    few_shot: Source | None = None
    """Rows for `--few-shot`; never evaluated."""

    @model_validator(mode="before")
    @classmethod
    def _written_short(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        full = dict(content)
        if isinstance(field := full.get("messages"), str) and "input" not in full:
            full["input"] = transcript_template(field)
        if isinstance(labels := full.get("labels"), list):
            full["labels"] = [
                {"name": one} if isinstance(one, str | int) else one for one in labels
            ]
        if isinstance(texts := full.get("instructions"), list):
            full["instructions"] = [
                {"id": f"task-{n}", "text": one} if isinstance(one, str) else one
                for n, one in enumerate(texts, 1)
            ]
        return full

    @property
    def order(self) -> tuple[str, ...]:
        """The names of ordinal labels from one end of their scale to the other; else none."""
        if isinstance(self.ordinal, tuple):
            return self.ordinal
        return tuple(label.name for label in self.labels) if self.ordinal else ()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that are wanted: of ordinal labels two more than of others."""
        return tuple(dict.fromkeys((*self.metric, *(ORDINAL_METRICS if self.order else ()))))

    @property
    def grading(self) -> AnswerSpec | None:
        """How generated text is graded, where an answer is free text or a set of labels."""
        if not self.multiple:
            return self.answer
        return AnswerSpec(
            field=self.label_field,
            grader=LabelSet(
                labels={label.name: label.answer for label in self.labels},
                values={key: label.name for label in self.labels for key in label.keys},
            ),
        )

    @property
    def kind(self) -> str:
        """What an answer is: one of `KINDS`."""
        return next(kind for kind in KINDS if getattr(self, kind))

    @field_validator("prefill")
    @classmethod
    def _says_something(cls, prefill: str) -> str:
        if prefill and not prefill.strip():
            raise ValueError("prefill is white space; say what answers begin with, or leave it out")
        return prefill

    @field_validator("labels")
    @classmethod
    def _are_apart(cls, labels: tuple[LabelSpec, ...]) -> tuple[LabelSpec, ...]:
        problems = [
            *_repeated("label", [label.name for label in labels]),
            *_repeated("label value", [key for label in labels for key in label.keys]),
            *_repeated("label word", [label.answer for label in labels], alike=fold_word),
        ]
        if problems:
            raise ValueError("; ".join(problems[:5]))
        return labels

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> TaskSpec:
        given = [kind for kind in KINDS if getattr(self, kind)]
        if not given:
            raise ValueError(
                "a task says what an answer is by one of: labels (the same for all rows), choices "
                "(options in each row), answer (free text)"
            )
        if len(given) > 1:
            raise ValueError(
                f"a task has one kind of answer, and {' and '.join(given)} are given; keep one"
            )
        kind = "several labels at once" if self.multiple else given[0]
        if kind != "labels" and self.metric != ("accuracy",):
            raise ValueError(f"metric {', '.join(self.metric)!r} is of labels, not of {kind}")
        return self

    @model_validator(mode="after")
    def _labels_are_as_said(self) -> TaskSpec:
        for key in ("ordinal", "multiple"):
            if getattr(self, key) and not self.labels:
                raise ValueError(f"{key} is said of labels, and this task has {self.kind}")
        if self.ordinal and self.multiple:
            raise ValueError("labels are ordinal or multiple, not both")
        names = [label.name for label in self.labels]
        if self.order and sorted(self.order) != sorted(names):
            raise ValueError(
                f"ordinal names {', '.join(self.order)}, and the labels are {', '.join(names)}; "
                "each stands once in an order"
            )
        for name in self.metric:
            if name in ORDINAL_METRICS and not self.order:
                raise ValueError(f"metric {name!r} needs an order of the labels: ordinal: true")
        return self

    @model_validator(mode="after")
    def _is_consistent(self) -> TaskSpec:
        ids = [instruction.id for instruction in self.instructions]
        problems = [
            *_repeated("instruction id", ids),
            *(
                f"paraphrases are given for {name!r}, which is no instruction id; the ids are "
                f"{', '.join(ids)}"
                for name in sorted(set(self.paraphrases) - set(ids))
            ),
        ]
        if problems:
            raise ValueError("; ".join(problems[:5]))
        return self


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a task file, for completion and checks in editors."""
    schema = TaskSpec.model_json_schema()
    schema["required"].remove("input")
    schema["anyOf"] = [{"required": [name]} for name in ("input", "messages")]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def fold_word(word: str) -> str:
    """A label word as a reader of answers tells it apart: by its letters alone."""
    return " ".join(re.split(r"[\s_-]+", unicodedata.normalize("NFKC", word).casefold())).strip()


def _repeated(what: str, values: list[str], *, alike: Callable[[str], str] = str) -> Iterator[str]:
    """A problem for each value that equals an earlier one, or cannot be told apart from it."""
    first: dict[str, str] = {}
    for value in values:
        form = alike(value) or value
        if form not in first:
            first[form] = value
        elif first[form] == value:
            yield f"{what} {value!r} stands twice"
        else:
            yield (
                f"{what} {value!r} differs from {first[form]!r} only by case, spaces or the form "
                "of its characters, so that answers cannot be told apart"
            )
