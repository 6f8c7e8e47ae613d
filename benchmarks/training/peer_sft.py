"""trl's SFTTrainer on the workload: originals and paraphrases as separate examples.

Runs in the peer's environment: python peer_sft.py WORKLOAD OUT
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch
from datasets import Dataset
from probe import MemoryProbe, StepClock, adapter, read_workload, report
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer


def main() -> None:
    """Train over the workload once and write times and memory."""
    workload = read_workload(Path(sys.argv[1]))
    rows = [
        {"input_ids": pair[side], "labels": _labels(pair[side], pair[f"{side}_prompt"])}
        for batch in workload["batches"]
        for side in ("original", "paraphrase")
        for pair in batch
    ]
    gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if gpu else torch.float32
    model = AutoModelForCausalLM.from_pretrained(workload["model"], dtype=dtype)
    clock = StepClock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            model,
            args=SFTConfig(
                output_dir=folder,
                per_device_train_batch_size=2 * workload["micro"],
                max_steps=len(workload["batches"]),
                train_sampling_strategy="sequential",
                learning_rate=1e-4,
                max_length=None,
                gradient_checkpointing=False,
                bf16=gpu,
                use_cpu=not gpu,
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(workload["model"]),
            peft_config=adapter(),
            callbacks=[clock],
        )
        memory = MemoryProbe()
        trainer.train()
    report(clock, memory, Path(sys.argv[2]))


def _labels(ids: list[int], prompt: int) -> list[int]:
    return [-100] * prompt + ids[prompt:]


if __name__ == "__main__":
    main()
