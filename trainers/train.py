"""From a configuration to a checkpoint that `harness run` takes as it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from harness.core.atomic import remove_parts, write_text
from harness.core.errors import IncompleteRunError, UsageError
from harness.core.lock import lock_folder
from harness.models.inference.encoder import decoder_beginning
from harness.models.loading.devices import choose_device
from harness.models.loading.encoder_decoder_tokenizer import EncoderDecoderTokenizer
from harness.models.loading.tokenizer import HFTokenizer
from harness.models.loading.transformers_logging import quiet_transformers
from harness.prompting.prompts import resolve_format
from trainers.arguments import CHECKPOINTS, make_arguments
from trainers.base_model import (
    Base,
    check_architecture,
    check_context,
    find_base,
    load_model,
    load_tokenizer,
)
from trainers.card import render_card
from trainers.checkpoint import check_space, discard_checkpoint, find_resumable, no_space
from trainers.collator import PairCollator
from trainers.config import TrainConfig
from trainers.contrastive import ContrastiveTrainer, PairOptions
from trainers.data import TrainingData, load_data
from trainers.encoder_decoder import EncoderDecoderCollator
from trainers.loss import LossOptions
from trainers.manifest import (
    MANIFEST,
    Json,
    check_same,
    finish_manifest,
    make_manifest,
    read_manifest,
    write_manifest,
)
from trainers.progress import LOG_FILE, LogFile, ProgressBar

CARD = "README.md"
_NO_METRICS = ("step", "epoch", "train_epoch", "train_total_flos")


@dataclass(frozen=True, slots=True)
class TrainResult:
    """A finished training."""

    out: Path
    manifest: Json
    repeated: bool = False
    """Whether it was finished before, and nothing was done now."""

    @property
    def metrics(self) -> dict[str, float]:
        """What came of it."""
        found: dict[str, float] = self.manifest["metrics"]
        return found


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that is known before the weights are read."""

    config: TrainConfig
    base: Base
    tokenizer: PreTrainedTokenizerBase
    args: TrainingArguments
    data: TrainingData
    manifest: Json


def train(config: TrainConfig, *, console: Console | None = None) -> TrainResult:
    """Train, and write the checkpoint, its manifest, log and card to `config.out`.

    A training that was stopped is resumed; one that is finished is given as it is. With a console,
    progress is shown there.

    Raises:
        UsageError: an option, a file or a model that cannot be used; nothing was computed then.
        IncompleteRunError: the loss or a weight was no longer a number, or memory or disk is full;
            the last good checkpoint is kept.
    """
    prepared = prepare(config)
    # Of several processes one writes.
    alone = lock_folder(config.out) if prepared.args.should_save else nullcontext()
    with alone:
        existing = _open(prepared)
        if existing is not None and existing["status"] == "complete":
            return TrainResult(config.out, existing, repeated=True)
        model = load_model(prepared.base, config, prepared.args.device)
        check_space(config.out, _bytes_needed(model, config.keep, taught=config.taught))
        if prepared.args.should_save:
            write_manifest(config.out, prepared.manifest)
        trainer = _make_trainer(prepared, model)
        bar = ProgressBar(console) if console else None
        if bar:
            trainer.add_callback(bar)
        try:
            return _run(trainer, prepared)
        finally:
            if bar:
                bar.stop()


def prepare(config: TrainConfig) -> Prepared:
    """Read and check everything that a training needs, but for the weights.

    Raises:
        UsageError: something cannot be used.
    """
    validates = bool(config.eval_pairs or config.eval_share)
    args = make_arguments(config, choose_device(config.device), validates=validates)
    with args.main_process_first(desc="finding the base model"):
        base = find_base(config.model)
    architecture = check_architecture(check_context(base, config.max_length), config)
    tokenizer = load_tokenizer(base)
    has_template = HFTokenizer(tokenizer).chat_template is not None
    layout = resolve_format(config.prompt_format, has_chat_template=has_template)
    data = load_data(config, tokenizer, layout, architecture, devices=args.world_size)
    manifest = make_manifest(
        config,
        base,
        data.facts,
        layout=layout,
        devices=args.world_size,
        device=str(args.device),
    )
    return Prepared(config, base, tokenizer, args, data, manifest)


def _open(prepared: Prepared) -> Json | None:
    """The manifest of this training in the folder, if one has begun there.

    Raises:
        UsageError: the folder holds another training, or other things.
    """
    with prepared.args.main_process_first(desc="opening the folder"):
        return _existing(prepared.config, prepared.manifest, writes=prepared.args.should_save)


def _existing(config: TrainConfig, manifest: Json, *, writes: bool) -> Json | None:
    if writes:
        remove_parts(config.out)
    if config.fresh and (config.out / MANIFEST).is_file():
        if writes:
            _start_over(config.out, manifest)
        return None
    existing = read_manifest(config.out)
    if existing is None:
        if config.out.exists() and any(config.out.iterdir()):
            raise UsageError(
                f"{config.out} holds files and no {MANIFEST}, so it is no training to resume.",
                hint="Type: --out with a new folder.",
            )
        return None
    check_same(existing, manifest, config.out)
    return existing


