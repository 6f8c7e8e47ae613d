"""`harness train` and `harness merge`: train for robustness."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, get_args

import typer

from harness.cli import options
from harness.cli.command import add_command
from harness.cli.params import choice, with_given
from harness.models.spec import DType
from trainers.config import TrainConfig, load_train_config

if TYPE_CHECKING:
    from trainers.train import TrainResult


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_command(
        app,
        "train",
        train_command,
        "harness train --model smollm2-135m --pairs pairs.jsonl --out checkpoints/coin",
        "harness train --config coin.yaml --max-steps 100",
    )
    add_command(app, "merge", merge_command, "harness merge checkpoints/coin --out merged")


PANELS: Final = {
    "Files": ("model", "pairs", "out", "fresh", "eval_pairs", "eval_share"),
    "Objective": (
        "objective", "temperature", "contrast_weight", "contrast_limit", "pooling", "pool_at",
        "pool_in", "layer", "projection", "negatives", "hard_negatives", "beside",
        "instructions", "teacher_decay", "strict_majority",
    ),
    "Text": ("prompt_format", "max_length", "overlong", "end_token", "padding_side"),
    "What is trained": (
        "tuning", "lora_r", "lora_alpha", "lora_dropout", "lora_targets", "quantize", "bf16",
        "gradient_checkpointing",
    ),
    "Optimisation": (
        "batch", "micro_batch", "epochs", "max_steps", "learning_rate", "schedule", "warmup",
        "weight_decay", "max_grad_norm", "seed",
    ),
    "Operation": (
        "device", "save_every", "keep", "eval_every", "log_every", "report_to", "data_workers",
    ),
}  # fmt: skip
"""How the options of a training are grouped in its help."""


@with_given(TrainConfig, PANELS)
def train_command(
    given: dict[str, object],
    config: Annotated[
        Path | None, typer.Option(help="YAML file; every other option is a key of it.")
    ] = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a model on pairs so that its answers depend less on how an instruction is phrased.

    The same command resumes a training that was stopped. On several GPUs:
    `accelerate launch "$(which harness)" train --config coin.yaml`
    """
    _train(config, given, as_json=as_json, quiet=quiet)


def merge_command(
    checkpoint: Annotated[Path, typer.Argument(help="An adapter's directory.")],
    out: Annotated[Path, typer.Option(help="New folder for the whole model.")],
    base: Annotated[
        str | None, typer.Option(help="Base model, where not the one that the adapter names.")
    ] = None,
    dtype: Annotated[
        str,
        typer.Option(
            parser=choice("dtype", get_args(DType)),
            metavar="<name>",
            help="Number format to write: auto (as the base), float32, bfloat16 or float16.",
        ),
    ] = "auto",
) -> None:
    """Merge an adapter into its base and write the whole model."""
    from harness.api.training import need_package

    need_package("peft")
    from trainers.merge import merge

    merged = merge(str(checkpoint), out, base=base, dtype=dtype)
    typer.echo(f"{merged.out}: {merged.parameters:,} parameters, base {merged.base}")


def _train(config: Path | None, given: dict[str, object], *, as_json: bool, quiet: bool) -> None:
    from harness.api.training import run_training
    from harness.cli.terminal import err, print_json

    resolved = load_train_config(config, given)
    trained = run_training(resolved, console=None if quiet or as_json else err())
    if as_json:
        print_json(trained.manifest)
    elif not quiet:
        _show_trained(trained)


def _show_trained(trained: TrainResult) -> None:
    from harness.cli.terminal import out, print_table

    shown = ("train_runtime", "last_loss", "last_tokens_per_second", "last_peak_memory_mb")
    metrics = trained.metrics
    rows = [
        (name, f"{value:,.4g}")
        for name, value in metrics.items()
        if name in shown or name.startswith("eval_")
    ]
    print_table(f"Trained for {trained.manifest['steps']:,} steps", ("metric", "value"), rows)
    if trained.repeated:
        out().print("finished before; --fresh would repeat it", style="yellow")
    out().print(f"checkpoint: {trained.out}", markup=False)
    out().print(f"evaluate it: harness run --model {trained.out}", markup=False)
