"""Generated answers and choices of several tokens: this harness and lm-eval, in one process.

Both load the same checkpoint in float32 and get the same prompts; the time of `Model.generate` and
`Model.loglik` stands beside that of lm-eval's `generate_until` and `loglikelihood` (which its
`multiple_choice` tasks call), at its batch size 16. Neither loading nor starting is counted. The
sides take turns on each round's cells, and the ratio is the median over the rounds; texts and
predictions are compared cell by cell. Processor time is measured beside the clock: on a machine
that others use it is the steadier one.

    generate-first   questions on paragraphs (xquad in English), the instruction first: one variant
                     per round on examples in the file's order, as a run of the whole file goes
    generate-last    the same with the input first: sixteen variants on each example
    choices          MMLU: rows whose four options all have several tokens, by the option's text

    python -m venv peer && peer/bin/pip install "lm-eval[hf]==0.4.13" -e .
    peer/bin/python benchmarks/versus_lm_eval_requests.py --data-dir DATA
"""

from __future__ import annotations

import argparse
import json
import lzma
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from harness.core.records import Placement, Request
from harness.models import Model, ModelSpec, load_model
from harness.models.token_requests import encode, join_request
from harness.prompting.prompts import Prompter
from harness.results.provenance import describe_machine
from perturbations import find, perturb_text

BATCH_SIZE = 16
"""lm-eval's, as in versus_lm_eval.py."""
INSTRUCTIONS = (
    "Answer the question with a few words of the paragraph.",
    "Read the paragraph, and answer the question in as few of its words as you can.",
    "What is the answer to the question? Copy it from the paragraph.",
    "Give the shortest answer to the question that the paragraph holds.",
)
PERTURBATIONS = ("keyboard", "swap", "politeness")
CHOOSE = "Choose the right answer to the question about {subject}."


@dataclass(frozen=True)
class Cell:
    """A prompt and, for choices, what may follow it."""

    prompt: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Turn:
    """What one side answered to a round's cells, and how long it took."""

    answers: list[str]
    seconds: float
    processor_seconds: float


