"""From a training's configuration to the arguments that `transformers.Trainer` takes."""

from __future__ import annotations

from typing import Final

import torch
from transformers import TrainingArguments

from harness.core.errors import MissingPackageError, UnknownNameError, UsageError
from trainers.base_model import wants_bf16
from trainers.config import TrainConfig

CHECKPOINTS = "checkpoints"

_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}

_PACKAGES: Final = {
    "azure_ml": "azureml-core",
    "comet_ml": "comet-ml",
    "flyte": "flytekit",
}
"""Trackers whose package has another name."""


def make_arguments(
    config: TrainConfig, device: torch.device, *, validates: bool
) -> TrainingArguments:
    """The arguments; this is where the processes of several devices find each other.

    Raises:
        UsageError: the batch cannot be shared evenly between the devices.
        UnknownNameError: a tracker that is not installed.
    """
    bf16 = wants_bf16(config, device)
    periodic = validates and config.eval_every is not None
    args = TrainingArguments(
        output_dir=str(config.out / CHECKPOINTS),
        per_device_eval_batch_size=config.micro_batch,
        gradient_accumulation_steps=1,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        num_train_epochs=config.epochs,
        max_steps=config.max_steps or -1,
        lr_scheduler_type=_SCHEDULES[config.schedule],
        warmup_steps=config.warmup,  # below 1 it is a share of all steps
        optim="adamw_torch_fused" if device.type == "cuda" else "adamw_torch",
        logging_strategy="steps",
        logging_steps=config.log_every,
        logging_nan_inf_filter=False,  # a loss that is no number must be seen
        save_strategy="steps",
        save_steps=config.save_every,
        save_total_limit=config.keep,
        eval_strategy="steps" if periodic else "no",
        eval_steps=config.eval_every if periodic else None,
        seed=config.seed,
        data_seed=config.seed,
        bf16=bf16,
        use_cpu=device.type == "cpu",
        report_to=_trackers(config),
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["pairs"],
        dataloader_num_workers=config.data_workers,
        dataloader_pin_memory=device.type == "cuda",
        ddp_find_unused_parameters=False,
    )
    # Several GPUs seen by one process are for `accelerate launch`; by itself it takes one.
    args._n_gpu = min(1, args.n_gpu)
    devices = args.world_size
    if config.batch % devices:
        raise UsageError(
            f"a batch of {config.batch} cannot be shared evenly between {devices} devices.",
            hint=f"Type: --batch {_round_up(config.batch, devices)}.",
        )
    args.per_device_train_batch_size = config.batch // devices
    return args


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _trackers(config: TrainConfig) -> list[str]:
    from transformers.integrations.integration_utils import (
        INTEGRATION_TO_CALLBACK,
        get_available_reporting_integrations,
    )

    available = get_available_reporting_integrations()
    for name in config.report_to:
        if name in ("none", "all"):
            continue
        if name not in INTEGRATION_TO_CALLBACK:
            raise UnknownNameError("tracker", name, [*INTEGRATION_TO_CALLBACK, "none"])
        if name not in available:
            package = _PACKAGES.get(name, name)
            raise MissingPackageError(
                package, needed_for=f"--report-to {name}", install=f"pip install {package}"
            )
    return list(config.report_to) or ["none"]
