"""The paraphrase bank: a YAML file of rewordings by instruction, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from harness.core.atomic import reason, write_text
from harness.core.errors import UsageError, nearest_hint
from harness.tasks import Task
from harness.tasks.yamlfile import read_yaml


class BankFile(BaseModel):
    """The content of a paraphrase bank."""

    model_config = ConfigDict(extra="forbid")

    task: str
    provenance: dict[str, Any] = {}
    instructions: dict[str, str]
    """Instruction id -> the text that was reworded."""
    paraphrases: dict[str, list[str]]
    """Instruction id -> its rewordings."""
    rejected: dict[str, int] = {}
    """Filter -> how many answers it rejected."""


@dataclass(frozen=True, slots=True)
class Bank:
    """Rewordings of a task's instructions."""

    task: str
    instructions: Mapping[str, str]
    paraphrases: Mapping[str, tuple[str, ...]]
    rejected: Mapping[str, int] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)


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
    )


def add_bank(tasks: Sequence[Task], bank: Bank) -> list[Task]:
    """The tasks, the bank's own with its rewordings beside those it has.

    Raises:
        UsageError: the bank is of another task, or rewords other texts than the task's.
    """
    names = [task.name for task in tasks]
    if bank.task not in names:
        raise UsageError(
            f"the paraphrase bank is of task {bank.task!r}, and this is about {', '.join(names)}."
        )
    return [_with_bank(task, bank) if task.name == bank.task else task for task in tasks]


def _with_bank(task: Task, bank: Bank) -> Task:
    _check_originals(task, bank)
    merged = {
        name: tuple(
            dict.fromkeys([*task.paraphrases.get(name, ()), *bank.paraphrases.get(name, ())])
        )
        for name in {**task.paraphrases, **bank.paraphrases}
    }
    return replace(task, paraphrases=merged)


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
