"""What makes a pair unfit for training, and how many were."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import fmean
from typing import Final

from harness.core.records import stable_hash
from trainers.pairs.leaks import Held
from trainers.pairs.record import Pair

_PLACEHOLDER = re.compile(r"\{\{.*?\}\}|\{\w*\}|\[\w+\]|<\w+>")
_BALANCED_LABELS: Final = 20
"""A task of more distinct targets has free answers: there is nothing to balance."""
_EVEN_SHARE: Final = 1.5
"""No target may be more often than this times its even share."""
_MANY: Final = 20
"""A task with this many pairs and a single target teaches only to say it."""

REASONS: Final = {
    "empty": "original, paraphrase or target is empty",
    "unwanted": "the row marks its answer as unwanted",
    "one template": "no other template asks for the same answer words",
    "same": "the paraphrase equals the original",
    "answer words": "the paraphrase does not name the answer words that the original names",
    "no paraphrase": "no paraphrase is known, and no perturbation applies",
    "length": "one of original and paraphrase is much longer than the other, or both are too long",
    "placeholders": "the paraphrase lost or gained a placeholder",
    "duplicate": "an equal pair came before",
    "leak": "it holds a text of an excluded file",
    "balance": "its target is too frequent in its task, or the only one",
    "limit": "beyond the number asked for",
}


@dataclass(slots=True)
class Drops:
    """How many were dropped, by reason and task."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, reason: str, task: str, number: int = 1) -> None:
        """Count a drop."""
        self.counts[reason, task] += number

    def by_reason(self) -> dict[str, int]:
        """Reason -> number, in the order in which filters run."""
        totals = Counter[str]()
        for (reason, _), number in self.counts.items():
            totals[reason] += number
        return {reason: totals[reason] for reason in REASONS if totals[reason]}


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """What is let through."""

    max_ratio: float = 2.0
    """Maximum ratio of the words of original and paraphrase, the longer over the shorter."""
    max_words: int = 400
    """Maximum words of an instruction with its input and target."""
    balance: bool = True
    held: Held | None = None
    seed: int = 0


def filter_pairs(
    pairs: Iterable[Pair], options: FilterOptions, drops: Drops, *, limit: int | None = None
) -> list[Pair]:
    """The fit pairs, in order; the others are counted in `drops`."""
    checks = _checks(options)
    kept: list[Pair] = []
    for pair in pairs:
        reason = next((name for name, unfit in checks if unfit(pair)), None)
        if reason:
            drops.add(reason, pair.task)
        else:
            kept.append(pair)
    if options.balance:
        kept = _balance(kept, options.seed, drops)
    return kept if limit is None else _take(kept, limit, options.seed, drops)


def _checks(options: FilterOptions) -> Sequence[tuple[str, Callable[[Pair], bool]]]:
    seen: set[str] = set()

    def is_repeated(pair: Pair) -> bool:
        known = pair.id in seen
        seen.add(pair.id)
        return known

    return (
        ("empty", lambda pair: not (pair.original and pair.paraphrase and pair.target)),
        ("same", lambda pair: pair.original.strip() == pair.paraphrase.strip()),
        ("length", lambda pair: _is_uneven(pair, options)),
        ("placeholders", _loses_placeholder),
        ("duplicate", is_repeated),
        ("leak", lambda pair: options.held is not None and _leaks(pair, options.held)),
    )


def _is_uneven(pair: Pair, options: FilterOptions) -> bool:
    shorter, longer = sorted(len(text.split()) for text in (pair.original, pair.paraphrase))
    whole = longer + len(pair.input.split()) + len(pair.target.split())
    return longer > options.max_ratio * shorter or whole > options.max_words


def _loses_placeholder(pair: Pair) -> bool:
    found = [Counter(_PLACEHOLDER.findall(text)) for text in (pair.original, pair.paraphrase)]
    return found[0] != found[1]


def _leaks(pair: Pair, held: Held) -> bool:
    return any(
        held.is_in(text)
        for text in (pair.original, pair.paraphrase, pair.input, pair.system)
        if text
    )


def _balance(pairs: list[Pair], seed: int, drops: Drops) -> list[Pair]:
    """Targets of each task with few of them, none much more frequent than the others.

    Pairs that name no task are of one task only if they have the same instruction.
    """
    unfit: set[int] = set()
    by_task: dict[str, dict[str, list[int]]] = {}
    for index, pair in enumerate(pairs):
        task = pair.task or pair.instruction_id
        by_task.setdefault(task, {}).setdefault(pair.target, []).append(index)
    for task, by_target in by_task.items():
        if len(by_target) > _BALANCED_LABELS:
            continue
        cap = _cap([len(indices) for indices in by_target.values()])
        for target, indices in by_target.items():
            order = Random(stable_hash(seed, "balance", task, target)).sample(indices, len(indices))
            unfit.update(order[cap:])
            drops.add("balance", pairs[indices[0]].task, len(order[cap:]))
    return [pair for index, pair in enumerate(pairs) if index not in unfit]


def _cap(counts: Sequence[int]) -> int:
    """The number that no count may pass if none is to pass 1.5 times the even share."""
    if len(counts) == 1:
        return counts[0] if counts[0] < _MANY else 0
    cap = max(counts)
    while cap > 1 and cap > _EVEN_SHARE * fmean(min(count, cap) for count in counts):
        cap -= 1
    return cap


def _take(pairs: list[Pair], limit: int, seed: int, drops: Drops) -> list[Pair]:
    """`limit` pairs, tasks taken in turn, each pair together with its hard negative."""
    from trainers.sampler import match_hard_negatives

    by_task: dict[str, list[tuple[int, ...]]] = {}
    for unit in match_hard_negatives(pairs, Random(stable_hash(seed, "limit"))):
        by_task.setdefault(pairs[unit[0]].task, []).append(unit)
    queues = [sorted(units, key=len) for units in by_task.values()]
    chosen: list[int] = []
    while any(queues) and len(chosen) < limit:
        for queue in filter(None, queues):
            chosen += queue.pop()
    dropped = set(range(len(pairs))) - set(chosen[:limit])
    for index in dropped:
        drops.add("limit", pairs[index].task)
    return [pair for index, pair in enumerate(pairs) if index not in dropped]
