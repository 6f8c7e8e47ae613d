"""Which pairs meet in a batch: seeded, sharded over ranks, resumable.

A batch keeps a pair beside its hard negative (same instruction, different input and target), never
holds two pairs with the same input and target (each would be the other's false negative), and is
made of sequences of similar length. Batches depend on the seed and the epoch alone, so that a
resumed run, and each rank of a larger one, finds the same ones.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from harness.core.errors import UsageError
from harness.core.records import stable_hash
from trainers.choices import Beside
from trainers.groups import Group, OfRow, make_groups, ungroup

Unit = tuple[int, ...]
"""Indices of pairs that stay together: a pair and its hard negative, or a pair without one."""

_CHUNK_BATCHES = 50
"""Sorted by length are this many batches at a time: on the large scale, order stays random."""


_LENGTH_NOISE = (0.8, 1.25)


class Contrastable(OfRow, Protocol):
    """What decides which pairs may meet."""

    @property
    def instruction_id(self) -> str:
        """Equal for pairs that ask the same."""
        ...

    @property
    def input_id(self) -> str:
        """Equal for pairs about the same input, whatever is asked."""
        ...

    @property
    def target(self) -> str:
        """What is to be answered."""
        ...


class PairBatchSampler:
    """Yields this rank's batches of an epoch, each a list of indices into the pairs.

    Every pair is met at least once per epoch; the last batch is filled up with pairs of others.
    Members of a unit stand side by side at even places, so that any even part of a batch keeps
    them together. Hand it to a `DataLoader` as `batch_sampler`; use it wherever pairs of a batch
    are each other's negatives, as in `trainers.objectives.contrast`.

    Example:
        >>> from trainers.pairs import Pair
        >>> pairs = [
        ...     Pair("Good?", "Is it good?", target, text, instruction_id="good", instance_id=text)
        ...     for text, target in (("toy", "yes"), ("car", "no"), ("cup", "yes"), ("pen", "no"))
        ... ]
        >>> batches = list(PairBatchSampler(pairs, [5, 5, 5, 5], batch=2, seed=0))
        >>> sorted(sorted(batch) for batch in batches)  # each pair beside one of another target
        [[0, 1], [2, 3]]
    """

    def __init__(
        self,
        pairs: Sequence[Contrastable],
        lengths: Sequence[int],
        *,
        batch: int,
        seed: int,
        hard_negatives: bool = True,
        beside: Beside = "instruction",
        together: int = 1,
        ranks: int = 1,
        rank: int = 0,
    ) -> None:
        """Plan the first epoch.

        Args:
            pairs: what is trained on.
            lengths: of each pair's longer sequence, in tokens.
            batch: pairs per rank and step.
            seed: with the epoch, decides everything.
            hard_negatives: whether a pair is kept beside its hard negative.
            beside: what such a negative shares with it, where there is one; else the instruction.
            together: pairs of one row that are kept side by side, and count as one otherwise.
            ranks: number of processes that share a step.
            rank: which of them this one is.

        Raises:
            UsageError: the batch is too small or odd, or there are too few distinct inputs.
        """
        batch //= together
        check_batch(pairs, batch=batch, ranks=ranks, hard_negatives=hard_negatives)
        self._all, self._all_lengths, self._together = pairs, lengths, together
        self._pairs, self._lengths, self._hard_negatives = pairs, lengths, hard_negatives
        self._beside: Beside = beside
        self._batch, self._size, self._start = batch, batch * ranks, batch * rank
        self._seed = seed
        self._epoch = 0
        self._batches = self._plan(0)
        self._steps = len(self._batches)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches are yielded next."""
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self._plan(epoch)

    def __len__(self) -> int:
        """Batches of an epoch, the same for each."""
        return self._steps

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self._steps):
            # Clashes can make one epoch's plan a batch longer or shorter than another's.
            whole = self._batches[step % len(self._batches)]
            yield ungroup(whole[self._start : self._start + self._batch])

    def _plan(self, epoch: int) -> list[list[Group]]:
        rng = Random(stable_hash(self._seed, "batches", epoch))
        # What follows is about groups, each by its first pair: with one pair, about pairs.
        groups = make_groups(self._all, self._together, rng)
        self._pairs = [self._all[group[0]] for group in groups]
        self._lengths = [max(self._all_lengths[index] for index in group) for group in groups]
        if self._hard_negatives:
            units = match_hard_negatives(self._pairs, rng, self._lengths, beside=self._beside)
        else:
            units = [(index,) for index in rng.sample(range(len(groups)), len(groups))]
        chunk = self._size * _CHUNK_BATCHES // 2
        ordered = [
            unit
            for start in range(0, len(units), chunk)
            for unit in self._sort(units[start : start + chunk])
        ]
        batches = list(self._fill(ordered))
        rng.shuffle(batches)
        return [[groups[number] for number in batch] for batch in batches]

    def _sort(self, units: Iterable[Unit]) -> list[Unit]:
        """The units, longest first; those of one pair are joined by two to stay at even places."""
        ordered: list[Unit] = []
        single: Unit | None = None
        for unit in sorted(units, key=self._length, reverse=True):
            alone = self._batch % 2 or (single and _clash(self._pairs, single + unit))
            if len(unit) > 1 or alone:
                ordered.append(unit)
            elif single:
                ordered.append(single + unit)
                single = None
            else:
                single = unit
        return sorted([*ordered, *([single] if single else [])], key=self._length, reverse=True)

    def _fill(self, units: Sequence[Unit]) -> Iterator[list[int]]:
        """Batches of exactly the global size, no instance twice in one; what clashes waits."""
        waiting = deque(units)
        while waiting:
            batch = _Batch(self._pairs, self._size)
            passed: list[Unit] = []
            while waiting and batch.room:
                unit = waiting.popleft()
                if not batch.add(unit):
                    passed.append(unit)
            waiting.extendleft(reversed(passed))
            for unit in units if batch.room else ():
                batch.add_parts(unit)
            yield batch.indices

    def _length(self, unit: Unit) -> int:
        return max(self._lengths[index] for index in unit)


