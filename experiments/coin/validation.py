"""Writes the tasks by which settings are chosen: train rows of no training, their own wordings."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from harness.tasks.suites import task_path

WORDINGS = Path(__file__).with_name("validation.yaml")


def main() -> None:
    """Write OUT/TASK.yaml for each task, over ROWS/TASK.validation.jsonl."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="+", help="names of shipped tasks, or task files")
    parser.add_argument("--rows", type=Path, required=True, help="what rows.py wrote")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    wordings = yaml.safe_load(WORDINGS.read_text(encoding="utf-8"))
    options.out.mkdir(parents=True, exist_ok=True)
    for task in options.tasks:
        spec = yaml.safe_load(task_path(task).read_text(encoding="utf-8"))
        name = spec["name"]
        rows = (options.rows / f"{name}.validation.jsonl").resolve()
        text = yaml.safe_dump(reword(spec, wordings[name], rows), sort_keys=False)
        (options.out / f"{name}.yaml").write_text(text, encoding="utf-8")


def reword(spec: Mapping[str, Any], wordings: Mapping[str, Any], rows: Path) -> dict[str, object]:
    """The task with other rows, whose labels are numbers, and other instructions."""
    instructions = [{"id": key, "text": text} for key, text in wordings["instructions"].items()]
    return {
        **{key: spec[key] for key in ("name", "label_field", "input", "answer_cue")},
        "labels": [{**label, "value": place} for place, label in enumerate(spec["labels"])],
        "source": {"file": str(rows)},
        "instructions": instructions,
        "paraphrases": wordings["paraphrases"],
    }


if __name__ == "__main__":
    main()
