"""The paraphrase bank: a YAML file of rewordings by instruction, and where they come from.

One format, written by `harness paraphrase` or by hand, read by `harness run` and `attack`
(`--paraphrases`) and by `harness pairs` (`--bank`):

    task: reviews                       # optional: without it, instructions are known by their text
    instructions: {plain: "Is the review good or bad?"}
    paraphrases: {plain: ["Say whether the review is good or bad."]}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from harness.core.atomic import reason, write_text
from harness.core.errors import UsageError, nearest_hint
from harness.core.names import folder_name
from harness.tasks import Task
from harness.tasks.yamlfile import read_yaml


class BankFile(BaseModel):
    """The content of a paraphrase bank."""

    model_config = ConfigDict(extra="forbid")

    task: str | None = None
    provenance: dict[str, Any] = {}
    instructions: dict[str, str]
    """Instruction id -> the text that was reworded."""
    paraphrases: dict[str, list[str]]
    """Instruction id -> its rewordings."""
    rejected: dict[str, int] = {}
    """Filter -> how many answers it rejected."""
    parts: dict[str, list[str]] = {}
    """Part of an instruction -> a model's rewordings of it."""
    drawn: dict[str, int] = {}
    """Part of an instruction -> how often the model was asked for rewordings."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        unknown = sorted(set(self.paraphrases) - set(self.instructions))
        if unknown:
            raise ValueError(f"paraphrases of {unknown[0]!r}, which is not under instructions")
        return self


@dataclass(frozen=True, slots=True)
class Bank:
    """Rewordings of a task's instructions, or of instructions of no particular task."""

    task: str | None
    instructions: Mapping[str, str]
    paraphrases: Mapping[str, tuple[str, ...]]
    rejected: Mapping[str, int] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    drawn: Mapping[str, int] = field(default_factory=dict)

    @property
    def model(self) -> str | None:
        """The model that wrote it, or None for a bank written by hand."""
        name = self.provenance.get("model")
        return None if name is None else str(name)

    def by_text(self) -> dict[str, tuple[str, ...]]:
        """Paraphrases by the instruction's text."""
        return {
            text.strip(): tuple(self.paraphrases.get(name, ()))
            for name, text in self.instructions.items()
        }


def write_bank(bank: Bank, path: Path) -> None:
    """Write a bank.

    Raises:
        UsageError: the file cannot be written.
    """
    content = BankFile(
        task=bank.task,
        provenance=dict(bank.provenance),
        instructions=dict(bank.instructions),
        paraphrases={name: list(texts) for name, texts in bank.paraphrases.items()},
        rejected=dict(bank.rejected),
        parts={part: list(texts) for part, texts in bank.parts.items()},
        drawn=dict(bank.drawn),
    )
    text = yaml.safe_dump(content.model_dump(), allow_unicode=True, sort_keys=False, width=100)
    try:
        write_text(path, text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {reason(error)}.") from None


def read_bank(path: Path) -> Bank:
    """The bank in a file.

    Raises:
        UsageError: no such file, or not a bank.
    """
    content = read_yaml(path, BankFile, what="paraphrase bank")
    return Bank(
        task=content.task,
        instructions=content.instructions,
        paraphrases={name: tuple(texts) for name, texts in content.paraphrases.items()},
        rejected=content.rejected,
        provenance=content.provenance,
        parts={part: tuple(texts) for part, texts in content.parts.items()},
        drawn=content.drawn,
    )


def add_paraphrases(tasks: Sequence[Task], path: Path) -> list[Task]:
    """The tasks with the rewordings of a bank, or of a folder's banks that are about them.

    Args:
        tasks: The tasks of a run.
        path: A bank, or a folder that holds banks as `TASK.yaml`; those of other tasks are passed
            over.

    Raises:
        UsageError: no such file, not a bank, or a bank of other texts than the tasks'.
    """
    if not path.is_dir():
        return add_bank(tasks, read_bank(path))
    there = [(task, bank_in(path, task.name)) for task in tasks]
    if not any(bank.is_file() for _, bank in there):
        names = ", ".join(task.name for task in tasks)
        raise UsageError(
            f"the folder {path} has no paraphrase bank of {names}.",
            hint=f"It would be {there[0][1]}. Type: harness paraphrase --out FILE.",
        )
    return [
        add_bank([task], read_bank(bank))[0] if bank.is_file() else task for task, bank in there
    ]


def bank_in(folder: Path, task: str) -> Path:
    """Where a folder of banks holds that of a task."""
    return folder / f"{folder_name(task)}.yaml"


def add_bank(tasks: Sequence[Task], bank: Bank) -> list[Task]:
    """The tasks, those that the bank is about with its rewordings beside those they have.

    A bank that names a task is about that task; another is about every instruction whose text it
    has.

    Raises:
        UsageError: the bank is of another task, or rewords other texts than the task's.
    """
    if bank.task is None:
        return _add_by_text(tasks, bank)
    names = [task.name for task in tasks]
    if bank.task not in names:
        raise UsageError(
            f"the paraphrase bank is of task {bank.task!r}, and this is about {', '.join(names)}."
        )
    return [_with_bank(task, bank) if task.name == bank.task else task for task in tasks]


def _add_by_text(tasks: Sequence[Task], bank: Bank) -> list[Task]:
    known = bank.by_text()
    added = [
        _with_paraphrases(
            task,
            {one.id: known[one.text] for one in task.instructions if one.text in known},
            bank.model,
        )
        for task in tasks
    ]
    if not any(one.text in known for task in tasks for one in task.instructions):
        raise UsageError(
            "the paraphrase bank has none of the instructions of "
            f"{', '.join(task.name for task in tasks)}."
        )
    return added


def _with_bank(task: Task, bank: Bank) -> Task:
    _check_originals(task, bank)
    return _with_paraphrases(task, bank.paraphrases, bank.model)


def _with_paraphrases(task: Task, added: Mapping[str, Sequence[str]], model: str | None) -> Task:
    merged = {
        name: tuple(dict.fromkeys([*task.paraphrases.get(name, ()), *added.get(name, ())]))
        for name in {**task.paraphrases, **added}
    }
    written = {text for texts in added.values() for text in texts} if model else set()
    own = {text for texts in task.paraphrases.values() for text in texts}
    return replace(task, paraphrases=merged, model_written=task.model_written | (written - own))


def _check_originals(task: Task, bank: Bank) -> None:
    texts = {instruction.id: instruction.text for instruction in task.instructions}
    for name, original in bank.instructions.items():
        if name not in texts:
            raise UsageError(
                f"the paraphrase bank rewords {name!r}, which is no instruction of {task.name!r}."
                f"{nearest_hint(name, texts)}"
            )
        if texts[name] != original:
            raise UsageError(
                f"the paraphrase bank rewords another text than instruction {name!r} of task "
                f"{task.name!r} has now.",
                hint="Make the bank again: harness paraphrase.",
            )