def match_hard_negatives(
    pairs: Sequence[Contrastable],
    rng: Random,
    lengths: Sequence[int] | None = None,
    *,
    beside: Beside = "instruction",
) -> list[Unit]:
    """Every pair once, as many as possible beside a hard negative; in random order.

    A hard negative has another target, and the same instruction or, where `beside` says so, the
    same input: then it is another request about it. Pairs whose input has no other request are
    matched within their instruction.

    Within one of them, pairs of the two most frequent targets are joined until one target is
    left over: so as few as can be stay alone. With lengths, those of similar length are joined.
    """
    order = rng.sample(range(len(pairs)), len(pairs))
    if lengths is not None:
        # Noise keeps the partners from being the same in every epoch.
        noisy = {index: lengths[index] * rng.uniform(*_LENGTH_NOISE) for index in order}
        order.sort(key=noisy.__getitem__)
    units: list[Unit] = []
    if beside == "input":
        units = [unit for unit in _match_within(pairs, order, _input_of) if len(unit) > 1]
        matched = {index for unit in units for index in unit}
        order = [index for index in order if index not in matched]
    units += _match_within(pairs, order, _instruction_of)
    rng.shuffle(units)
    return units


def _match_within(
    pairs: Sequence[Contrastable], order: Iterable[int], key: Callable[[Contrastable], str]
) -> Iterator[Unit]:
    """Pairs of one value of the key joined with those of another target."""
    groups: dict[str, dict[str, list[int]]] = {}
    for index in order:
        by_target = groups.setdefault(key(pairs[index]), {})
        by_target.setdefault(pairs[index].target, []).append(index)
    for by_target in groups.values():
        for unit in _match(list(by_target.values())):
            yield from [(index,) for index in unit] if _clash(pairs, unit) else [unit]


