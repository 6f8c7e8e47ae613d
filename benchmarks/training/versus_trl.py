"""The contrastive step against trl's SFT step and against two padded forwards."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from harness.results.provenance import describe_machine, package_versions
from trainers.base_model import find_base, load_tokenizer
from trainers.features import EncodedPair, PairEncoder
from trainers.pairs import read_pairs
from trainers.sampler import PairBatchSampler

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Measured:
    """One method on one workload."""

    method: str
    tokens_per_second: float
    tokens_per_processor_second: float
    seconds_per_step: float
    peak_mb: float


def main() -> None:
    """Measure, and print a table; JSON to --json."""
    options = parse_options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs, model = encode(options)
        grouped = write(folder / "grouped.json", grouped_batches(pairs, options), model, options)
        shuffled = write(folder / "shuffled.json", shuffled_batches(pairs, options), model, options)
        own, peer = sys.executable, str(options.peer)
        wanted = [
            ("trl SFT", [peer, "peer_sft.py", grouped]),
            ("sft", [own, "ours.py", grouped, "sft"]),
            ("coin", [own, "ours.py", grouped, "coin"]),
            ("coin, GradCache", [own, "ours.py", grouped, "coin", str(options.micro // 2)]),
            ("two forwards, same batches", [own, "two_forwards.py", grouped]),
            ("two forwards, random order", [own, "two_forwards.py", shuffled]),
            ("coin, random order", [own, "ours.py", shuffled, "coin"]),
        ]
        results = [
            measure(method, command, folder, options)
            for method, command in wanted
            if not options.only or method in options.only
        ]
    rate, body = matmul_rate(options.threads), body_parameters(model)
    for one in results:
        share = 4 * body * one.tokens_per_processor_second / rate
        sys.stdout.write(
            f"{one.method:28} {one.tokens_per_second:8,.0f} tokens/s "
            f"{one.tokens_per_processor_second:8,.0f} tokens/processor-s "
            f"{one.seconds_per_step:8.3f} s/step {one.peak_mb:8,.0f} MB {share:7.1%} of matmul\n"
        )
    if options.json:
        content = {
            "results": [vars(one) for one in results],
            "matmul_flops": rate,
            "body_parameters": body,
            "workload": {"micro": options.micro, "steps": options.steps, "model": options.model},
            "machine": describe_machine("cpu"),
            "versions": package_versions(),
        }
        options.json.write_text(json.dumps(content, indent=2) + "\n")


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, required=True, help="python of trl's environment")
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--micro", type=int, default=8, help="pairs a step")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", nargs="+", help="these methods alone")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def encode(options: argparse.Namespace) -> tuple[list[EncodedPair], Path]:
    """As many pairs as are needed, in tokens, and the model's directory."""
    base = find_base(options.model)
    encoder = PairEncoder(load_tokenizer(base), "coin", end_token=True)
    read = read_pairs(options.pairs)
    needed = 4 * options.micro * options.steps
    chosen = Random(0).sample(read, min(len(read), needed))
    pairs = [pair for pair in encoder.encode(chosen) if pair.length <= options.max_length]
    return pairs, base.source.directory


def grouped_batches(pairs: list[EncodedPair], options: argparse.Namespace) -> list[list[int]]:
    """Batches as the sampler makes them."""
    sampler = PairBatchSampler(pairs, [p.length for p in pairs], batch=options.micro, seed=0)
    return list(sampler)[: options.steps]


def shuffled_batches(pairs: list[EncodedPair], options: argparse.Namespace) -> list[list[int]]:
    """Batches in random order, whatever the lengths."""
    order = Random(1).sample(range(len(pairs)), options.micro * options.steps)
    return [order[i : i + options.micro] for i in range(0, len(order), options.micro)]


def write(path: Path, batches: list[list[int]], model: Path, options: argparse.Namespace) -> str:
    """Write a workload; gives its path."""
    pairs, _ = encode(options)
    rows = [[_row(pairs[index]) for index in batch] for batch in batches]
    content = {"model": str(model), "micro": options.micro, "batches": rows}
    path.write_text(json.dumps(content))
    return str(path)


def measure(method: str, command: list[str], folder: Path, options: argparse.Namespace) -> Measured:
    """Run a method in a process of its own."""
    python, script, workload, *rest = command
    out = folder / "measured.json"
    # A second copy of OpenMP's threads would fight over the cores.
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads), "HF_HUB_OFFLINE": "1"}
    environment["PYTHONPATH"] = str(HERE.parents[1]) if python == sys.executable else ""
    subprocess.run(
        [python, str(HERE / script), workload, str(out), *rest],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    found: dict[str, Any] = json.loads(out.read_text())
    batches = json.loads(Path(workload).read_text())["batches"][-len(found["seconds"]) :]
    tokens = [sum(len(p["original"]) + len(p["paraphrase"]) for p in batch) for batch in batches]
    # Of the whole, not of the median step: batches differ in length.
    by_clock, by_processor = (sum(tokens) / sum(found[k]) for k in ("seconds", "processor"))
    return Measured(method, by_clock, by_processor, median(found["seconds"]), found["peak_mb"])


def matmul_rate(threads: int, size: int = 2048) -> float:
    """Floating-point operations a second of a large matrix product: what can be reached at most.

    A training step of an adapter does 4 a token and parameter outside the embeddings: a forward,
    and a backward through frozen weights.
    """
    gpu = torch.cuda.is_available()
    torch.set_num_threads(threads)
    a = torch.randn(size, size)
    if gpu:
        a = a.to("cuda", torch.bfloat16)
    clock = time.perf_counter if gpu else time.process_time
    best = float("inf")
    for _ in range(5):
        start = clock()
        b = a @ a
        if gpu:
            torch.cuda.synchronize()
        best = min(best, clock() - start)
        a = b / b.norm()
    return 2 * size**3 / best


def body_parameters(model: Path) -> int:
    """Parameters outside the embeddings."""
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(model))
    return sum(
        p.numel()
        for name, p in empty.named_parameters()
        if "embed" not in name and "head" not in name
    )


def _row(pair: EncodedPair) -> dict[str, object]:
    return {
        "original": pair.original.ids,
        "original_prompt": pair.original.prompt,
        "paraphrase": pair.paraphrase.ids,
        "paraphrase_prompt": pair.paraphrase.prompt,
    }


if __name__ == "__main__":
    main()
