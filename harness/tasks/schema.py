"""The task file: what may stand in a task's YAML, checked key by key.

`json_schema()` gives the same rules to editors (`harness show task-schema`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from harness.core.records import Instruction

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$", max_length=80)]
Text = Annotated[str, StringConstraints(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class HubSource(_Strict):
    """A data set of the hub, read through the package `datasets`."""

    path: Text
    """Repository id, such as nyu-mll/glue."""
    config: str | None = None
    split: Text = "validation"


class Source(_Strict):
    """Where the rows are. The first that can be had is used: `file`, `data`, `hub`."""

    file: str | None = None
    """A path relative to the task file: .jsonl, .csv or .parquet, also as .gz or .xz."""
    data: str | None = None
    """A path relative to the data folder (`--data-dir`, HARNESS_DATA_DIR)."""
    hub: HubSource | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Source:
        if self.file is None and self.data is None and self.hub is None:
            raise ValueError("a source needs one of: file, data, hub")
        return self


class LabelSpec(_Strict):
    """One answer class."""

    name: Text
    """How reports and samples call it."""
    value: str | int | bool | None = None
    """What stands in the label field; default: the name."""
    word: str | None = None
    """What the model should say; default: the name."""

    @property
    def key(self) -> str:
        """The label field's value, as text."""
        return str(self.name if self.value is None else self.value)

    @property
    def answer(self) -> str:
        """The word the model should say."""
        return self.name if self.word is None else self.word


class InstructionSpec(_Strict):
    """One clean wording of the task."""

    id: Name
    style: Literal["task", "role"] = "task"
    """`task`: says what to do. `role`: says whom to be first."""
    text: Text

    def record(self) -> Instruction:
        """The frozen record of the data flow."""
        return Instruction(id=self.id, style=self.style, text=self.text.strip())


class TaskSpec(_Strict):
    """A task file."""

    name: Name
    description: str = ""
    source: Source
    id_field: str | None = None
    """The field that identifies a row; default: its position."""
    label_field: str = "label"
    input: Text
    """Jinja template over the row's fields; rendered in a sandbox, missing fields are errors."""
    answer_cue: str = ""
    """The line that ends a plain prompt, such as 'Answer:'."""
    labels: Annotated[tuple[LabelSpec, ...], Field(min_length=2)]
    chance: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Accuracy of guessing; default: 1 / number of labels."""
    metric: Literal["accuracy"] = "accuracy"
    instructions: Annotated[tuple[InstructionSpec, ...], Field(min_length=1)]
    paraphrases: dict[str, tuple[Text, ...]] = Field(default_factory=dict)
    """Instruction id -> texts that mean the same: the semantic level's bank."""
    few_shot: Source | None = None
    """Rows for `--few-shot`; never evaluated."""

    @model_validator(mode="after")
    def _is_consistent(self) -> TaskSpec:
        _check_unique("label", [label.name for label in self.labels])
        _check_unique("label value", [label.key for label in self.labels])
        _check_unique("label word", [label.answer for label in self.labels])
        ids = [instruction.id for instruction in self.instructions]
        _check_unique("instruction id", ids)
        unknown = sorted(set(self.paraphrases) - set(ids))
        if unknown:
            raise ValueError(
                f"paraphrases are given for {unknown[0]!r}, which is no instruction id; "
                f"the ids are {', '.join(ids)}"
            )
        return self


class SuiteSpec(_Strict):
    """A suite file: a named list of tasks."""

    name: Name
    description: str = ""
    tasks: Annotated[tuple[Name, ...], Field(min_length=1)]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a task file, for completion and checks in editors."""
    schema = TaskSpec.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def suites_dir() -> Path:
    """The folder of the shipped suites."""
    return Path(__file__).parent / "shipped"


def _check_unique(what: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{what} {value!r} stands twice")
