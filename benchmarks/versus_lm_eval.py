"""The same cells through this harness and through lm-eval, one after the other, on this machine.

Same model, dtype, prompts, labels and examples: the prompts that `harness prompts` shows are what
lm-eval is given, so that the ratio compares machinery and nothing else. Predictions are compared
cell by cell. Each side is a fresh process; the time to start and load is measured by a run of a
single cell and reported apart.

    python -m venv peer && peer/bin/pip install torch==2.13.0 "lm-eval[hf]==0.4.13"
    python benchmarks/versus_lm_eval.py --peer peer/bin/python --data-dir DATA --dtype float32
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import load_run
from harness.models import ModelSpec, load_model
from harness.models.spec import DType
from harness.results.provenance import describe_machine

CASES = {"two": ("sst2", "negative, positive"), "three": ("topics", "three labels of many tokens")}


@dataclass(frozen=True)
class Result:
    """One comparison."""

    case: str
    dtype: str
    prompt_format: str
    cells: int
    labels: int
    harness_seconds: float
    harness_startup: float
    peer_seconds: float
    peer_startup: float
    ratio: float
    """Peer over harness, start-up taken off both."""
    ratio_whole_process: float
    agreement: float
    largest_score_difference: float
    peer_batch_size: str
    machine: dict[str, str | int]


def main() -> None:
    """Measure and print a table, and JSON to --json."""
    options = parse_options()
    with tempfile.TemporaryDirectory() as folder:
        results = [
            compare(case, dtype, form, options, Path(folder) / f"{case}-{dtype}-{form}")
            for case in options.cases
            for dtype in options.dtypes
            for form in options.prompt_formats
        ]
    for result in results:
        print_result(result)
    if options.json:
        options.json.write_text(json.dumps([asdict(r) for r in results], indent=2) + "\n")


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, required=True, help="python of lm-eval's environment")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--dtypes", nargs="+", default=["float32"])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=["two"])
    parser.add_argument(
        "--prompt-formats", nargs="+", choices=["plain", "chat"], default=["plain"],
        help="plain text, or with the model's own chat header, which all cells share",
    )  # fmt: skip
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--instructions", type=int, default=5)
    parser.add_argument("--batch-size", default="16", help="lm-eval's batch size")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def compare(
    case: str, dtype: DType, form: str, options: argparse.Namespace, folder: Path
) -> Result:
    """Run one case through both."""
    folder.mkdir(parents=True)
    model = load_model(ModelSpec(options.model, dtype=dtype, device="cpu"))
    checkpoint = model.info.path
    task = write_case(case, options, folder)
    common = ["--model", options.model, "--task", str(task), "--levels", "clean"]
    common += ["--prompt-format", form, "--dtype", dtype, "--data-dir", str(options.data_dir)]
    common += ["--device", "cpu", "--no-cache", "--quiet", "--full", "--scorer", "loglik"]
    size = ["--limit", str(options.examples), "--instructions", str(options.instructions)]
    run = folder / "run"
    threads = {"OMP_NUM_THREADS": str(options.threads), "HF_HUB_OFFLINE": "1"}
    one = [*harness("run"), *common, "--limit", "1", "--instructions", "1"]
    startup = seconds_of([*one, "--out", str(folder / "one")], threads)
    ours = seconds_of([*harness("run"), *common, *size, "--out", str(run)], threads)
    cells = write_peer_task(run, folder)
    peer_startup = seconds_of(peer(options, checkpoint, dtype, folder, limit=1), threads)
    peer_seconds = seconds_of(peer(options, checkpoint, dtype, folder, limit=None), threads)
    agreement, difference = compare_scores(run, folder, cells)
    return Result(
        case=case,
        dtype=dtype,
        prompt_format=form,
        cells=len(cells),
        labels=len(cells[0]["choices"]),
        harness_seconds=round(ours - startup, 2),
        harness_startup=round(startup, 2),
        peer_seconds=round(peer_seconds - peer_startup, 2),
        peer_startup=round(peer_startup, 2),
        ratio=round((peer_seconds - peer_startup) / (ours - startup), 2),
        ratio_whole_process=round(peer_seconds / ours, 2),
        agreement=agreement,
        largest_score_difference=difference,
        peer_batch_size=options.batch_size,
        machine=describe_machine("cpu"),
    )


def write_case(case: str, options: argparse.Namespace, folder: Path) -> Path:
    """The task file of a case."""
    import yaml

    spec = two_labels() if case == "two" else three_labels()
    path = folder / f"{case}.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return path


def two_labels() -> dict[str, object]:
    """SST-2 as shipped."""
    import yaml

    from harness.tasks.suites import task_path

    spec: dict[str, object] = yaml.safe_load(task_path("sst2").read_text("utf-8"))
    return spec


def three_labels() -> dict[str, object]:
    """MNLI with answers of several tokens each."""
    import yaml

    from harness.tasks.suites import task_path

    spec: dict[str, object] = yaml.safe_load(task_path("mnli").read_text("utf-8"))
    words = (
        "it must be true given the text",
        "it might be true or false",
        "it cannot be true given the text",
    )
    spec["labels"] = [
        {"name": name, "value": value, "word": word}
        for value, (name, word) in enumerate(
            zip(("entailment", "neutral", "contradiction"), words, strict=True)
        )
    ]
    return spec


def write_peer_task(run: Path, folder: Path) -> list[dict[str, Any]]:
    """What lm-eval reads: the run's own prompts, one document a cell."""
    shown = subprocess.run(
        [*harness("prompts"), str(run), "--json"], check=True, capture_output=True, text=True
    )
    samples = load_run(run).samples.set_index(["variant_id", "example_id"])
    verbalizer_of = labels_of(run)
    cells = []
    for row in json.loads(shown.stdout):
        key = (row["variant_id"], row["example_id"])
        choices = [" " + verbalizer_of[label] for label in row["continuations"]]
        gold = list(row["continuations"]).index(samples.loc[key, "gold"])
        cells.append({"key": list(key), "prompt": row["prompt"], "choices": choices, "gold": gold})
    (folder / "docs.jsonl").write_text("".join(json.dumps(c) + "\n" for c in cells))
    (folder / "peer_bench.yaml").write_text(
        "task: peer_bench\n"
        "dataset_path: json\n"
        f"dataset_kwargs: {{data_files: {{test: {folder / 'docs.jsonl'}}}}}\n"
        "test_split: test\n"
        "output_type: multiple_choice\n"
        'doc_to_text: "{{prompt}}"\n'
        'doc_to_choice: "{{choices}}"\n'
        'doc_to_target: "{{gold}}"\n'
        'target_delimiter: ""\n'
        "metric_list: [{metric: acc}]\n"
    )
    return cells


