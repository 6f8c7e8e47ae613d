"""Train a model on pairs: the call behind `harness.train` and `harness train`."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api.pairing import PairsFile
from harness.api.words import in_python
from harness.core.errors import MissingPackageError
from harness.models.spec import Device
from harness.prompting.prompts import FormatChoice
from trainers.choices import (
    Beside,
    Bf16,
    Negatives,
    Overlong,
    PaddingSide,
    PoolAt,
    PoolIn,
    Pooling,
    Quantize,
    Schedule,
    Tuning,
)
from trainers.config import REFERENCE_TARGETS, TrainConfig, load_train_config

if TYPE_CHECKING:
    from rich.console import Console

    from trainers.train import TrainResult


@in_python
def train(
    model: str | Path,
    pairs: str | Path | PairsFile,
    out: str | Path,
    *,
    fresh: bool = False,
    objective: str | Sequence[str] | Mapping[str, float] = "coin",
    temperature: float = 0.05,
    contrast_weight: float | None = None,
    contrast_limit: float = 1000.0,
    pooling: Pooling = "last",
    pool_at: PoolAt = "sequence-end",
    pool_in: PoolIn = "decoder",
    layer: int | None = None,
    projection: int = 128,
    negatives: Negatives = "batch",
    hard_negatives: bool = True,
    beside: Beside = "instruction",
    instructions: int = 2,
    teacher_decay: float = 0.99,
    strict_majority: bool = False,
    prompt_format: FormatChoice = "auto",
    max_length: int = 256,
    overlong: Overlong = "error",
    end_token: bool = True,
    padding_side: PaddingSide = "left",
    eval_pairs: str | Path | None = None,
    eval_share: float = 0.0,
    tuning: Tuning = "lora",
    lora_r: int = 16,
    lora_alpha: int = 16,
    lora_dropout: float = 0.05,
    lora_targets: str | Sequence[str] = REFERENCE_TARGETS,
    quantize: Quantize = "none",
    bf16: Bf16 = "auto",
    gradient_checkpointing: bool = False,
    batch: int = 64,
    micro_batch: int = 8,
    epochs: float = 1.0,
    max_steps: int | None = None,
    learning_rate: float = 1e-4,
    schedule: Schedule = "linear",
    warmup: float = 0.1,
    weight_decay: float = 0.0,
    max_grad_norm: float = 1.0,
    seed: int = 0,
    device: Device = "auto",
    save_every: int = 50,
    keep: int = 2,
    eval_every: int | None = None,
    log_every: int = 1,
    report_to: str | Sequence[str] = (),
    data_workers: int = 0,
    progress: bool = False,
) -> TrainResult:
    """Train a model on pairs so that its answers depend less on how an instruction is phrased.

    The same call resumes a training that was stopped, and returns at once where it is finished.

    Args:
        model: Base model: directory, hub id, .gguf file or the bundled smollm2-135m.
        pairs: Pairs file, or what `harness.make_pairs` returned.
        out: Folder for the checkpoint; a training that was stopped there is resumed.
        fresh: Start over, do not resume.
        objective: Objectives or terms with optional weights, such as `coin,consistency=0.5`.
        temperature: InfoNCE temperature.
        contrast_weight: Fixed weight of the contrastive term, in place of the reference's
            adaptive one.
        contrast_limit: Upper bound of the adaptive contrast weight (lambda).
        pooling: How token states become one.
        pool_at: Which token is the last one pooled.
        pool_in: Whose states are pooled: the decoder's, or the encoder's of an encoder-decoder.
        layer: Layer whose states are pooled, from 1; default: the last, after the final norm.
        projection: Width of the projection head that the terms supervised and invariance see
            states through; it is thrown away. 0: none.
        negatives: Where negatives come from: the whole batch, or the micro-batch.
        hard_negatives: Keep each pair beside one of the same instruction with another input and
            target.
        beside: What a hard negative shares with its pair: the instruction, or the input.
        instructions: Instructions of a row that meet in a batch: two of each of its pairs. 2 to 8.
        teacher_decay: What the teacher's average keeps of itself per step.
        strict_majority: Objective consensus: variants that disagree decide nothing, instead of
            the surer one.
        prompt_format: Prompt format; auto: chat where the model has a template.
        max_length: Maximum length of a prompt with its target, in tokens.
        overlong: Longer pairs: error, or drop them. Nothing is ever cut.
        end_token: Put the end-of-answer token after each target.
        padding_side: Side on which shorter texts are padded.
        eval_pairs: Pairs file for validation.
        eval_share: Share of the inputs held out for validation where no file is given.
        tuning: What is trained: a LoRA adapter, or all weights.
        lora_r: LoRA rank.
        lora_alpha: LoRA alpha (the scale is alpha / rank).
        lora_dropout: LoRA dropout.
        lora_targets: Modules that get an adapter, by name, or all-linear.
        quantize: Load the base in 8 or 4 bits (GPU, LoRA only).
        bf16: Compute in bfloat16; auto: where a GPU supports it.
        gradient_checkpointing: Recompute activations instead of keeping them.
        batch: Global batch size (pairs).
        micro_batch: Micro-batch size (pairs per forward pass).
        epochs: Number of epochs.
        max_steps: Maximum optimiser steps, whatever the epochs.
        learning_rate: AdamW learning rate after warm-up.
        schedule: Learning-rate schedule.
        warmup: Share of the steps spent in warm-up.
        weight_decay: AdamW weight decay.
        max_grad_norm: Maximum gradient norm; 0 clips nothing.
        seed: Random seed of batches, adapter initialisation and dropout.
        device: Device; auto: a GPU where there is one.
        save_every: Steps between checkpoints to resume from.
        keep: Number of checkpoints kept.
        eval_every: Steps between validations; one more follows at the end.
        log_every: Steps between log lines.
        report_to: Trackers to report to, such as tensorboard or wandb.
        data_workers: Number of data-loading processes.
        progress: Show a bar on stderr.

    Returns:
        The finished training: `.out` is the checkpoint, which `harness.run` takes as a model, and
        `.metrics` is what came of it.

    Raises:
        UsageError: An option, a file or a model that cannot be used; nothing was computed then.
        MissingPackageError: peft or accelerate is not installed.
        IncompleteRunError: The loss or a weight was no longer a number, or memory or disk is full;
            the last good checkpoint is kept.

    Example:
        >>> trained = harness.train("smollm2-135m", "pairs.jsonl", "checkpoints/coin", epochs=2)
        >>> trained.metrics["last_loss"]
        0.31
        >>> harness.run(trained.out, tasks="sentiment")
    """
    given = {name: value for name, value in locals().items() if name != "progress"}
    file = pairs.path if isinstance(pairs, PairsFile) else Path(pairs)
    config = load_train_config(None, {**given, "model": str(model), "pairs": file})
    if not progress:
        return run_training(config)
    from rich.console import Console

    # rich's live display needs widgets in a notebook; plain text needs nothing.
    return run_training(config, console=Console(stderr=True, force_jupyter=False))


def run_training(config: TrainConfig, *, console: Console | None = None) -> TrainResult:
    """Train by a configuration; with a console, progress is shown there.

    Raises:
        MissingPackageError: peft or accelerate is not installed.
        UsageError: An option, a file or a model that cannot be used.
        IncompleteRunError: The training stopped; the last good checkpoint is kept.
    """
    for package in ("accelerate", "peft"):
        need_package(package)
    from trainers.train import train as run

    return run(config, console=console)


def need_package(package: str) -> None:
    """Say what to install where a package of the training is missing.

    Raises:
        MissingPackageError: It is not installed.
    """
    if importlib.util.find_spec(package) is None:
        raise MissingPackageError(
            package, needed_for="training", install='pip install "robustness-harness[train]"'
        )
