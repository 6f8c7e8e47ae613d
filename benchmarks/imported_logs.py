"""Logs that lm-eval and inspect write, imported: the accuracies that they print?

lm-eval asks the checkpoint the same rows under three prompts, and questions of GSM8K. inspect asks
its `mockllm/model`, which answers from a list, so that nothing is downloaded. Printed is what
either tool says and what `harness import` makes of its logs; the script ends with 1 where they
differ.

    python -m venv lm && lm/bin/pip install "lm-eval[hf]==0.4.13"
    python -m venv in && in/bin/pip install "inspect-ai==0.3.285"
    python benchmarks/imported_logs.py --lm-eval lm/bin/lm_eval --inspect in/bin/python \
        --data-dir DATA
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from harness.logs.import_logs import import_logs
from harness.models import ModelSpec, load_model
from harness.results.provenance import describe_machine

PROMPTS = {
    "clean": "{{sentence}}\nQuestion: Is this sentence positive or negative?\nAnswer:",
    "typos": "{{sentence}}\nQuestoin: Is tihs sentense postive or negative?\nAnswer:",
    "reworded": "{{sentence}}\nWould you call the sentence above positive or negative?\nAnswer:",
}
INSPECT = """
import tiktoken, tiktoken.registry as registry
from inspect_ai import Task, Epochs, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, get_model
from inspect_ai.scorer import choice, f1, match
from inspect_ai.solver import generate, multiple_choice, prompt_template

# inspect counts the tokens of its mock model by an encoding of the net: here it is one per byte.
registry.ENCODINGS["o200k_base"] = tiktoken.Encoding(
    "o200k_base", pat_str="(?s:.)", mergeable_ranks={bytes([b]): b for b in range(256)},
    special_tokens={},
)
SUMS = [("2+2", "4"), ("3+3", "6"), ("5+1", "6"), ("9-4", "5"), ("1+1", "2"), ("10-3", "7")]
SAID = ["4", "7", "the answer is 6", "5", "3", "7"]
LETTERS = ["ANSWER: C", "ANSWER: A", "ANSWER: C", "no idea"]
sums = MemoryDataset([
    Sample(id=n, input=f"What is {q}?", target=t) for n, (q, t) in enumerate(SUMS)])
birds = MemoryDataset([Sample(id=f"q{n}", input="Pick the bird.", choices=["dog", "cat", "owl"],
                              target="C") for n in range(4)])
asked = prompt_template("Please: {prompt}")
TASKS = [
    (Task(sums, solver=[asked, generate()], scorer=[match(numeric=True), f1()], name="sums"), SAID),
    (Task(birds, solver=multiple_choice(), scorer=choice(), name="birds"), LETTERS),
    (Task(sums, solver=generate(), scorer=match(numeric=True), epochs=Epochs(3), name="epochs"),
     SAID + SAID[::-1] + SAID),
]
for form in ("eval", "json"):
    for task, said in TASKS:
        model = get_model("mockllm/model", custom_outputs=[
            ModelOutput.from_content("mockllm/model", one) for one in said])
        (log,) = eval(task, model=model, log_dir="logs", log_format=form, display="none")
        for score in log.results.scores:
            value = next(iter(score.metrics.values())).value
            print("RESULT", log.location, score.name, value, sep="\\t")
