"""Writes the rows of a pairs file as instruction data under wordings such as wordings.yaml's.

What comes out is what `harness pairs --source paraphrases` reads: requests, and for each wording
the others of its group as its paraphrases.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import yaml

from harness.core.records import stable_id
from harness.tasks.paraphrase_bank import Bank, write_bank
from harness.tasks.rows import Row, read_file
from harness.tasks.template import compile_template
from trainers.pairs import Pair, read_pairs


def main() -> None:
    """Write REQUESTS and BANK."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path, help="pairs of templates, made of the rows")
    parser.add_argument("--wordings", type=Path, nargs="+", required=True, help="one or more")
    parser.add_argument("--own-words", action="store_true", help="only in the tested answer words")
    parser.add_argument("--rows", type=Path, required=True, help="what rows.py wrote")
    parser.add_argument("--requests", type=Path, required=True)
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wordings = read_wordings(options.wordings, own_words=options.own_words)
    pairs = list(read_pairs(options.pairs))
    tasks = {_task(pair) for pair in pairs}
    rows = {task: read_file(options.rows / f"{task}.arms.jsonl") for task in sorted(tasks)}
    rng = Random(options.seed)
    requests = [_request(pair, rows, wordings, rng) for pair in pairs]
    text = "".join(json.dumps(request) + "\n" for request in requests)
    options.requests.write_text(text, encoding="utf-8")
    write_bank(make_bank(wordings), options.bank)


def read_wordings(paths: Iterable[Path], *, own_words: bool) -> dict[str, dict[str, Any]]:
    """Task -> its input and the groups of all files, or those with its first answer words."""
    tasks: dict[str, dict[str, Any]] = {}
    for path in paths:
        for task, spec in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            known = tasks.setdefault(task, {"input": spec["input"], "groups": []})
            known["groups"] += spec["groups"]
    if own_words:
        for spec in tasks.values():
            words = spec["groups"][0]["words"]
            spec["groups"] = [group for group in spec["groups"] if group["words"] == words]
    return tasks


def make_bank(wordings: Mapping[str, Any]) -> Bank:
    """Each wording with the others of its group."""
    groups = [group["texts"] for task in wordings.values() for group in task["groups"]]
    others = {
        text: tuple(other for other in group if other != text) for group in groups for text in group
    }
    ids = {text: stable_id(text) for text in others}
    return Bank(
        task=None,
        instructions={ids[text]: text for text in others},
        paraphrases={ids[text]: texts for text, texts in others.items()},
    )


def _task(pair: Pair) -> str:
    """The suite's name of FLAN's `glue_qqp` and promptsource's `glue/qqp`."""
    return pair.task.removeprefix("glue_").removeprefix("glue/")


def _request(
    pair: Pair, rows: Mapping[str, list[Row]], wordings: Mapping[str, Any], rng: Random
) -> dict[str, str]:
    """The pair's row under a wording drawn at random, evenly over all of the task's."""
    task = _task(pair)
    row = rows[task][int(pair.provenance["row"])]
    spec = wordings[task]
    drawn = [(group["words"], text) for group in spec["groups"] for text in group["texts"]]
    words, text = rng.choice(drawn)
    return {
        "instruction": text,
        "input": compile_template(spec["input"], where=task).render(row),
        "output": words[int(str(row["label"]))],
        "task": task,
    }


if __name__ == "__main__":
    main()
