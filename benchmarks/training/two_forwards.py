"""The original implementation's way: two padded forwards, all states kept, logits everywhere.

python two_forwards.py WORKLOAD OUT
"""

from __future__ import annotations

import sys
import tempfile
from itertools import chain
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from peft import get_peft_model
from probe import MemoryProbe, StepClock, adapter, read_workload, report
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

Pair = dict[str, Any]


class TwoForwards(Trainer):
    """Originals and paraphrases one after the other."""

    def get_train_dataloader(self) -> DataLoader[Pair]:
        """Micro-batches in the workload's order."""
        pairs = cast(Dataset[Pair], self.train_dataset)
        return DataLoader(pairs, batch_size=self.args.train_batch_size, collate_fn=collate)

    def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Tensor:
        """The reference's loss of a micro-batch."""
        losses, states = [], []
        for side in ("original", "paraphrase"):
            out = model(
                input_ids=inputs[side],
                attention_mask=inputs[f"{side}_mask"],
                labels=inputs[f"{side}_labels"],
                output_hidden_states=True,
            )
            losses.append(out.loss)
            states.append(F.normalize(out.hidden_states[-1][:, -1].float(), dim=-1))
        similarity = states[0] @ states[1].T / 0.05
        match = torch.arange(len(similarity), device=similarity.device)
        contrast = (F.cross_entropy(similarity, match) + F.cross_entropy(similarity.T, match)) / 2
        generation: Tensor = losses[0] + losses[1]
        weight = (generation / contrast).detach().clamp(max=1000)
        return generation + weight * contrast


def collate(pairs: list[Pair]) -> dict[str, Tensor]:
    """Each side padded to its longest, on the left."""
    batch: dict[str, Tensor] = {}
    for side in ("original", "paraphrase"):
        ids = [torch.tensor(pair[side]) for pair in pairs]
        labels = [t.clone() for t in ids]
        for target, pair in zip(labels, pairs, strict=True):
            target[: pair[f"{side}_prompt"]] = -100
        batch[side] = _pad(ids, 0)
        batch[f"{side}_mask"] = _pad([torch.ones_like(t) for t in ids], 0)
        batch[f"{side}_labels"] = _pad(labels, -100)
    return batch


def _pad(rows: list[Tensor], value: int) -> Tensor:
    return pad_sequence(rows, batch_first=True, padding_value=value, padding_side="left")


def main() -> None:
    """Train over the workload once and write times and memory."""
    workload = read_workload(Path(sys.argv[1]))
    pairs = list(chain(*workload["batches"]))
    gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if gpu else torch.float32
    model = AutoModelForCausalLM.from_pretrained(workload["model"], dtype=dtype)
    clock = StepClock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = TwoForwards(
            get_peft_model(model, adapter()),
            TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=workload["micro"],
                max_steps=len(pairs) // workload["micro"],
                learning_rate=1e-4,
                bf16=gpu,
                use_cpu=not gpu,
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                remove_unused_columns=False,
            ),
            train_dataset=pairs,
        )
        trainer.add_callback(clock)
        memory = MemoryProbe()
        trainer.train()
    report(clock, memory, Path(sys.argv[2]))


if __name__ == "__main__":
    main()
