"""Long inputs before the instruction, and after it: cells per second, side by side in one process.

The same texts (the longest film reviews of IMDB's training sample) under the same variants of three
instructions, as a run plans them, once with `placement: last` (the input first) and once with
`placement: first`. Both go through the engine of a run, without a cache of responses. Windows of
the input first are whole; of the instruction first a few cells of a window are asked, since that
many long texts take minutes. The sides take turns, and the ratio is the median over the rounds. A
sample of the cells is also asked one at a time by plain forwards of transformers.

    python benchmarks/input_first.py --data-dir DATA

Processor time is measured beside the clock: on a machine that others use it is the steadier one.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from harness.core.cache import ResponseCache
from harness.core.progress import NoProgress
from harness.core.records import Placement, Request, Sample
from harness.evaluation.config import RunConfig
from harness.evaluation.engine import Engine
from harness.evaluation.plan import Block, windows
from harness.evaluation.prepare import RunPlan, prepare
from harness.models import Model, ModelSpec, load_model
from harness.results.provenance import describe_machine
from harness.tasks.schema import TaskSpec

WINDOW = 128
"""Cells of a window on a CPU."""


def main() -> None:
    """Measure and print, and JSON to --json."""
    options = parse_options()
    model = load_model(ModelSpec(options.model, dtype="float32", device="cpu"))
    sides = {place: plan_side(place, model, options) for place in PLACES}
    cut = {
        "last": list(windows(sides["last"].plan.pieces(WINDOW), WINDOW)),
        "first": [few_cells(one, options.cells) for one in sides["first"].plan.pieces(WINDOW)],
    }
    evaluate(sides["first"], cut["first"][0])  # the first batch of a process is slower
    walls: dict[Placement, list[float]] = {place: [] for place in PLACES}
    rates: dict[Placement, list[float]] = {place: [] for place in PLACES}
    samples: dict[Placement, list[Sample]] = {place: [] for place in PLACES}
    for turn in range(options.rounds):
        for place in PLACES:
            window = cut[place][1 + turn]
            start, worked = time.perf_counter(), time.process_time()
            samples[place] += evaluate(sides[place], window)
            walls[place].append(sum(map(len, window)) / (time.perf_counter() - start))
            rates[place].append(sum(map(len, window)) / (time.process_time() - worked))
    differences = {
        place: compare_plain(sides[place], samples[place], options.checked) for place in PLACES
    }
    result = {
        "texts": len(sides["last"].plan.tasks[0].examples),
        "variants": len(list(sides["last"].plan.all_variants())),
        "mean_input_tokens": sum(sides["last"].lengths[0].inputs)
        / len(sides["last"].lengths[0].inputs),
        "cells": {place: len(samples[place]) for place in PLACES},
        "cells_per_second": walls,
        "cells_per_processor_second": rates,
        "median_ratio": median(ratios(walls)),
        "median_ratio_processor_time": median(ratios(rates)),
        "largest_difference_from_plain_forwards": differences,
        "machine": describe_machine("cpu"),
    }
    print_result(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


PLACES: tuple[Placement, ...] = ("last", "first")


def ratios(rates: Mapping[Placement, Sequence[float]]) -> list[float]:
    """The input first over the instruction first, round by round."""
    return [ours / plain for ours, plain in zip(rates["last"], rates["first"], strict=True)]


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=100, help="how many of the longest reviews")
    parser.add_argument("--variants", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cells", type=int, default=8, help="instruction first: cells per round")
    parser.add_argument("--checked", type=int, default=12, help="cells asked by plain forwards")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def plan_side(placement: Placement, model: Model, options: argparse.Namespace) -> RunPlan:
    """The run with the instruction at one place, on exactly `--variants` variants."""
    rows = longest_reviews(options.data_dir, options.texts)
    spec = TaskSpec.model_validate({**TASK, "source": {"rows": rows}, "placement": placement})
    config = RunConfig(
        model=options.model, tasks=("reviews",), full=True, scorers=("loglik",),
        data_dir=options.data_dir, per_perturbation=2,
    )  # fmt: skip
    prepared = prepare(config, load=lambda _: model, specs=[spec])
    chosen = itertools.islice(prepared.plan.all_variants(), options.variants)
    return replace(prepared, plan=replace(prepared.plan, variants={"reviews": tuple(chosen)}))


def longest_reviews(data_dir: Path, count: int) -> list[dict[str, str]]:
    """The longest texts, in the file's order."""
    with gzip.open(data_dir / "tasks" / "imdb.train.jsonl.gz", "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    kept = sorted(rows, key=lambda row: -len(row["text"]))[:count]
    return [{"text": r["text"], "label": r["label"]} for r in sorted(kept, key=lambda r: r["idx"])]


TASK = {
    "name": "reviews",
    "input": "Review: {{ text }}",
    "answer_cue": "Sentiment:",
    "labels": ["negative", "positive"],
    "instructions": [
        "Decide whether the film review is 'positive' or 'negative'.",
        "Is the reviewer's opinion of the film 'positive' or 'negative'? Answer with one word.",
        "You judge film reviews. Say 'positive' if the writer liked the film, else 'negative'.",
    ],
}


def few_cells(piece: Sequence[Block], cells: int) -> list[Block]:
    """A piece of one block with only so many of its examples."""
    (block,) = piece
    return [replace(block, examples=block.examples[:cells])]


def evaluate(prepared: RunPlan, window: Sequence[Block]) -> list[Sample]:
    """The samples of a window, all of them computed."""
    with ResponseCache(None) as cache:
        engine = Engine(
            model=prepared.model,
            cache=cache,
            tools=prepared.tools,
            scorers=prepared.scorers,
            max_new_tokens=prepared.config.max_new_tokens,
        )
        return engine.evaluate(window, {}, NoProgress())[0]


def compare_plain(prepared: RunPlan, samples: Sequence[Sample], count: int) -> float:
    """The largest difference of a label's score from a plain forward, over spread cells."""
    plain = load_plain(prepared.model)
    (task,) = prepared.plan.tasks
    tools = prepared.tools[task.name]
    texts = {variant.id: variant.text for variant in prepared.plan.all_variants()}
    inputs = {example.id: example.input for example in task.examples}
    chosen = samples[:: max(1, len(samples) // count)][:count]
    prompts = [tools.prompter.ask(texts[s.variant_id], inputs[s.example_id]) for s in chosen]
    largest = 0.0
    for sample, request in zip(chosen, tools.builder.build(prompts), strict=True):
        expected = plain_scores(plain, request)
        found = sample.scores or {}
        largest = max(largest, *(abs(found[label] - expected[label]) for label in expected))
    return largest


def load_plain(model: Model) -> object:
    """The same checkpoint as transformers loads it."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(model.info.path, dtype=torch.float32)


def plain_scores(plain: object, request: Request) -> dict[str, float]:
    """Each label's summed log-likelihood by one forward over its whole text."""
    import torch

    scores: dict[str, float] = {}
    for label, continuation in request.continuations.items():
        text = torch.tensor([request.context + continuation])
        with torch.inference_mode():
            logits = plain(text).logits[0]  # type: ignore[operator]
        start = len(request.context) - 1
        steps = logits[start : start + len(continuation)].double().log_softmax(-1)
        scores[label] = float(sum(steps[n, token] for n, token in enumerate(continuation)))
    return scores


def print_result(result: dict[str, object]) -> None:
    """What a person reads."""
    for key, value in result.items():
        print(f"{key}: {value}")


if __name__ == "__main__":
    main()
