"""A form of the experiment: tasks, arms, seeds and contrasts, checked before any computing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.core.errors import UnknownNameError, UsageError
from harness.tasks.yamlfile import parse_yaml, read_text
from trainers.objectives import parse_objective

HERE = Path(__file__).parent
Count = Annotated[int, Field(ge=1)]
Contrast = tuple[str, str]
"""Two arms: the first less the second."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BankSpec(_Part):
    """Where the instructions to train on stand."""

    files: tuple[str, ...]
    """Relative to this folder."""
    task: str
    thing: str = ""
    kind: str = ""


class OthersSpec(_Part):
    """What other authors call the task, whose instructions are tested and never trained on."""

    flan: str | None = None
    promptsource: str | None = None
    promptbench: str | None = None


class TaskSpec(_Part):
    """A task, and the rows that teach and test it."""

    train: str
    test: str | None = None
    """Without one, rows of `train` are kept for the test, the same for every seed."""
    input: str
    cue: str
    words: dict[int | str, str]
    """Label in the rows -> answer word; rows of other labels are left out."""
    bank: BankSpec
    others: OthersSpec

    @property
    def labels(self) -> list[str]:
        """The answer words, each once, in order."""
        return list(dict.fromkeys(self.words.values()))


class Arm(_Part):
    """What is trained on what; all arms see as many tokens from the same start."""

    wordings: Count
    """Instructions of the bank, drawn by seed."""
    objective: str = "sft"
    noisy: bool = False
    """A pair's other text is a perturbed form of its first, not another instruction."""
    pairs_per_row: Count = 1
    train: dict[str, Any] = {}


class StartSpec(_Part):
    """The plain tuning until the task can be done, under one instruction."""

    rows: Count
    tokens: Count
    train: dict[str, Any] = {}


class TestSpec(_Part):
    """The cells of a test."""

    rows: Count
    instructions: Count
    perturbations: tuple[str, ...]
    max_new_tokens: Count = 12
    """Of a generated answer; the longest answer word must fit."""


class Rates(_Part):
    """What the machine does in a second, for an estimate before anything was measured."""

    tokens_per_second: float
    cells_per_second: float


class Form(_Part):
    """A whole form."""

    model: str
    tasks: dict[str, TaskSpec]
    arms: dict[str, Arm]
    contrasts: tuple[Contrast, ...]
    primary: Contrast
    seeds: tuple[int, ...]
    start: StartSpec
    rows: Count
    tokens: Count
    max_words: Count
    train: dict[str, Any]
    test: TestSpec
    published: tuple[str, ...] = ()
    """Tasks that are tested under PromptBench's attacked and reworded instructions, too."""
    rates: Rates

    @model_validator(mode="after")
    def _names(self) -> Self:
        for pair in (*self.contrasts, self.primary):
            for name in pair:
                if name != START and name not in self.arms:
                    raise UnknownNameError("arm", name, [START, *self.arms])
        for task in self.published:
            if task not in self.tasks:
                raise UnknownNameError("task", task, self.tasks)
        for arm in self.arms.values():
            parse_objective(arm.objective)
        return self


START = "start"
"""The arm that is not trained further."""


def read_form(path: Path) -> Form:
    """Read and check a form.

    Raises:
        UsageError: a key or a value that a form cannot have.
    """
    _, content = parse_yaml(read_text(path, what="form"), where=str(path))
    if not isinstance(content, dict):
        raise UsageError(f"{path}: a form is a mapping of keys, this is not.")
    try:
        return Form.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path}: {where}: {first['msg'].lower()}.") from None
