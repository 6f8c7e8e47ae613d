"""Writes the tasks by which settings are chosen: train rows of no training, their own wordings."""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from harness.tasks.suites import task_path

WORDINGS = Path(__file__).with_name("validation.yaml")


def main() -> None:
    """Write OUT/TASK.yaml for each task, over ROWS/TASK.validation.jsonl."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="+", help="tasks of the suite")
    parser.add_argument("--rows", type=Path, required=True, help="what rows.py wrote")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    wordings = yaml.safe_load(WORDINGS.read_text(encoding="utf-8"))
    options.out.mkdir(parents=True, exist_ok=True)
    for task in options.tasks:
        spec = yaml.safe_load(task_path(task).read_text(encoding="utf-8"))
        rows = (options.rows / f"{task}.validation.jsonl").resolve()
        changed = reword(spec, wordings[task], rows)
        text = yaml.safe_dump(changed, sort_keys=False)
        (options.out / f"{task}.yaml").write_text(text, encoding="utf-8")


def reword(spec: dict[str, object], wordings: dict[str, dict[str, object]], rows: Path) -> object:
    """The task of the suite with other rows, instructions and paraphrases."""
    instructions = [{"id": key, "text": text} for key, text in wordings["instructions"].items()]
    kept = {key: spec[key] for key in ("name", "label_field", "input", "answer_cue", "labels")}
    return {
        **kept,
        "source": {"file": str(rows)},
        "instructions": instructions,
        "paraphrases": wordings["paraphrases"],
    }


if __name__ == "__main__":
    main()
