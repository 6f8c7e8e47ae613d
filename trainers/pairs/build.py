"""Building a pairs file: a source, the filters, and what became of every candidate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from harness.core.errors import NothingToEvaluateError, UsageError
from trainers.choices import PairSource
from trainers.pairs.coin_csv import coin_csv_pairs
from trainers.pairs.filters import Drops, FilterOptions, filter_pairs
from trainers.pairs.leaks import Held, read_held
from trainers.pairs.paraphrases import ParaphraseOptions, paraphrase_pairs
from trainers.pairs.record import Pair
from trainers.pairs.t0 import t0_pairs
from trainers.pairs.templates import TemplateOptions, template_pairs

SOURCES: Final[tuple[str, ...]] = get_args(PairSource)


@dataclass(frozen=True, slots=True)
class PairsOptions:
    """What a pairs file is built from, and what is let into it."""

    source: PairSource
    input: Path
    exclude: tuple[Path, ...] = ()
    """Files whose texts must not occur in a pair."""
    limit: int | None = None
    seed: int = 0
    max_ratio: float = 2.0
    max_words: int = 400
    balance: bool = True
    templates: TemplateOptions | None = None
    """Needed for the source `templates`."""
    paraphrases: ParaphraseOptions | None = None
    """Needed for the source `paraphrases`."""


@dataclass(frozen=True, slots=True)
class PairSet:
    """The pairs, and how many candidates there were and were dropped."""

    pairs: list[Pair]
    drops: Drops
    candidates: int
    held: int
    """Texts that were looked for as leaks."""


def build_pairs(options: PairsOptions) -> PairSet:
    """The pairs of a source that pass the filters.

    Raises:
        UsageError: an input that cannot be read or has another form.
        NothingToEvaluateError: no pair is left; the message says which filter took most.
    """
    drops = Drops()
    held = read_held(options.exclude) if options.exclude else None
    counter = _Counter(_candidates(options, held, drops))
    filters = FilterOptions(
        max_ratio=options.max_ratio,
        max_words=options.max_words,
        balance=options.balance,
        held=held,
        seed=options.seed,
    )
    pairs = filter_pairs(counter, filters, drops, limit=options.limit)
    if not pairs:
        reasons = drops.by_reason()
        worst = max(reasons, key=lambda reason: reasons[reason], default="no candidate")
        raise NothingToEvaluateError(
            f"{options.input}: no pair is left of {counter.count:,} candidates; most were dropped "
            f"as {worst!r} ({reasons.get(worst, 0):,})."
        )
    return PairSet(pairs, drops, counter.count, len(held) if held else 0)


def _candidates(options: PairsOptions, held: Held | None, drops: Drops) -> Iterator[Pair]:
    if options.source == "t0":
        return t0_pairs(options.input, seed=options.seed, drops=drops)
    if options.source == "coin-csv":
        return coin_csv_pairs(options.input)
    if options.source == "templates":
        if options.templates is None:
            raise UsageError("--source templates needs --task and --rows.")
        return template_pairs(
            options.input,
            options.templates,
            seed=options.seed,
            drops=drops,
            held=held,
            limit=options.limit,
        )
    if options.paraphrases is None:
        raise UsageError("--source paraphrases needs --bank, --levels or --perturbations.")
    return paraphrase_pairs(options.input, options.paraphrases, seed=options.seed, drops=drops)


class _Counter:
    """Passes pairs on and counts them."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._pairs = pairs
        self.count = 0

    def __iter__(self) -> Iterator[Pair]:
        for pair in self._pairs:
            self.count += 1
            yield pair
