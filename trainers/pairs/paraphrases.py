"""Instruction data plus a paraphrase bank or perturbations: train against chosen levels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from random import Random

from harness.core.errors import UsageError
from harness.core.records import Instruction, Variant, stable_hash, stable_id
from harness.tasks.rows import place_of, read_file
from perturbations import Perturbation, make_variants
from perturbations.labels import keeps_labels
from trainers.pairs.chats import FormError
from trainers.pairs.filters import Drops
from trainers.pairs.forms import EXPECTED, read_exchanges
from trainers.pairs.record import Pair, with_layout

_LABEL_WORDS = 20
"""An instruction with more distinct targets has free answers, none of them words to protect."""
_SEEDS = 8
"""Different draws of a perturbation on one instruction: rows beyond share them."""


@dataclass(frozen=True, slots=True, eq=False)
class ParaphraseOptions:
    """How paraphrases are made."""

    perturbations: tuple[Perturbation, ...]
    bank: Mapping[str, tuple[str, ...]]
    """Instruction's text -> its paraphrases, for the perturbation `paraphrase`."""
    per_row: int = 1


def paraphrase_pairs(
    path: Path, options: ParaphraseOptions, *, seed: int, drops: Drops
) -> Iterator[Pair]:
    """Each row's instruction beside a paraphrase or a perturbed form of it.

    Levels are drawn evenly, then a perturbation of the level.

    Raises:
        UsageError: a row of an unknown form.
    """
    pairs = list(read_instructions(path, drops))
    words = _label_words(pairs)
    options = replace(options, bank=_naming_answers(options.bank, words, drops))
    vary = lru_cache(maxsize=65536)(_vary)
    for number, pair in enumerate(pairs):
        rng = Random(stable_hash(seed, "paraphrase", number))
        made = 0
        for perturbation in _draw(options.perturbations, rng):
            key = (pair.task, pair.original, words[pair.original], perturbation.name)
            variant = vary(options, *key, seed + number % _SEEDS)
            if variant is None:
                continue
            yield _with(pair, variant)
            made += 1
            if made == options.per_row:
                break
        if not made:
            drops.add("no paraphrase", pair.task)


def read_instructions(path: Path, drops: Drops | None = None) -> Iterator[Pair]:
    """Pairs whose paraphrase is not made yet, out of the usual forms of instruction data.

    `trainers.pairs.forms` lists the forms. Of a conversation each assistant turn is a target.

    Raises:
        UsageError: a row of another form, with its line.
    """
    for number, row in enumerate(read_file(path), 1):
        try:
            exchanges = read_exchanges(row)
        except FormError as error:
            raise UsageError(f"{place_of(path, number)}: {error}.", hint=EXPECTED) from None
        task = str(row.get("task") or row.get("dataset") or "")
        if not exchanges and drops is not None:
            drops.add("unwanted", task)
        for exchange in exchanges:
            pair = Pair(
                original=exchange.instruction,
                paraphrase=exchange.instruction,
                target=exchange.target,
                input=exchange.input,
                answer_cue=str(row.get("answer_cue") or ""),
                system=exchange.system,
                task=task,
                instruction_id=stable_id(exchange.instruction),
                instance_id=stable_id(exchange.about, exchange.target),
                provenance={"source": "paraphrases", "file": path.name, "row": number - 1},
            )
            yield with_layout(pair, row, place_of(path, number))


def _label_words(pairs: Sequence[Pair]) -> dict[str, tuple[str, ...]]:
    """Instruction -> the words its answers consist of, where they are few."""
    targets: dict[str, set[str]] = {}
    for pair in pairs:
        targets.setdefault(pair.original, set()).add(pair.target)
    return {
        instruction: tuple(sorted(found)) if len(found) <= _LABEL_WORDS else ()
        for instruction, found in targets.items()
    }


def _naming_answers(
    bank: Mapping[str, tuple[str, ...]], words: Mapping[str, tuple[str, ...]], drops: Drops
) -> dict[str, tuple[str, ...]]:
    """The bank without paraphrases that leave out answer words which the instruction names."""
    kept: dict[str, tuple[str, ...]] = {}
    for instruction, texts in bank.items():
        fit = tuple(t for t in texts if keeps_labels(instruction, t, words.get(instruction, ())))
        drops.add("answer words", "", len(texts) - len(fit))
        kept[instruction] = fit
    return kept


def _draw(perturbations: Sequence[Perturbation], rng: Random) -> Iterator[Perturbation]:
    """All perturbations in random order, levels in turn."""
    levels = sorted({perturbation.level for perturbation in perturbations})
    queues = [
        [one for one in rng.sample(perturbations, len(perturbations)) if one.level == level]
        for level in rng.sample(levels, len(levels))
    ]
    while any(queues):
        for queue in filter(None, queues):
            yield queue.pop()


def _vary(
    options: ParaphraseOptions,
    task: str,
    instruction: str,
    label_words: tuple[str, ...],
    perturbation: str,
    seed: int,
) -> Variant | None:
    made = make_variants(
        task,
        Instruction(id=stable_id(instruction), style="task", text=instruction),
        perturbations=[one for one in options.perturbations if one.name == perturbation],
        label_words=label_words,
        paraphrases=options.bank.get(instruction, ()),
        seed=seed,
    )
    return made.variants[0] if made.variants else None


def _with(pair: Pair, variant: Variant) -> Pair:
    return replace(
        pair,
        paraphrase=variant.text,
        level=variant.level,
        perturbation=variant.perturbation,
        provenance={**pair.provenance, "seed": variant.seed},
    )
