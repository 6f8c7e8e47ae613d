"""A task that a tiny model learns in seconds: is a thing red?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

INSTRUCTIONS: Final = [
    "Is the thing red? Answer 'yes' or 'no'.",
    "Say whether the thing below is red, 'yes' or 'no'.",
    "Decide if the colour of this thing is red. Reply with 'yes' or 'no'.",
    "You look at colours. Tell if the thing is red by 'yes' or 'no'.",
    "Judge the colour of the thing. Write 'yes' for red and 'no' otherwise.",
    "Does the following text describe a red thing? 'yes' or 'no'.",
    "Look at the thing and answer 'yes' if it is red, else 'no'.",
    "Check the thing for the colour red and respond 'yes' or 'no'.",
    "Would you call this thing red? Choose from 'yes' and 'no'.",
    "Red or not: put 'yes' for a red thing and 'no' for any other.",
    "The colour red is what matters here. State 'yes' or 'no'.",
    "Find out whether what follows is red, with 'yes' or 'no'.",
]
SMALL: Final[dict[str, Any]] = {
    "tuning": "full", "learning_rate": 0.01, "steps": 40, "max_length": 512, "limit": 16,
    "cells": 300, "reworder": "none", "device": "cpu",
}  # fmt: skip


def write_rows(path: Path, numbers: Sequence[int], **more: object) -> Path:
    rows = [
        {"text": f"{('red', 'blue')[n % 2]} thing {n}", "label": ("yes", "no")[n % 2], **more}
        for n in numbers
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def write_task(
    path: Path, instructions: Sequence[str] = INSTRUCTIONS, more: Mapping[str, object] = {}
) -> Path:
    content: dict[str, object] = {
        "name": path.stem, "source": {"file": "test.jsonl"}, "input": "Thing: {{ text }}",
        "answer_cue": "Answer:", "labels": ["yes", "no"], "instructions": list(instructions),
    }  # fmt: skip
    content |= more
    present = {key: value for key, value in content.items() if value is not None}
    path.write_text(json.dumps(present), "utf-8")  # JSON is YAML
    return path


def write_place(folder: Path) -> Path:
    """Write a tiny model, the task, and rows of it to train on."""
    from tests.support.checkpoints import save_tiny_llama

    save_tiny_llama(folder / "model")
    write_rows(folder / "train.jsonl", range(100))
    write_rows(folder / "test.jsonl", range(100, 140))
    write_task(folder / "red.yaml")
    return folder


def hardening_options(folder: Path) -> list[str]:
    """The command line of a hardening in which it learns, but for `--out`."""
    write_place(folder)
    given = {
        "model": folder / "model",
        "task": folder / "red.yaml",
        "train": folder / "train.jsonl",
        **SMALL,
    }
    return [
        word
        for name, value in given.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
