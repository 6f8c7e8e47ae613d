"""How alike a model's states are for two wordings of a request, and for different requests.

    python experiments/coin/similarity.py MODEL… --run RUN --out similarity.json

The requests are those of an evaluation: its instructions and their paraphrases with its examples,
which no training saw. A state is that of the prompt's last token, in the last layer.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from harness.core.records import CLEAN
from harness.results.rundir import Run, load_run
from trainers.base_model import find_base, load_tokenizer
from trainers.collator import PairCollator
from trainers.features import EncodedPair, PairEncoder
from trainers.forward import PairForward
from trainers.pairs import Pair

LEVEL = "semantic"
BATCH = 16


def main() -> None:
    """Write each model's mean cosines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", help="checkpoints, or the name of a bundled model")
    parser.add_argument("--run", type=Path, required=True, help="an evaluation with its examples")
    parser.add_argument("--examples", type=int, default=2, help="a task")
    parser.add_argument("--tokenizer", default="smollm2-135m")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    run = load_run(options.run)
    pairs = read_requests(run, options.examples)
    layout = run.manifest["prompt_format"]
    encoder = PairEncoder(load_tokenizer(find_base(options.tokenizer)), layout, end_token=False)
    encoded = encoder.encode(pairs)
    found = {model: cosines(model, encoded) for model in options.models}
    options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def read_requests(run: Run, examples: int) -> list[Pair]:
    """Pairs of an instruction and its paraphrase, with the first examples of each task."""
    variants = run.variants
    pairs = []
    for task, rows in run.examples.groupby("task"):
        own = variants[variants["task"] == task]
        clean = own[own["level"] == CLEAN].set_index("instruction_id")["text"]
        for other in own[own["level"] == LEVEL].to_dict("records"):
            for example in rows.head(examples).to_dict("records"):
                pairs.append(
                    Pair(
                        original=str(clean[other["instruction_id"]]),
                        paraphrase=str(other["text"]),
                        input=str(example["input"]),
                        target=str(example["gold"]),
                        task=str(task),
                        instruction_id=str(other["instruction_id"]),
                        instance_id=str(example["id"]),
                    )
                )
    return pairs


@torch.inference_mode()
def cosines(model: str, pairs: list[EncodedPair]) -> dict[str, float]:
    """Mean cosine of equivalent requests, and of requests that differ in their input alone."""
    source = find_base(model).source.directory if not Path(model).exists() else Path(model)
    loaded = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).eval()
    forward = PairForward(loaded, pooling="last", pool_at="prompt-end", predicts_prompt=False)
    collate = PairCollator(pad_id=0, micro=BATCH, sort=False)
    parts = [forward(loaded, one).states for one in collate(list(enumerate(pairs)))["micro"]]
    originals = torch.cat([part[: len(part) // 2] for part in parts])  # [pairs, width]
    paraphrases = torch.cat([part[len(part) // 2 :] for part in parts])  # [pairs, width]
    cosine = torch.nn.functional.cosine_similarity
    table = cosine(originals.unsqueeze(1), paraphrases.unsqueeze(0), dim=-1)  # [pairs, pairs]
    others = torch.tensor(
        [
            [a.instruction_id == b.instruction_id and a.instance_id != b.instance_id for b in pairs]
            for a in pairs
        ]
    )
    return {
        "equivalent": table.diagonal().mean().item(),
        "different": table[others].mean().item(),
        "told_apart": (table.argmax(1) == torch.arange(len(pairs))).double().mean().item(),
    }


if __name__ == "__main__":
    main()
