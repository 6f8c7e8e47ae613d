"""The contrastive trainer on the workload: python ours.py WORKLOAD OUT [objective] [micro]."""

from __future__ import annotations

import sys
import tempfile
from itertools import chain
from pathlib import Path
from typing import Any, cast

import torch
from peft import get_peft_model
from probe import MemoryProbe, StepClock, adapter, read_workload, report
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, PreTrainedModel, TrainingArguments

from trainers.collator import PairCollator
from trainers.contrastive import ContrastiveTrainer, PairDataset, PairOptions
from trainers.features import EncodedPair, EncodedText
from trainers.loss import LossOptions
from trainers.objectives import parse_objective


class InOrder(ContrastiveTrainer):
    """Takes the workload's batches as they come."""

    batches: list[list[int]]

    def get_train_dataloader(self) -> DataLoader[tuple[int, EncodedPair]]:
        """One batch after the other."""
        pairs = cast(PairDataset, self.train_dataset)
        return DataLoader(pairs, batch_sampler=self.batches, collate_fn=self.data_collator)


def main() -> None:
    """Train over the workload once and write times and memory."""
    workload = read_workload(Path(sys.argv[1]))
    objective = sys.argv[3] if len(sys.argv) > 3 else "coin"
    micro = int(sys.argv[4]) if len(sys.argv) > 4 else workload["micro"]
    pairs = [_pair(row, n) for n, row in enumerate(chain(*workload["batches"]))]
    size = len(workload["batches"][0])
    gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if gpu else torch.float32
    model = AutoModelForCausalLM.from_pretrained(workload["model"], dtype=dtype)
    model.config.use_cache = False
    clock = StepClock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = InOrder(
            # The adapted model is called as the model is, and trains as one.
            cast(PreTrainedModel, get_peft_model(model, adapter())),
            TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=size,
                max_steps=len(workload["batches"]),
                learning_rate=1e-4,
                bf16=gpu,
                use_cpu=not gpu,
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                remove_unused_columns=False,
                label_names=["pairs"],
            ),
            collator=PairCollator(pad_id=0, micro=micro, multiple_of=8 if gpu else 1),
            train=pairs,
            options=PairOptions(
                LossOptions(terms=parse_objective(objective)), hard_negatives=False
            ),
        )
        trainer.batches = [list(range(i, i + size)) for i in range(0, len(pairs), size)]
        trainer.add_callback(clock)
        memory = MemoryProbe()
        trainer.train()
    report(clock, memory, Path(sys.argv[2]))


def _pair(row: dict[str, Any], number: int) -> EncodedPair:
    texts = [
        EncodedText(tuple(row[side]), int(row[f"{side}_prompt"]))
        for side in ("original", "paraphrase")
    ]
    return EncodedPair(texts[0], texts[1], "", "", str(number))


if __name__ == "__main__":
    main()