def _input_of(pair: Contrastable) -> str:
    return pair.input_id


def _instruction_of(pair: Contrastable) -> str:
    return pair.instruction_id


def count_hard_negatives(pairs: Sequence[Contrastable], *, beside: Beside = "instruction") -> int:
    """How many pairs can stand beside a hard negative."""
    units = match_hard_negatives(pairs, Random(0), beside=beside)
    return sum(len(unit) for unit in units if len(unit) > 1)


def count_shared_inputs(pairs: Sequence[Contrastable]) -> int:
    """Of how many inputs there are pairs with different targets."""
    targets: dict[str, set[str]] = {}
    for pair in pairs:
        targets.setdefault(pair.input_id, set()).add(pair.target)
    return sum(len(found) > 1 for found in targets.values())


def check_batch(
    pairs: Sequence[Contrastable],
    *,
    batch: int,
    ranks: int,
    hard_negatives: bool,
    together: int = 1,
) -> None:
    """Validate that batches of that size can be made.

    Args:
        pairs: what is trained on.
        batch: pairs, or groups of `together` pairs of a row, on each device.
        ranks: number of devices.
        hard_negatives: whether each has one beside it.
        together: pairs of a group.

    Raises:
        UsageError: too small or odd for hard negatives, or more than there are distinct inputs.
    """
    what = "pairs" if together == 1 else f"rows of {together} pairs"
    if hard_negatives and (batch < 2 or batch % 2):
        even = ranks * together * (batch + batch % 2 or 2)
        raise UsageError(
            f"a batch of {batch} {what} on each device has no room for hard negatives, which stand "
            "beside them: an even number is needed.",
            hint=f"Type: --batch {even}, or --no-hard-negatives.",
        )
    distinct = len({pair.instance_id for pair in pairs})
    if distinct < batch * ranks:
        most = together * max(2, distinct - distinct % 2)
        raise UsageError(
            f"a batch of {batch * ranks} {what} needs as many different inputs, for equal ones "
            f"would be false negatives; the pairs have {distinct:,}.",
            hint=f"Type: --batch {most}, or build more pairs.",
        )


@dataclass(slots=True)
class _Batch:
    pairs: Sequence[Contrastable]
    size: int
    instances: set[str] = field(default_factory=set)
    whole: list[int] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    """Pairs that came alone: they stand behind the others."""

    @property
    def room(self) -> int:
        return self.size - len(self.instances)

    @property
    def indices(self) -> list[int]:
        return self.whole + self.parts

    def add(self, unit: Unit) -> bool:
        """Take the unit if it fits and clashes with none; returns whether it was taken."""
        instances = {self.pairs[index].instance_id for index in unit}
        fits = len(unit) <= self.room and len(instances) == len(unit)
        if not fits or instances & self.instances:
            return False
        self.instances |= instances
        (self.whole if len(unit) > 1 else self.parts).extend(unit)
        return True

    def add_parts(self, unit: Unit) -> None:
        """Take the unit, or those of its pairs that can be taken."""
        if not self.add(unit):
            for index in unit:
                self.add((index,))


def _clash(pairs: Sequence[Contrastable], unit: Unit) -> bool:
    return len({pairs[index].instance_id for index in unit}) < len(unit)


def _match(groups: list[list[int]]) -> Iterator[Unit]:
    heap = [(-len(group), number) for number, group in enumerate(groups)]
    heapq.heapify(heap)
    while len(heap) > 1:
        first, second = heapq.heappop(heap)[1], heapq.heappop(heap)[1]
        yield groups[first].pop(), groups[second].pop()
        for number in (first, second):
            if groups[number]:
                heapq.heappush(heap, (-len(groups[number]), number))
    for _, number in heap:
        yield from ((index,) for index in groups[number])
