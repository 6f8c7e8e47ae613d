"""Writes task files: tested tasks with further instructions, or tasks by which settings are chosen.

    python experiments/coin/tasks.py sst2 --wordings further.yaml --out OUT
    python experiments/coin/tasks.py sst2 --wordings validation.yaml --rows ROWS --out OUT

With --rows the task has these rows, of no training and no test, and the wordings' instructions
alone; without, its own rows, and the wordings' instructions after its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from harness.tasks.suites import task_path


def main() -> None:
    """Write OUT/TASK.yaml for each task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="+", help="names of shipped tasks, or task files")
    parser.add_argument("--wordings", type=Path, required=True, help="instructions by task")
    parser.add_argument("--rows", type=Path, help="what rows.py wrote")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    wordings = yaml.safe_load(options.wordings.read_text(encoding="utf-8"))
    options.out.mkdir(parents=True, exist_ok=True)
    for task in options.tasks:
        spec = yaml.safe_load(task_path(task).read_text(encoding="utf-8"))
        name = spec["name"]
        if options.rows:
            rows = (options.rows / f"{name}.validation.jsonl").resolve()
            made = replace_wordings(spec, wordings[name], rows)
        else:
            made = add_wordings(spec, wordings[name])
        text = yaml.safe_dump(made, sort_keys=False, allow_unicode=True)
        (options.out / f"{name}.yaml").write_text(text, encoding="utf-8")


def replace_wordings(
    spec: Mapping[str, Any], wordings: Mapping[str, Any], rows: Path
) -> dict[str, object]:
    """The task with other rows, whose labels are numbers, and other instructions."""
    return {
        **{key: spec[key] for key in ("name", "label_field", "input", "answer_cue")},
        "labels": [{**label, "value": place} for place, label in enumerate(spec["labels"])],
        "source": {"file": str(rows)},
        "instructions": _instructions(wordings),
        "paraphrases": wordings["paraphrases"],
    }


def add_wordings(spec: Mapping[str, Any], wordings: Mapping[str, Any]) -> dict[str, object]:
    """The task with further instructions."""
    return {
        **spec,
        "instructions": [*spec["instructions"], *_instructions(wordings)],
        "paraphrases": {**spec["paraphrases"], **wordings["paraphrases"]},
    }


def _instructions(wordings: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"id": key, "style": "role" if key.startswith("role") else "task", "text": text}
        for key, text in wordings["instructions"].items()
    ]


if __name__ == "__main__":
    main()
