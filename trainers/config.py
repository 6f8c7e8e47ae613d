"""The configuration of a training: one YAML file, every key also a flag."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from harness.core.errors import UnknownNameError, UsageError, nearest_hint
from harness.core.names import split_names
from harness.core.options import choices_of
from harness.core.plain_numbers import PlainNumbers
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
from trainers.objectives import TERMS, parse_objective

REFERENCE_TARGETS: Final = ("q_proj", "k_proj", "v_proj", "o_proj")
ALL_LINEAR: Final = "all-linear"

_OPERATIONAL: Final = frozenset(
    {"out", "fresh", "device", "keep", "save_every", "log_every", "report_to", "data_workers"}
)
"""Options that change where, when or how fast a training runs, never what comes of it."""

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
MAX_WIDTH: Final = 65_536
"""Of what is trained beside the weights: wider than any model's states, and yet held by memory."""


class TrainConfig(PlainNumbers):
    """What `harness train` was asked for; defaults are those of CoIN's reference, where it has."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: str
    """Base model: directory, hub id, .gguf file or the bundled smollm2-135m."""
    pairs: Path
    """Pairs file, as `harness pairs` writes it."""
    out: Path
    """Folder for the checkpoint; a training that was stopped there is resumed."""
    fresh: bool = False
    """Start over, do not resume."""

    objective: str = "coin"
    """Objectives or terms with optional weights, such as coin,consistency=0.5."""
    temperature: Annotated[float, Field(gt=0)] = 0.05
    """InfoNCE temperature."""
    contrast_weight: Annotated[float, Field(gt=0)] | None = None
    """Fixed weight of the contrastive term, in place of the reference's adaptive one."""
    contrast_limit: Annotated[float, Field(gt=0)] = 1000.0
    """Upper bound of the adaptive contrast weight (lambda)."""
    pooling: Pooling = "last"
    """How token states become one."""
    pool_at: PoolAt = "sequence-end"
    """Last token pooled."""
    pool_in: PoolIn = "decoder"
    """Whose states are pooled: the decoder's, or the encoder's of an encoder-decoder."""
    layer: Count | None = None
    """Layer whose states are pooled, from 1; default: the last, after the final norm."""
    projection: Annotated[int, Field(ge=0, le=MAX_WIDTH)] = 128
    """Width of the projection head of supervised and invariance, thrown away; 0: none."""
    negatives: Negatives = "batch"
    """Where negatives come from: the whole batch, or the micro-batch."""
    hard_negatives: bool = True
    """Keep each pair beside one of the same instruction with another input and target."""
    beside: Beside = "instruction"
    """What a hard negative shares with its pair: the instruction, or the input."""
    instructions: Annotated[int, Field(ge=2, le=8, multiple_of=2)] = 2
    """Instructions of a row that meet in a batch: two of each of its pairs."""
    teacher_decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """What the teacher's average keeps of itself per step."""
    strict_majority: bool = False
    """Objective consensus: variants that disagree decide nothing, instead of the surer one."""

    prompt_format: FormatChoice = "auto"
    """Prompt format; auto: chat where the model has a template."""
    max_length: Count = 256
    """Maximum length of a prompt with its target, in tokens."""
    overlong: Overlong = "error"
    """Longer pairs: error, or drop them. Nothing is ever cut."""
    end_token: bool = True
    """Put the end-of-answer token after each target."""
    padding_side: PaddingSide = "left"
    """Padding side."""
    eval_pairs: Path | None = None
    """Pairs file for validation."""
    eval_share: Share = 0.0
    """Share of the inputs held out for validation where no file is given."""

    tuning: Tuning = "lora"
    """What is trained: a LoRA adapter, or all weights."""
    lora_r: Annotated[int, Field(ge=1, le=MAX_WIDTH)] = 16
    """LoRA rank."""
    lora_alpha: Count = 16
    """LoRA alpha (the scale is alpha / rank)."""
    lora_dropout: Share = 0.05
    """LoRA dropout."""
    lora_targets: tuple[str, ...] = REFERENCE_TARGETS
    """Modules that get an adapter, by name, or all-linear."""
    quantize: Quantize = "none"
    """Load the base in 8 or 4 bits (GPU, LoRA only)."""
    bf16: Bf16 = "auto"
    """Compute in bfloat16; auto: where a GPU supports it."""
    gradient_checkpointing: bool = False
    """Recompute activations instead of keeping them."""

    batch: Count = 64
    """Global batch size (pairs)."""
    micro_batch: Count = 8
    """Micro-batch size (pairs per forward pass)."""
    epochs: Annotated[float, Field(gt=0)] = 1.0
    """Number of epochs."""
    max_steps: Count | None = None
    """Maximum optimiser steps, whatever the epochs."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    """AdamW learning rate after warm-up."""
    schedule: Schedule = "linear"
    """Learning-rate schedule."""
    warmup: Share = 0.1
    """Share of the steps spent in warm-up."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """AdamW weight decay."""
    max_grad_norm: Annotated[float, Field(ge=0)] = 1.0
    """Maximum gradient norm; 0 clips nothing."""
    seed: int = 0
    """Random seed of batches, adapter initialisation and dropout."""

    device: Device = "auto"
    """Device; auto: a GPU where there is one."""
    save_every: Count = 50
    """Steps between checkpoints to resume from."""
    keep: Annotated[int, Field(ge=2)] = 2
    """Number of checkpoints kept."""
    eval_every: Count | None = None
    """Steps between validations; one more follows at the end."""
    log_every: Count = 1
    """Steps between log lines."""
    report_to: tuple[str, ...] = ()
    """Trackers to report to, such as tensorboard or wandb."""
    data_workers: Annotated[int, Field(ge=0)] = 0
    """Number of data-loading processes."""

    @field_validator("lora_targets", "report_to", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return split_names(value)

    @field_validator("objective", mode="before")
    @classmethod
    def _join(cls, value: object) -> object:
        """A mapping of names to weights, as the text that a flag would hold."""
        if isinstance(value, dict):
            return ",".join(f"{name}={weight}" for name, weight in value.items())
        return ",".join(map(str, value)) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        terms = self.terms
        adaptive = "contrast" in terms and self.contrast_weight is None
        if adaptive and not any(TERMS[name].is_language_loss for name in terms):
            raise ValueError(
                "the contrast's adaptive weight is relative to a generation loss, and the "
                f"objective {self.objective!r} has none; set contrast_weight, or add sft"
            )
        if self.quantize != "none" and self.tuning == "full":
            raise ValueError("a quantised base can only be trained with tuning lora")
        if self.contrastive and self.negatives == "micro" and self.micro_batch < 2:
            raise ValueError(
                "a micro_batch of 1 leaves a pair without a negative where negatives is micro"
            )
        if self.layer and self.pooling == "first_last":
            raise ValueError("pooling first_last has its layers; layer needs another pooling")
        self._check_batch_terms()
        return self

    def _check_batch_terms(self) -> None:
        others = [name for name in self.terms if TERMS[name].compares_batch and name != "contrast"]
        if others and self.negatives == "micro":
            raise ValueError(
                f"negatives micro is for the term contrast; {others[0]} compares the whole batch"
            )
        if self.contrastive and self.instructions > 2:
            raise ValueError(
                f"with {self.instructions} instructions a row meets itself in a batch, and "
                "contrast would push it apart; take supervised in its place, or 2 instructions"
            )
        if self.micro_batch % self.together:
            raise ValueError(
                f"a micro_batch of {self.micro_batch} pairs parts a row's {self.instructions} "
                f"instructions; it must be a multiple of {self.together}"
            )
        if "invariance" in others and self.batch < 2:
            raise ValueError("invariance needs a batch of 2 or more: one row has no variance")

    @property
    def terms(self) -> dict[str, float]:
        """The objective's terms and their weights."""
        return parse_objective(self.objective)

    @property
    def contrastive(self) -> bool:
        """Whether pairs are contrasted with each other."""
        return "contrast" in self.terms

    @property
    def together(self) -> int:
        """Pairs of one row that stand side by side."""
        return self.instructions // 2

    @property
    def taught(self) -> bool:
        """Whether a term needs a teacher."""
        return any(TERMS[name].taught for name in self.terms)

    @property
    def projected(self) -> bool:
        """Whether a term sees states through a projection head."""
        return self.projection > 0 and any(TERMS[name].projected for name in self.terms)

    @property
    def predicts_prompt(self) -> bool:
        """Whether tokens of the prompt are predicted, too."""
        return any(TERMS[name].predicts_prompt for name in self.terms)

    def identity(self) -> dict[str, Any]:
        """The options that define the result, in plain JSON types; files by name, no model."""
        options = self.model_dump(mode="json", exclude={*_OPERATIONAL, "model"})
        for key in ("pairs", "eval_pairs"):
            options[key] = options[key] and Path(options[key]).name
        return options


