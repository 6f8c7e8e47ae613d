"""Every English instruction that ships with the project, read from the task files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import yaml

from harness.core.records import Instruction
from tests.support.paths import ROOT

_SUITES = ROOT / "harness" / "tasks" / "shipped"
_FOREIGN = {_SUITES / "reading" / f"xquad_{language}.yaml" for language in ("de", "zh", "ar")}


@dataclass(frozen=True)
class Shipped:
    task: str
    instruction: Instruction
    label_words: tuple[str, ...]


@cache
def shipped_instructions() -> tuple[Shipped, ...]:
    found: list[Shipped] = []
    for path in sorted(set(_SUITES.glob("*/*.yaml")) - _FOREIGN):
        task = yaml.safe_load(path.read_text("utf-8"))
        words = tuple(map(_word, task.get("labels", ())))
        for row in task["instructions"]:
            instruction = Instruction(row["id"], row["style"], row["text"].strip())
            found.append(Shipped(task["name"], instruction, words))
    return tuple(found)


def _word(label: str | dict[str, object]) -> str:
    return label if isinstance(label, str) else str(label.get("word", label["name"]))