def main() -> None:
    """Measure and print, and JSON to --json."""
    options = parse_options()
    model = load_model(ModelSpec(options.model, dtype="float32", device="cpu"))
    peer = import_module("lm_eval.models.huggingface").HFLM(
        pretrained=model.info.path, dtype="float32", device="cpu", batch_size=BATCH_SIZE
    )
    results = []
    for case in options.cases:
        results.append(measure(case, make_rounds(model, case, options), model, peer, options))
        print(json.dumps(results[-1], indent=2, ensure_ascii=False), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--data-dir", type=Path, required=True)
    cases = ["generate-first", "generate-last", "choices"]
    parser.add_argument("--cases", nargs="+", choices=cases, default=cases)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cells", type=int, default=32, help="generate: cells per round")
    parser.add_argument("--rows", type=int, default=100, help="choices: rows per round")
    parser.add_argument("--max-new-tokens", type=int, default=32)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def make_rounds(model: Model, case: str, options: argparse.Namespace) -> list[list[Cell]]:
    """Each round's cells, no prompt in two rounds."""
    if case == "choices":
        rows, step = several_token_rows(model, options), options.rows
        return [choice_cells(rows[n * step : (n + 1) * step]) for n in range(options.rounds)]
    rows = read(options.data_dir / "generation" / "xquad.en.jsonl.xz")
    texts, step = make_variants(), options.cells
    if case == "generate-first":
        return [
            question_cells(model, "first", [texts[n]], rows[n * step : (n + 1) * step])
            for n in range(options.rounds)
        ]
    step //= len(texts)
    return [
        question_cells(model, "last", texts, rows[n * step : (n + 1) * step])
        for n in range(options.rounds)
    ]


def make_variants() -> list[str]:
    """Sixteen instruction texts: four, and three perturbations of each."""
    drafts = [perturb_text(t, find(p), 0) for t in INSTRUCTIONS for p in PERTURBATIONS]
    return [*INSTRUCTIONS, *(draft.text for draft in drafts if draft is not None)]


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a compressed file."""
    with lzma.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def question_cells(
    model: Model, placement: Placement, texts: Sequence[str], rows: Sequence[dict[str, Any]]
) -> list[Cell]:
    """Prompts in the model's chat layout, every variant on every row."""
    prompter = Prompter("chat", "Answer:", {}, (), model.tokenizer.render_chat, placement)
    inputs = [f"Paragraph: {row['context']}\nQuestion: {row['question']}" for row in rows]
    return [Cell(prompter.prompt(text, one)) for text in texts for one in inputs]


def several_token_rows(model: Model, options: argparse.Namespace) -> list[dict[str, Any]]:
    """A seeded sample of the rows whose options all have two tokens at least."""
    rows = read(options.data_dir / "choice" / "mmlu.test.jsonl.xz")
    Random(0).shuffle(rows)
    chosen: list[dict[str, Any]] = []
    for row in rows:
        lengths = model.tokenizer.count([f" {choice}" for choice in row["choices"]])
        if min(lengths) > 1:
            chosen.append(row)
        if len(chosen) == options.rounds * options.rows:
            break
    return chosen


def choice_cells(rows: Sequence[dict[str, Any]]) -> list[Cell]:
    """Plain prompts that list the options, with the options' texts as what may follow."""
    return [Cell(choice_prompt(row), tuple(f" {text}" for text in row["choices"])) for row in rows]


def choice_prompt(row: dict[str, Any]) -> str:
    """An instruction, the question and its options."""
    listed = [f"{letter}. {text}" for letter, text in zip("ABCD", row["choices"], strict=True)]
    start = CHOOSE.format(subject=row["subject"].replace("_", " "))
    return "\n".join([start, "", row["question"].strip(), *listed, "Answer:"])


def measure(
    case: str, rounds: Sequence[list[Cell]], model: Model, peer: Any, options: argparse.Namespace
) -> dict[str, object]:
    """One case through both sides, in turns."""
    ask, ask_peer = (choose, choose_peer) if case == "choices" else (generate, generate_peer)
    new = options.max_new_tokens
    ask(model, rounds[0][:2], new), ask_peer(peer, rounds[0][:2], new)  # the first call is slower
    turns: list[tuple[Turn, Turn]] = []
    for cells in rounds:
        ours = timed(partial(ask, model, cells, new))
        turns.append((ours, timed(partial(ask_peer, peer, cells, new))))
        same = sum(map(str.__eq__, ours.answers, turns[-1][1].answers))
        pace = " and ".join(f"{turn.processor_seconds:.1f} s" for turn in turns[-1])
        print(f"{case}: {pace} of processor time, {same} of {len(cells)} alike", file=sys.stderr)
    pairs = [
        (cell.prompt, mine, other)
        for cells, (left, right) in zip(rounds, turns, strict=True)
        for cell, mine, other in zip(cells, left.answers, right.answers, strict=True)
    ]
    return {
        "case": case,
        "cells": len(pairs),
        "same": sum(mine == other for _, mine, other in pairs) / len(pairs),
        "differences": [
            {"prompt_end": prompt[-80:], "harness": mine, "lm_eval": other}
            for prompt, mine, other in pairs
            if mine != other
        ][:5],
        "seconds": [[left.seconds, right.seconds] for left, right in turns],
        "ratio": median(right.seconds / left.seconds for left, right in turns),
        "ratio_processor_time": median(
            right.processor_seconds / left.processor_seconds for left, right in turns
        ),
        "machine": describe_machine("cpu"),
    }


def timed(work: Callable[[], list[str]]) -> Turn:
    """A side's turn."""
    start, worked = time.perf_counter(), time.process_time()
    answers = work()
    return Turn(answers, time.perf_counter() - start, time.process_time() - worked)


def generate(model: Model, cells: Sequence[Cell], new: int) -> list[str]:
    """The harness's texts, up to the end of their first line."""
    encoded = encode(model.tokenizer, [cell.prompt for cell in cells], special=False)
    requests = [Request(tuple(ids)) for ids in encoded]
    answered = model.generate(requests, max_new_tokens=new, is_done=lambda _: False, stop=("\n",))
    texts = {index: response.text or "" for index, response in answered}
    return [texts[index] for index in range(len(cells))]


def generate_peer(peer: Any, cells: Sequence[Cell], new: int) -> list[str]:
    """lm-eval's texts."""
    settings = {"until": ["\n"], "max_gen_toks": new, "do_sample": False}
    found: list[str] = peer.generate_until(
        [instance("generate_until", cell.prompt, settings) for cell in cells], disable_tqdm=True
    )
    return found


def choose(model: Model, cells: Sequence[Cell], _new: int) -> list[str]:
    """The option that the harness finds likeliest, by its place."""
    texts = [cell.prompt + end for cell in cells for end in ("", *cell.choices)]
    encoded = iter(encode(model.tokenizer, texts, special=True))
    requests = []
    for cell in cells:
        prompt, *full = (next(encoded) for _ in range(1 + len(cell.choices)))
        requests.append(join_request(prompt, full, [str(n) for n in range(len(full))]))
    scores = {index: response.scores or {} for index, response in model.loglik(requests)}
    return [max(scores[n], key=scores[n].__getitem__) for n in range(len(cells))]


def choose_peer(peer: Any, cells: Sequence[Cell], _new: int) -> list[str]:
    """The option that lm-eval finds likeliest, by its place."""
    asked = [instance("loglikelihood", c.prompt, end) for c in cells for end in c.choices]
    found = iter(peer.loglikelihood(asked, disable_tqdm=True))
    chosen = []
    for cell in cells:
        scores = [next(found)[0] for _ in cell.choices]
        chosen.append(str(scores.index(max(scores))))
    return chosen


def instance(kind: str, *arguments: object) -> Any:
    """A request as lm-eval's tasks make it."""
    made = import_module("lm_eval.api.instance").Instance
    return made(request_type=kind, doc={}, arguments=arguments, idx=0)


if __name__ == "__main__":
    main()