"""


def main() -> None:
    """Write logs, import them, compare; exit with 1 where a number differs."""
    options = parse_options()
    pairs: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        if there(options.lm_eval, 'pip install "lm-eval[hf]==0.4.13"'):
            pairs += list(of_lm_eval(Path(folder), options))
        if there(options.inspect, 'pip install "inspect-ai==0.3.285"'):
            pairs += list(of_inspect(Path(folder), options))
    for name, theirs, ours in pairs:
        print(f"{name}: {theirs:.6f} printed, {ours:.6f} imported")
    print(json.dumps(describe_machine("cpu")))
    sys.exit(any(abs(theirs - ours) > 1e-6 for _, theirs, ours in pairs))


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lm-eval", default="lm_eval", help="its command")
    parser.add_argument("--inspect", default="inspect", help="the Python that has inspect_ai")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=24, help="rows per task; of GSM8K a sixth")
    return parser.parse_args()


def there(program: str, install: str) -> bool:
    """Whether a program is installed; where not, what to type is printed."""
    found = shutil.which(program) is not None
    if not found:
        print(f"left out: {program} is not here. Type: {install}")
    return found


def of_lm_eval(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, float, float]]:
    """Task and metric, what lm-eval reports, what the imported run has."""
    checkpoint = load_model(ModelSpec(options.model, dtype="float32", device="cpu")).info.path
    tasks = write_tasks(folder, options)
    out = folder / "lm-eval"
    arguments = [
        "run", "--model", "hf", "--model_args", f"pretrained={checkpoint},dtype=float32",
        "--device", "cpu", "--batch_size", "8", "--tasks", ",".join(tasks), "--include_path",
        str(folder), "--output_path", str(out), "--log_samples",
    ]  # fmt: skip
    subprocess.run(
        [options.lm_eval, *arguments], check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}
    )
    (results,) = out.glob("*/results_*.json")
    reported = json.loads(results.read_text("utf-8"))["results"]
    for task, metrics in tasks.items():
        (samples,) = out.glob(f"*/samples_{task}_*.jsonl")
        for metric, key in metrics.items():
            yield f"lm-eval {task} {metric}", reported[task][key], imported(samples, metric)


def write_tasks(folder: Path, options: argparse.Namespace) -> dict[str, dict[str, str]]:
    """Task files of lm-eval over local rows; task -> metric -> its key in the results."""
    reviews = save(folder / "reviews.jsonl", rows(options.data_dir / "glue/sst2.dev.jsonl.gz"),
                   options.limit)  # fmt: skip
    sums = (
        {"question": row["question"], "answer": f"{row['solution']}\n#### {row['answer']}"}
        for row in rows(options.data_dir / "generation/gsm8k.test.jsonl.xz")
    )
    questions = save(folder / "sums.jsonl", sums, max(options.limit // 6, 1))
    for name, text in PROMPTS.items():
        content = local(f"reviews_{name}", reviews) | {
            "output_type": "multiple_choice", "doc_to_text": text, "doc_to_target": "label",
            "doc_to_choice": ["negative", "positive"],
            "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
        }  # fmt: skip
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    number = [{"function": "regex", "regex_pattern": r"(-?\d+)"}, {"function": "take_first"}]
    content = local("sums", questions) | {
        "output_type": "generate_until", "doc_to_text": "{{question}}\nAnswer:",
        "doc_to_target": "{{answer.split('#### ')[1]}}",
        "generation_kwargs": {"until": ["\n\n"], "max_gen_toks": 16},
        "filter_list": [
            {"name": "first", "filter": number},
            {"name": "whole", "filter": [{"function": "take_first"}]},
        ],
        "metric_list": [{"metric": "exact_match"}],
    }  # fmt: skip
    (folder / "sums.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    choices = {"acc": "acc,none", "acc_norm": "acc_norm,none"}
    texts = {key: key for key in ("exact_match,first", "exact_match,whole")}
    return {**{f"reviews_{name}": choices for name in PROMPTS}, "sums": texts}


def local(task: str, data: Path) -> dict[str, Any]:
    """What every task file has that reads local rows."""
    return {
        "task": task,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "num_fewshot": 0,
    }


def rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a compressed file."""
    opened = lzma.open if path.suffix == ".xz" else gzip.open
    with opened(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def save(path: Path, content: Iterator[Mapping[str, Any]], limit: int) -> Path:
    """The first rows as JSON Lines."""
    lines = [json.dumps(row) + "\n" for row, _ in zip(content, range(limit), strict=False)]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def of_inspect(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, float, float]]:
    """File and scorer, what inspect reports, what the imported run has."""
    done = subprocess.run(
        [options.inspect, "-c", INSPECT], cwd=folder, check=True, capture_output=True, text=True
    )
    for line in done.stdout.splitlines():
        if line.startswith("RESULT\t"):
            _, file, scorer, value = line.split("\t")
            log = folder / "logs" / Path(file).name
            name = f"inspect {log.suffix} {log.name.split('_')[1]} {scorer}"
            yield name, float(value), imported(log, scorer)


def imported(log: Path, metric: str) -> float:
    """The accuracy of the run that a log becomes."""
    with tempfile.TemporaryDirectory() as folder:
        run = import_logs([log], metric=metric, out=Path(folder) / "run").run
        accuracy = run.summary.levels["clean"].accuracy
    return float("nan") if accuracy is None else accuracy.value


if __name__ == "__main__":
    main()