def _start_over(folder: Path, manifest: Json) -> None:
    """Remove what a training has written, and nothing else, and begin another.

    A kill on the way leaves the old training, to be resumed or started over: its manifest stays
    until the new one takes its place, and no checkpoint counts once its removal has begun.
    """
    with suppress(UsageError):  # one that cannot be read is no finished training anyway
        write_manifest(folder, {**(read_manifest(folder) or {}), "status": "running"})
    for checkpoint in (folder / CHECKPOINTS).glob("*"):
        discard_checkpoint(checkpoint)
    for name in (LOG_FILE, CARD):
        (folder / name).unlink(missing_ok=True)
    write_manifest(folder, manifest)


def _make_trainer(prepared: Prepared, model: PreTrainedModel) -> ContrastiveTrainer:
    config, tokenizer = prepared.config, prepared.tokenizer
    trainer = ContrastiveTrainer(
        model,
        prepared.args,
        collator=_make_collator(prepared, model),
        train=prepared.data.train,
        validation=prepared.data.validation,
        tokenizer=tokenizer,
        options=PairOptions(
            loss=LossOptions(
                terms=config.terms,
                temperature=config.temperature,
                fixed_weight=config.contrast_weight,
                weight_limit=config.contrast_limit,
                negatives=config.negatives,
                strict_majority=config.strict_majority,
                instructions=config.instructions,
            ),
            pooling=config.pooling,
            pool_at=config.pool_at,
            pool_in=config.pool_in,
            layer=config.layer,
            hard_negatives=config.hard_negatives,
            beside=config.beside,
            projection=config.projection if config.projected else 0,
            teacher_decay=config.teacher_decay if config.taught else None,
        ),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(LogFile(config.out))
    return trainer


def _make_collator(prepared: Prepared, model: PreTrainedModel) -> PairCollator:
    config, tokenizer = prepared.config, prepared.tokenizer
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    within = config.contrastive and config.negatives == "micro"
    make: Callable[..., PairCollator] = PairCollator
    if model.config.is_encoder_decoder:
        opening = EncoderDecoderTokenizer(tokenizer).opening
        make = partial(EncoderDecoderCollator, start=decoder_beginning(model, opening))
    return make(
        pad_id=int(pad or 0),
        micro=config.micro_batch,
        side=config.padding_side,
        multiple_of=8 if prepared.args.device.type == "cuda" else 1,
        sort=not within,
        together=config.together,
    )


def _run(trainer: ContrastiveTrainer, prepared: Prepared) -> TrainResult:
    config = prepared.config
    checkpoint = find_resumable(config.out / CHECKPOINTS)
    try:
        with quiet_transformers():
            result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            metrics = _metrics(trainer, result.metrics)
            manifest = finish_manifest(
                prepared.manifest, steps=trainer.state.global_step, metrics=metrics
            )
            _save(trainer, config.out, manifest)
    except torch.OutOfMemoryError:
        raise IncompleteRunError(
            f"the device ran out of memory with {config.micro_batch} pairs at once.",
            hint=f"Type: --micro-batch {max(1, config.micro_batch // 2)} (the negatives stay the "
            "same), or --gradient-checkpointing.",
        ) from None
    return TrainResult(config.out, manifest)


def _metrics(trainer: ContrastiveTrainer, result: dict[str, float]) -> dict[str, float]:
    """The means over the training, the last line of its log, and the validation."""
    last = next((line for line in reversed(trainer.state.log_history) if "loss" in line), {})
    found = {f"last_{key}": value for key, value in last.items() if key not in _NO_METRICS}
    found |= {f"train_{key.removeprefix('train_')}": value for key, value in result.items()}
    if trainer.eval_dataset is not None:
        found |= trainer.evaluate()
    return {key: float(value) for key, value in found.items() if key not in _NO_METRICS}


def _save(trainer: ContrastiveTrainer, folder: Path, manifest: Json) -> None:
    try:
        trainer.save_model(str(folder))
        if trainer.args.should_save:
            write_text(folder / CARD, render_card(manifest))
            write_manifest(folder, manifest)
    except OSError as error:
        raise no_space(folder / MANIFEST, error) from None


def _bytes_needed(model: PreTrainedModel, keep: int, *, taught: bool) -> int:
    """Of `keep` checkpoints and one more while it is written, and of the result."""
    trained = [p for p in model.parameters() if p.requires_grad]
    weights = sum(p.numel() * p.element_size() for p in trained)
    moments = sum(2 * p.numel() * p.element_size() for p in trained)
    copies = (weights if taught else 0) + weights + moments
    return (keep + 1) * copies + weights + 50 * 2**20
