"""The trainer: a `transformers.Trainer` whose step runs over pairs."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from harness.core.errors import UsageError
from trainers.checkpoint import SafeCheckpoints, not_finite
from trainers.choices import Beside, PoolAt, PoolIn, Pooling
from trainers.collator import Batch, MicroBatch, PairCollator, count_places, count_tokens
from trainers.encoder_decoder import EncoderDecoderForward
from trainers.features import EncodedPair
from trainers.forward import PairForward
from trainers.gradcache import StepReport, run_step
from trainers.loss import LossOptions
from trainers.projection import HEAD_FILE, make_projection, state_width
from trainers.sampler import PairBatchSampler
from trainers.teacher import Teacher
from trainers.validation import measure_pairs, summarise_eval

if TYPE_CHECKING:
    from accelerate import Accelerator


class PairDataset(Dataset[tuple[int, EncodedPair]]):
    """Encoded pairs with their indices."""

    def __init__(self, pairs: Sequence[EncodedPair]) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[int, EncodedPair]:
        return index, self.pairs[index]


@dataclass(frozen=True, slots=True)
class PairOptions:
    """How pairs are batched, pooled and compared."""

    loss: LossOptions
    pooling: Pooling = "last"
    pool_at: PoolAt = "sequence-end"
    pool_in: PoolIn = "decoder"
    layer: int | None = None
    hard_negatives: bool = True
    beside: Beside = "instruction"
    projection: int = 0
    """Width of the projection head; 0 where no term sees states through one."""
    teacher_decay: float | None = None
    """Of the teacher's average; None where no term has a teacher."""


