"""The sampler: hard negatives together, no false negatives, the same batches for all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import UsageError
from trainers.sampler import (
    PairBatchSampler,
    check_batch,
    count_hard_negatives,
    match_hard_negatives,
)


@dataclass(frozen=True)
class Item:
    instruction_id: str
    instance_id: str
    target: str
    request_id: str = ""

    @property
    def input_id(self) -> str:
        return self.instance_id


def items(number: int, *, instructions: int = 3, targets: int = 2) -> list[Item]:
    return [
        Item(f"i{n % instructions}", f"x{n}", f"t{n // instructions % targets}")
        for n in range(number)
    ]


def is_hard(a: Item, b: Item) -> bool:
    return a.instruction_id == b.instruction_id and a.target != b.target


def test_all_pairs_are_matched_where_targets_are_balanced() -> None:
    pairs = items(24)
    units = match_hard_negatives(pairs, Random(0))
    assert sorted(index for unit in units for index in unit) == list(range(24))
    assert all(len(unit) == 2 and is_hard(pairs[unit[0]], pairs[unit[1]]) for unit in units)


def test_as_few_as_can_be_stay_alone() -> None:
    # One instruction with 5 a, 2 b, 1 c: at most 3 can be matched with an a.
    pairs = [Item("i", f"x{n}", t) for n, t in enumerate("aaaaabbc")]
    assert count_hard_negatives(pairs) == 6
    # 3 a, 3 b, 2 c: all can.
    assert count_hard_negatives([Item("i", f"x{n}", t) for n, t in enumerate("aaabbbcc")]) == 8
    assert count_hard_negatives([Item(f"i{n}", f"x{n}", "a") for n in range(4)]) == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 30), st.integers(0, 3)),
        min_size=8,
        max_size=80,
    ),
    st.sampled_from([2, 4, 8]),
    st.integers(1, 2),
    st.integers(0, 5),
)
def test_batches_are_whole_free_of_doubles_and_cover_everything(
    rows: list[tuple[int, int, int]], batch: int, ranks: int, epoch: int
) -> None:
    pairs = [Item(f"i{i}", f"x{x}-{t}", f"t{t}") for i, x, t in rows]
    size = batch * ranks
    if len({pair.instance_id for pair in pairs}) < size:
        with pytest.raises(UsageError, match="different inputs"):
            check_batch(pairs, batch=batch, ranks=ranks, hard_negatives=True)
        return
    samplers = [
        PairBatchSampler(pairs, [1] * len(pairs), batch=batch, seed=1, ranks=ranks, rank=rank)
        for rank in range(ranks)
    ]
    for sampler in samplers:
        sampler.set_epoch(epoch)
    seen: Counter[int] = Counter()
    for parts in zip(*samplers, strict=True):
        assert all(len(part) == batch for part in parts)
        whole = [index for part in parts for index in part]
        assert len({pairs[index].instance_id for index in whole}) == size
        seen.update(whole)
    if epoch == 0:
        assert set(seen) == set(range(len(pairs)))


def test_hard_negatives_stand_side_by_side_on_one_rank_at_even_places() -> None:
    pairs = items(60)
    for rank in range(2):
        sampler = PairBatchSampler(pairs, [1] * 60, batch=8, seed=0, ranks=2, rank=rank)
        for batch in sampler:
            for left, right in zip(batch[::2], batch[1::2], strict=True):
                assert is_hard(pairs[left], pairs[right])


def test_seed_and_epoch_decide_and_nothing_else() -> None:
    pairs = items(40)

    def batches(seed: int, epoch: int) -> list[list[int]]:
        sampler = PairBatchSampler(pairs, [1] * 40, batch=8, seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert batches(3, 1) == batches(3, 1)
    assert batches(3, 1) != batches(3, 2)
    assert batches(3, 1) != batches(4, 1)


def test_lengths_are_similar_within_a_batch() -> None:
    pairs = items(400)
    lengths = [Random(n).randint(5, 200) for n in range(400)]

    def padding(sorted_by: list[int]) -> float:
        sampler = PairBatchSampler(pairs, sorted_by, batch=8, seed=0)
        places = sum(8 * max(lengths[i] for i in batch) for batch in sampler)
        return 1 - sum(lengths[i] for batch in sampler for i in batch) / places

    assert padding(lengths) < padding([1] * 400) / 2


def test_a_small_or_odd_batch_has_no_room_for_hard_negatives() -> None:
    for batch in (1, 7):
        with pytest.raises(UsageError, match=rf"--batch {batch + 1}"):
            check_batch(items(40), batch=batch, ranks=1, hard_negatives=True)
        check_batch(items(40), batch=batch, ranks=1, hard_negatives=False)
        list(PairBatchSampler(items(40), [1] * 40, batch=batch, seed=0, hard_negatives=False))


def test_two_pairs_of_one_instance_never_block_the_plan() -> None:
    # The only candidate for a hard negative is about the same instance: they must be parted.
    pairs = [Item("i", "same", "a"), Item("i", "same", "b"), Item("j", "y", "c")]
    batches = list(PairBatchSampler(pairs, [1] * 3, batch=2, seed=0))
    assert {index for batch in batches for index in batch} == {0, 1, 2}
    assert all(set(batch) != {0, 1} for batch in batches)
