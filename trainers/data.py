"""The data of a training: read, encoded, checked and counted before any weight is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random

from transformers import PreTrainedTokenizerBase

from harness.core.errors import NothingToEvaluateError, UsageError
from harness.core.records import stable_hash
from harness.models.contract import Architecture
from harness.prompting.prompts import PromptFormat
from trainers.config import TrainConfig
from trainers.features import EncodedPair, PairEncoder, drop_overlong
from trainers.groups import check_groups
from trainers.objectives import TERMS
from trainers.pairs import Pair, hash_pairs, read_pairs
from trainers.sampler import check_batch, count_hard_negatives, count_shared_inputs


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What the pairs are, for the manifest."""

    hash: str
    pairs: int
    with_hard_negative: int
    overlong: int
    """Pairs left out because they are longer than `max_length`."""
    validation: int
    tokens: int
    """Of all texts, originals and paraphrases."""

    def row(self) -> dict[str, str | int]:
        """The facts in plain JSON types."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Pairs to train on and to validate with."""

    train: list[EncodedPair]
    validation: list[EncodedPair]
    facts: DataFacts


def load_data(
    config: TrainConfig,
    tokenizer: PreTrainedTokenizerBase,
    layout: PromptFormat,
    architecture: Architecture = "decoder",
    *,
    devices: int,
) -> TrainingData:
    """The pairs of a training in tokens.

    Raises:
        UsageError: a pairs file that cannot be used, texts that are too long, or a batch that
            cannot be made.
        NothingToEvaluateError: a file has no usable pair, or no pair has a hard negative.
    """
    pairs = read_pairs(config.pairs)
    held = read_pairs(config.eval_pairs) if config.eval_pairs else []
    if config.eval_share and not held:
        pairs, held = split_pairs(pairs, config.eval_share, config.seed)
    encoder = PairEncoder(
        tokenizer,
        layout,
        end_token=config.end_token,
        content=config.predicts_prompt,
        architecture=architecture,
    )
    encoded = encoder.encode(pairs)
    train = drop_overlong(encoded, max_length=config.max_length, overlong=config.overlong)
    validation = drop_overlong(
        encoder.encode(held), max_length=config.max_length, overlong=config.overlong
    )
    _check(train, config, devices)
    facts = DataFacts(
        hash=hash_pairs([*pairs, *held]),
        pairs=len(train),
        with_hard_negative=count_hard_negatives(train, beside=config.beside),
        overlong=len(encoded) - len(train),
        validation=len(validation),
        tokens=sum(pair.tokens for pair in train),
    )
    return TrainingData(train, validation, facts)


def split_pairs(pairs: Sequence[Pair], share: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Pairs to train on and to validate with; no input and target is in both.

    Raises:
        UsageError: the share leaves one side empty.
    """
    instances = sorted({pair.instance_id for pair in pairs})
    number = round(share * len(instances))
    if not 0 < number < len(instances):
        raise UsageError(
            f"--eval-share {share} of {len(instances)} different inputs holds out {number}.",
            hint="Give a larger share, or --eval-pairs with a file.",
        )
    held = set(Random(stable_hash(seed, "validation")).sample(instances, number))
    train = [pair for pair in pairs if pair.instance_id not in held]
    return train, [pair for pair in pairs if pair.instance_id in held]


def _check(pairs: Sequence[EncodedPair], config: TrainConfig, devices: int) -> None:
    _check_difference(pairs, config)
    check_groups(pairs, instructions=config.instructions, batch=config.batch // devices)
    check_batch(
        pairs,
        batch=config.batch // devices // config.together,
        ranks=devices,
        hard_negatives=config.hard_negatives,
        together=config.together,
    )
    within = config.contrastive and config.negatives == "micro" and config.hard_negatives
    if within and config.micro_batch % 2:
        raise UsageError(
            f"a micro-batch of {config.micro_batch} parts pairs from their hard negatives.",
            hint=f"Type: --micro-batch {config.micro_batch + 1}.",
        )
    if config.beside == "input" and not count_shared_inputs(pairs):
        raise NothingToEvaluateError(
            f"{config.pairs}: no input is asked for two different answers, so no pair can stand "
            "beside another request about its own.",
            hint="Type: --beside instruction, or give pairs of several tasks on the same inputs.",
        )
    wanted = config.contrastive and config.hard_negatives
    if wanted and not count_hard_negatives(pairs):
        raise NothingToEvaluateError(
            f"{config.pairs}: no pair has a hard negative: none shares its instruction_id with one "
            "of another target.",
            hint="Type: --no-hard-negatives, or set instruction_id in the file.",
        )


def _check_difference(pairs: Sequence[EncodedPair], config: TrainConfig) -> None:
    """Plain tuning has a use for pairs of equal texts; a term that compares the two has none."""
    comparing = [name for name in config.terms if not TERMS[name].is_language_loss]
    if comparing and all(pair.original == pair.paraphrase for pair in pairs):
        raise NothingToEvaluateError(
            f"{config.pairs}: the paraphrase equals the original in each of its {len(pairs):,} "
            f"pairs; there is nothing for {comparing[0]} to learn from.",
            hint="Type: --objective sft for plain tuning, or harness pairs --help.",
        )