class ContrastiveTrainer(SafeCheckpoints):
    """Trains on pairs: one step is one batch, whatever the micro-batches it is run in.

    `per_device_train_batch_size` is the number of pairs of a step on this device; the collator
    parts them into micro-batches. `gradient_accumulation_steps` stays 1: accumulation is part of
    the step, where it cannot change the negatives.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        args: TrainingArguments,
        *,
        collator: PairCollator,
        train: Sequence[EncodedPair],
        validation: Sequence[EncodedPair] = (),
        tokenizer: PreTrainedTokenizerBase | None = None,
        options: PairOptions,
    ) -> None:
        self.pair_options = options
        self._forward = _make_forward(model, options)
        self._projection: nn.Module | None = None
        if options.projection:
            width = state_width(model)
            head = make_projection(width, options.projection, seed=args.seed)
            self._projection = head.to(args.device)
        super().__init__(
            model=model,
            args=args,
            data_collator=cast(Any, collator),
            train_dataset=PairDataset(train),
            eval_dataset=PairDataset(validation) if validation else None,
            compute_metrics=summarise_eval,
        )
        self._teacher: Teacher | None = None
        if options.teacher_decay is not None:
            self._teacher = Teacher(model, decay=options.teacher_decay)
            self.add_callback(_AfterStep(self._teacher, model))
        if self._sharded and (self._projection or self._teacher):
            raise UsageError(
                "a projection head or a teacher stands beside a model that is whole on each "
                "device, and this one is sharded.",
                hint="Train without FSDP, or with --projection 0 and an objective without teacher.",
            )
        self.tokenizer = tokenizer
        self._sampler = PairBatchSampler(
            train,
            [pair.length for pair in train],
            batch=args.per_device_train_batch_size,
            seed=args.seed,
            hard_negatives=options.hard_negatives,
            beside=options.beside,
            together=options.loss.instructions // 2,
            ranks=args.world_size,
            rank=args.process_index,
        )
        self._meter = Meter()
        self._parameters = sum(parameter.numel() for parameter in model.parameters())
        self.add_callback(_EpochOfSampler(self._sampler))

    def create_optimizer(self, model: nn.Module | None = None) -> Optimizer:
        """The library's optimiser of the model, which trains the projection head, too.

        The head's gradient is not clipped with the model's.
        """
        new = self.optimizer is None
        optimizer = super().create_optimizer(model)
        if new and self._projection is not None:
            optimizer.add_param_group(
                {"params": list(self._projection.parameters()), "weight_decay": 0.0}
            )
        return optimizer

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)
        if self._projection is not None and self.args.should_save:
            save_file(self._projection.state_dict(), Path(output_dir) / HEAD_FILE)
        if self._teacher is not None and self.args.should_save:
            self._teacher.save(Path(output_dir))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if self._projection is not None and checkpoint is not None:
            self._projection.load_state_dict(load_file(Path(checkpoint) / HEAD_FILE))
        if self._teacher is not None and checkpoint is not None:
            self._teacher.load(Path(checkpoint))

    def get_train_dataloader(self) -> DataLoader[tuple[int, EncodedPair]]:
        """Batches of this rank; the sampler has sharded them, so accelerate must not."""
        return DataLoader(
            PairDataset(self._sampler_pairs),
            batch_sampler=self._sampler,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.device.type == "cuda",
        )

    @property
    def _sampler_pairs(self) -> Sequence[EncodedPair]:
        dataset = self.train_dataset
        return dataset.pairs if isinstance(dataset, PairDataset) else ()

    def training_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """One optimiser step's gradient, and the loss over all devices.

        Raises:
            IncompleteRunError: the loss is not a finite number.
        """
        model.train()
        if self._projection is not None:
            self._projection.zero_grad()  # the library does so for the model alone
        batch = cast(Batch, self._prepare_inputs(inputs))
        with self.compute_loss_context_manager():
            report = run_step(
                batch["micro"],
                lambda micro: self._forward(model, micro),
                self.pair_options.loss,
                AllProcesses(self.accelerator),
                self.accelerator.backward,
                lambda: self.accelerator.no_sync(model),
                projection=self._projection,
                teach=self._teach if self._teacher is not None else None,
            )
        if not np.isfinite(report.loss):
            raise not_finite(
                self.state.global_step, Path(str(self.args.output_dir)), what="the loss"
            )
        self._meter.add(report, batch["micro"])
        return torch.tensor(report.loss, device=self.args.device)

    def _teach(self, micro: MicroBatch) -> Tensor:
        """The teacher's logits, without dropout."""
        model = self.accelerator.unwrap_model(self.model)
        model.eval()
        try:
            with torch.no_grad():
                return self._forward(cast(Teacher, self._teacher).standing_in(model), micro).logits
        finally:
            model.train()

    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> tuple[None, Tensor, Tensor]:
        """What a validation batch adds up to: one row of `measure_pairs` per pair."""
        batch = cast(Batch, self._prepare_inputs(inputs))
        with torch.no_grad(), self.compute_loss_context_manager():
            rows = [measure_pairs(self._forward(model, micro)) for micro in batch["micro"]]
        return None, torch.cat(rows), batch["pairs"]

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """6 x parameters x tokens, the usual estimate of a forward and a backward."""
        batch = cast(Batch, inputs)
        tokens = sum(map(count_tokens, batch["micro"]))
        return 6 * tokens * self._parameters

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, with the terms of the loss, throughput, padding and memory since the last line."""
        if "loss" in logs:
            logs = {**logs, **self._meter.read(self.args.device, self.args.world_size)}
        super().log(logs, start_time)


def _make_forward(model: PreTrainedModel, options: PairOptions) -> PairForward:
    pooling, pool_at = options.pooling, options.pool_at
    if model.config.is_encoder_decoder:
        return EncoderDecoderForward(
            model,
            pooling=pooling,
            pool_at=pool_at,
            pool_in=options.pool_in,
            layer=options.layer,
        )
    return PairForward(
        model,
        pooling=pooling,
        pool_at=pool_at,
        predicts_prompt=options.loss.predicts_prompt,
        layer=options.layer,
    )


class AllProcesses:
    """The processes that accelerate runs."""

    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator = accelerator
        self.size: int = accelerator.num_processes
        self.rank: int = accelerator.process_index

    def gather(self, values: Tensor) -> Tensor:
        """The rows of all devices, by rank."""
        gathered: Tensor = self._accelerator.gather(values)
        return gathered

    def sum(self, values: Tensor) -> Tensor:
        """The sum over devices."""
        summed: Tensor = self._accelerator.reduce(values, reduction="sum")
        return summed


@dataclass(slots=True)
class Meter:
    """What has gone through the model on this device since the last line of the log."""

    steps: int = 0
    tokens: int = 0
    places: int = 0
    """Tokens and padding."""
    sums: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    def add(self, report: StepReport, batches: Sequence[MicroBatch]) -> None:
        """Count a step."""
        self.steps += 1
        self.tokens += sum(map(count_tokens, batches))
        self.places += sum(map(count_places, batches))
        parts: dict[str, float] = {str(term): value for term, value in report.terms.items()}
        if report.contrast_weight is not None:
            parts["contrast_weight"] = report.contrast_weight
        for name, value in parts.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def read(self, device: torch.device, devices: int = 1) -> dict[str, float]:
        """Means since the last reading, throughput of all devices; starts anew."""
        seconds = time.perf_counter() - self.started
        found = {name: total / max(1, self.steps) for name, total in self.sums.items()}
        found |= {
            "tokens_per_second": round(devices * self.tokens / seconds, 1),
            "padding": round(1 - self.tokens / max(1, self.places), 4),
            "peak_memory_mb": round(peak_memory(device) / 2**20, 1),
        }
        self.steps = self.tokens = self.places = 0
        self.sums, self.started = {}, time.perf_counter()
        return found


def peak_memory(device: torch.device) -> int:
    """Most bytes ever held: by tensors on a GPU, by the process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ModuleNotFoundError:  # not a Unix
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class _EpochOfSampler(TrainerCallback):
    """Tells the sampler which epoch it is, also after a resume."""

    def __init__(self, sampler: PairBatchSampler) -> None:
        self._sampler = sampler

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._sampler.set_epoch(state.global_step // len(self._sampler))


class _AfterStep(TrainerCallback):
    """Lets the teacher take in what a step has made of the weights."""

    def __init__(self, teacher: Teacher, model: nn.Module) -> None:
        self._teacher, self._model = teacher, model

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._teacher.update(self._model, step=state.global_step)
