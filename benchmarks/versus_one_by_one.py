"""Against PromptBench's way: one prompt, one example, one `generate` call.

The same prompts (SST-2) are answered greedily in float32: one at a time by transformers' own
`generate` with as many new tokens as PromptBench's models take by default (20), as its evaluation
loop does, and by this harness with `--scorer generate` and with `--scorer loglik`. The slow side
answers a sample; its time a cell is what is compared.

    python benchmarks/versus_one_by_one.py --data-dir DATA
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from harness.core.records import Request
from harness.models import Model, ModelSpec, load_model
from harness.prompting.answers import LabelParser
from harness.prompting.prompts import Prompter
from harness.prompting.requests import RequestBuilder
from harness.tasks import load_task
from harness.tasks.suites import task_path

NEW_TOKENS = 20
"""`max_new_tokens` of promptbench.LLMModel where its user says nothing."""


def main() -> None:
    """Measure and print, and JSON to --json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--instructions", type=int, default=5)
    parser.add_argument("--sample", type=int, default=60, help="cells answered one by one")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = load_model(ModelSpec(options.model, dtype="float32", device="cpu"))
    task = load_task(task_path("sst2"), data_dir=options.data_dir)
    task = task.with_examples(options.examples, seed=0).with_instructions(options.instructions)
    prompter = Prompter("plain", task.answer_cue, task.verbalizer_of)
    builder = RequestBuilder(prompter, model.tokenizer, task.label_names)
    prompts = [
        prompter.ask(instruction.text, example.input)
        for instruction in task.instructions
        for example in task.examples
    ]
    parser_of_labels = LabelParser(task.verbalizer_of)
    scored = seconds_a_cell(lambda: list(model.loglik(builder.build(prompts))), len(prompts))
    contexts = builder.contexts(prompts)
    answers: dict[int, str] = {}
    generated = seconds_a_cell(lambda: answers.update(generate(model, contexts, parser_of_labels)),
                               len(prompts))  # fmt: skip
    chosen = Random(0).sample(range(len(prompts)), options.sample)
    slow_answers: list[str] = []
    slow = seconds_a_cell(
        lambda: slow_answers.extend(one_by_one(model, [contexts[i] for i in chosen])), len(chosen)
    )
    same = sum(
        parser_of_labels.parse(text) == parser_of_labels.parse(answers[i])
        for i, text in zip(chosen, slow_answers, strict=True)
    )
    result = {
        "cells": len(prompts),
        "sample": len(chosen),
        "one_by_one_seconds_a_cell": slow,
        "generate_seconds_a_cell": generated,
        "loglik_seconds_a_cell": scored,
        "ratio_generate": slow / generated,
        "ratio_loglik": slow / scored,
        "same_label": same / len(chosen),
    }
    print(f"one by one {1e3 * slow:.0f} ms a cell ({len(chosen)} cells)")
    print(f"generate {1e3 * generated:.1f} ms a cell: {slow / generated:.1f}x")
    print(f"loglik {1e3 * scored:.1f} ms a cell: {slow / scored:.1f}x ({len(prompts)} cells)")
    print(f"generated labels equal on {100 * same / len(chosen):.0f} %")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def seconds_a_cell(work: Callable[[], object], cells: int) -> float:
    """Wall time of a call, divided by its cells."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) / cells


def generate(
    model: Model, contexts: Sequence[Request], labels: LabelParser
) -> list[tuple[int, str]]:
    """The harness's answers."""
    answered = model.generate(contexts, max_new_tokens=NEW_TOKENS, is_done=labels.is_decided)
    return [(index, response.text or "") for index, response in answered]


def one_by_one(model: Model, contexts: Sequence[Request]) -> list[str]:
    """transformers' answers, a call each."""
    import torch
    from transformers import AutoModelForCausalLM

    from harness.models.inference.hf import HFModel

    plain: Any = AutoModelForCausalLM.from_pretrained(model.info.path, dtype=torch.float32)
    texts = []
    for request in contexts:
        ids = torch.tensor([request.context])
        with torch.inference_mode():
            out = plain.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, do_sample=False
            )
        assert isinstance(model, HFModel)
        texts.append(model.tokenizer.decode(out[0, ids.shape[1] :].tolist()))
    return texts


if __name__ == "__main__":
    main()
