"""How much of the machine's matrix speed the scoring of cells uses.

Counted: the FLOPs that the cells' own tokens need (an instruction once a variant, labels once a
cell): 2 a weight of the layers and token, attention to what a token sees, and one row of the output
layer a cell. Divided by the time and by the rate of a plain matrix product in the same dtype,
measured before and after each round in the same process.

    python benchmarks/roofline.py --data-dir DATA --dtypes float32 bfloat16
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.core.records import Request
from harness.evaluation.cost import matmul_rate
from harness.models import Model, ModelSpec, load_model
from harness.models.spec import DType
from harness.models.token_requests import common_prefix
from harness.prompting.prompts import Prompter
from harness.prompting.requests import RequestBuilder
from harness.results.provenance import describe_machine
from harness.tasks import load_task
from harness.tasks.suites import task_path


@dataclass(frozen=True)
class Result:
    """One dtype."""

    dtype: str
    cells: int
    unique_tokens: int
    full_tokens: int
    cells_per_second: float
    own_tokens_per_second: float
    gflops: float
    matmul_gflops: float
    share: float


def main() -> None:
    """Measure and print a table, and JSON to --json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--dtypes", nargs="+", default=["float32"])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = [measure(dtype, options) for dtype in options.dtypes]
    for result in results:
        print(
            f"{result.dtype}: {result.cells_per_second:.1f} cells/s, "
            f"{result.own_tokens_per_second:.0f} own tokens/s "
            f"({result.full_tokens / result.unique_tokens:.2f} tokens in full for each), "
            f"{result.gflops:.1f} of {result.matmul_gflops:.1f} GFLOP/s: share {result.share:.2f}"
        )
    if options.json:
        machine = describe_machine(
            load_model(ModelSpec(options.model, device=options.device)).info.device
        )
        content = {"machine": machine, "results": [asdict(result) for result in results]}
        options.json.write_text(json.dumps(content, indent=2) + "\n")


def measure(dtype: DType, options: argparse.Namespace) -> Result:
    """The median round of one dtype."""
    model = load_model(ModelSpec(options.model, dtype=dtype, device=options.device))
    groups = build_groups(model, options)
    list(model.loglik(groups[0][:32]))  # warm up
    flops = sum(count_flops(model, group) for group in groups)
    cells = sum(map(len, groups))
    own = sum(unique_tokens(group) for group in groups)
    shares, speeds, rates = [], [], []
    for _ in range(options.rounds):
        before = matmul_rate(dtype, model.info.device)
        start = time.perf_counter()
        for group in groups:
            list(model.loglik(group))
        seconds = time.perf_counter() - start
        rate = (before + matmul_rate(dtype, model.info.device)) / 2
        shares.append(flops / seconds / rate)
        speeds.append(seconds)
        rates.append(rate)
    seconds = statistics.median(speeds)
    return Result(
        dtype=dtype,
        cells=cells,
        unique_tokens=own,
        full_tokens=sum(len(request.context) for group in groups for request in group),
        cells_per_second=cells / seconds,
        own_tokens_per_second=own / seconds,
        gflops=flops / seconds / 1e9,
        matmul_gflops=statistics.median(rates) / 1e9,
        share=statistics.median(shares),
    )


def build_groups(model: Model, options: argparse.Namespace) -> list[list[Request]]:
    """SST-2's requests, a group an instruction."""
    task = load_task(task_path("sst2"), data_dir=options.data_dir)
    task = task.with_examples(options.examples, seed=0).with_instructions(5)
    prompter = Prompter("plain", task.answer_cue, task.verbalizer_of)
    builder = RequestBuilder(prompter, model.tokenizer, task.label_names)
    return [
        builder.build([prompter.ask(one.text, example.input) for example in task.examples])
        for one in task.instructions
    ]


def shared_length(group: Sequence[Request]) -> int:
    """Tokens that all contexts of a group begin with; each keeps one of its own."""
    first = group[0].context
    shared = min(common_prefix(first, request.context) for request in group)
    return min(shared, min(len(request.context) for request in group) - 1)


def unique_tokens(group: Sequence[Request]) -> int:
    """Tokens that must be computed: the prefix once, then each cell's rest."""
    shared = shared_length(group)
    return shared + sum(len(request.context) - shared for request in group)


def count_flops(model: Model, group: Sequence[Request]) -> float:
    """FLOPs of a group's own tokens."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model.info.path)
    embedding: int = config.vocab_size * config.hidden_size
    layers = model.info.parameters - embedding * (1 if config.tie_word_embeddings else 2)
    shared = shared_length(group)
    seen = shared * (shared + 1) / 2 + sum(
        sum(range(shared + 1, len(request.context) + 1)) for request in group
    )
    attention: float = 4 * config.hidden_size * config.num_hidden_layers * seen
    return 2.0 * layers * unique_tokens(group) + attention + 2.0 * embedding * len(group)


if __name__ == "__main__":
    main()