def labels_of(run: Path) -> dict[str, str]:
    """Label name -> label word of the run's only task."""
    task = next(iter(load_run(run).manifest["tasks"].values()))
    return dict(zip(task["labels"], task["label_words"], strict=True))


def peer(
    options: argparse.Namespace, checkpoint: str, dtype: str, folder: Path, limit: int | None
) -> list[str]:
    """lm-eval's command line."""
    out = folder / ("peer-one" if limit else "peer")
    command = [str(options.peer), "-m", "lm_eval", "--model", "hf"]
    command += ["--model_args", f"pretrained={checkpoint},dtype={dtype}", "--device", "cpu"]
    command += ["--tasks", "peer_bench", "--include_path", str(folder), "--log_samples"]
    command += ["--batch_size", options.batch_size, "--output_path", str(out)]
    return command + (["--limit", str(limit)] if limit else [])


def compare_scores(
    run: Path, folder: Path, cells: Sequence[Mapping[str, Any]]
) -> tuple[float, float]:
    """Share of cells with the same prediction, and the largest difference of a score."""
    samples = load_run(run).samples.set_index(["variant_id", "example_id"])
    path = next((folder / "peer").rglob("samples_*.jsonl"))
    same, largest = 0, 0.0
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        theirs = [float(answer[0]) for answer in row["filtered_resps"]]
        ours = samples.loc[tuple(row["doc"]["key"])]
        scores = list(ours["scores"].values())
        labels = list(ours["scores"])
        same += labels[theirs.index(max(theirs))] == ours["prediction"]
        largest = max(largest, *(abs(a - b) for a, b in zip(theirs, scores, strict=True)))
    return same / len(cells), round(largest, 6)


def harness(command: str) -> list[str]:
    """The command line of this harness, in this environment."""
    return [sys.executable, "-m", "harness.cli", command]


def seconds_of(command: Sequence[str], environment: dict[str, str]) -> float:
    """Wall time of a process that must succeed."""
    start = time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return time.perf_counter() - start


def print_result(result: Result) -> None:
    """A row a person reads."""
    print(
        f"{result.case} labels, {result.dtype}, {result.prompt_format}: {result.cells} cells; "
        f"harness {result.harness_seconds:.1f} s (+{result.harness_startup:.1f} s start), lm-eval "
        f"{result.peer_seconds:.1f} s (+{result.peer_startup:.1f} s start): {result.ratio:.2f}x "
        f"({result.ratio_whole_process:.2f}x as whole processes); predictions equal on "
        f"{100 * result.agreement:.2f} %, scores within {result.largest_score_difference:.1e}"
    )


if __name__ == "__main__":
    main()