def load_train_config(path: Path | None, given: dict[str, object]) -> TrainConfig:
    """The configuration of a YAML file, with options given beside it in its place.

    Paths in the file are relative to the working folder, as on the command line.

    Raises:
        UsageError: the file cannot be read, or a key or value is wrong.
    """
    content: dict[str, object] = _read(path) if path else {}
    values = {**content, **{key: value for key, value in given.items() if value is not None}}
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        raise _explain(error, path, content) from None


def _read(path: Path) -> dict[str, object]:
    from harness.tasks.yamlfile import parse_yaml, read_text

    _, content = parse_yaml(read_text(path, what="training"), where=str(path))
    if not isinstance(content, dict):
        raise UsageError(f"{path}: a training file is a mapping of keys, this is not.")
    return {str(key): value for key, value in content.items()}


def _explain(error: ValidationError, path: Path | None, content: dict[str, object]) -> UsageError:
    first = error.errors()[0]
    if first["type"] == "literal_error":
        name = str(first["loc"][0])
        choices = choices_of(TrainConfig.model_fields[name].annotation)
        return UnknownNameError(name.replace("_", " "), str(first["input"]), choices)
    return UsageError(_describe(error, path, content))


def _describe(error: ValidationError, path: Path | None, content: dict[str, object]) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    flag = f"--{name.replace('_', '-')}"
    where = f"{path}: {name}" if path and name in content else flag
    if first["type"] == "missing":
        return f"{flag} is needed (or {name!r} in a --config file)."
    if first["type"] == "extra_forbidden":
        return f"{path}: unknown key {name!r}.{nearest_hint(name, TrainConfig.model_fields)}"
    message = str(first["msg"]).removeprefix("Value error, ")
    if not name:
        return f"{message}."
    return f"{where} {first['input']!r}: {message[:1].lower()}{message[1:]}."
