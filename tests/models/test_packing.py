"""Packed batches: nothing is padded but inside attention, and nothing gets mixed up."""

from __future__ import annotations

from collections.abc import Callable

import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.core.records import Request
from harness.models.inference.attention_mask import additive_mask, is_causal
from harness.models.inference.packing import Placed, collect_reads, cut_batches, lay_out
from harness.models.inference.token_tree import Row, build_row

CPU = torch.device("cpu")
LABELS = {"one": (1,), "two": (2, 3), "other": (4, 3), "another": (4, 5)}


def chain(length: int, prefix: int = 0, prefix_length: int = 0) -> Placed:
    return Placed(Row(tuple(range(10, 10 + length)), ()), prefix, prefix_length)


def tree(context: int, prefix: int = 0, prefix_length: int = 0) -> Placed:
    request = Request(tuple(range(context)), LABELS)
    return Placed(build_row([0], [request], 0), prefix, prefix_length)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), st.integers(1, 30))
def test_batches_hold_every_row_and_keep_to_the_budget(lengths: list[int], budget: int) -> None:
    rows = [chain(length) for length in lengths]
    batches = list(cut_batches(rows, budget, logit_rows=100))
    assert sorted(p.length for batch in batches for p in batch) == sorted(lengths)
    assert all(sum(p.cost for p in b) <= budget or len(b) == 1 for b in batches)
    assert [p.length for b in batches for p in b] == sorted(lengths, reverse=True)


def test_batches_keep_to_the_logit_budget() -> None:
    batches = list(cut_batches([tree(3) for _ in range(4)], budget=1000, logit_rows=8))
    assert [sum(placed.logit_rows for placed in batch) for batch in batches] == [6, 6]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_padding_and_back_changes_nothing(lengths: list[int]) -> None:
    layout = lay_out([chain(length) for length in lengths], CPU)
    packed = torch.arange(sum(lengths) * 6.0).view(1, 2, sum(lengths), 3)
    padded = layout.pad(packed)
    assert padded.shape == (len(lengths), 2, max(lengths), 3)
    assert torch.equal(layout.unpad(padded), packed.transpose(1, 2))
    start = 0
    for row, length in enumerate(lengths):
        assert torch.equal(padded[row, :, :length], packed[0, :, start : start + length])
        start += length


def test_positions_go_on_from_the_prefix_and_branch_with_the_labels() -> None:
    layout = lay_out([chain(2, 0, 5), tree(2, 1, 7)], CPU)
    # The tree: context 0 1, then the inner tokens 2 and 4 side by side.
    assert layout.tokens.tolist() == [[10, 11, 0, 1, 2, 4]]
    assert layout.positions.tolist() == [[5, 6, 7, 8, 9, 9]]
    assert layout.pad_positions(-1).tolist() == [[5, 6, -1, -1], [7, 8, 9, 9]]


def test_reads_point_at_packed_tokens_and_share_their_logits() -> None:
    reads = collect_reads([chain(3), tree(2)], CPU)
    assert sorted(reads.nodes.tolist()) == [4, 5, 6]  # the context's end and both inner tokens
    owned = {read.label: count for read, count in reads.owners}
    assert owned == {"one": 1, "two": 2, "other": 2, "another": 2}
    assert len(reads.next_tokens) == 7


Sight = tuple[list[int], list[int]]
"""The keys that a token sees: places in the prefix, and nodes of its row."""


def brute_force(batch: list[Placed], prefixes: tuple[int, ...], window: int | None) -> list[Sight]:
    """Which keys each token sees."""
    seen: list[Sight] = []
    for placed in batch:
        ends = placed.row.ends or (placed.length,) * placed.length
        depths = placed.row.depths or tuple(range(placed.length))
        prefix = prefixes[placed.prefix]
        for query in range(placed.length):
            at = prefix + depths[query]
            near = [k for k in range(prefix) if window is None or at - k < window]
            own = [
                k
                for k in range(query + 1)
                if ends[k] > query and (window is None or depths[query] - depths[k] < window)
            ]
            seen.append((near, own))
    return seen


def by_mask(batch: list[Placed], prefixes: tuple[int, ...], window: int | None) -> list[Sight]:
    """The same, read from the mask."""
    layout = lay_out(batch, CPU)
    mask = additive_mask(layout, prefixes, window, torch.float32)
    mask = mask.expand(len(batch), -1, -1, -1)[:, 0]
    longest = max(prefixes)
    seen: list[Sight] = []
    for row, placed in enumerate(batch):
        for query in range(placed.length):
            keys = (mask[row, query] == 0).nonzero().ravel().tolist()
            own = [k - longest for k in keys if k >= longest]
            seen.append(([k for k in keys if k < longest], own))
    return seen


MakeRow = Callable[[int, int, int], Placed]

kinds = st.sampled_from([chain, tree])
rows_ = st.lists(st.tuples(kinds, st.integers(1, 4), st.integers(0, 1)), min_size=1, max_size=4)


@given(rows_, st.tuples(st.integers(0, 5), st.integers(0, 5)), st.none() | st.integers(1, 6))
def test_a_token_sees_its_prefix_and_its_ancestors_within_the_window(
    rows: list[tuple[MakeRow, int, int]],
    prefixes: tuple[int, int],
    window: int | None,
) -> None:
    batch = [make(length, prefix, prefixes[prefix]) for make, length, prefix in rows]
    assert by_mask(batch, prefixes, window) == brute_force(batch, prefixes, window)


def test_a_mask_is_shared_by_rows_that_see_alike() -> None:
    layout = lay_out([chain(3, 0, 5), chain(2, 0, 5)], CPU)
    assert additive_mask(layout, (5,), None, torch.float32).shape == (1, 1, 3, 8)


def test_no_mask_is_needed_where_rows_are_chains_without_prefix() -> None:
    layout = lay_out([chain(3), chain(2)], CPU)
    assert is_causal(layout, (0,), None)
    assert is_causal(layout, (0,), 3)
    assert not is_causal(layout, (0,), 2)
    assert not is_causal(layout, (4,), None)
    assert not is_causal(lay_out([chain(3), tree(3)], CPU), (0,), None)
