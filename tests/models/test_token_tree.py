"""Rows hold each token once, and every label can be read from them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.core.records import Request
from harness.models.inference.token_tree import Row, build_chains, build_row, common_length

tokens = st.lists(st.integers(0, 3), max_size=6).map(tuple)
contexts = st.lists(st.integers(0, 3), min_size=1, max_size=6).map(tuple)
requests_ = st.lists(
    st.builds(Request, contexts, st.dictionaries(st.sampled_from("abc"), tokens, min_size=1)),
    min_size=1,
    max_size=6,
)


def path_to(row: Row, node: int) -> tuple[int, ...]:
    """The tokens from the row's beginning to a node, by its ancestors."""
    ends = row.ends or (len(row.tokens),) * len(row.tokens)
    return tuple(row.tokens[k] for k in range(node + 1) if ends[k] > node)


def what_is_read(rows: list[Row]) -> dict[tuple[int, str], list[tuple[tuple[int, ...], int]]]:
    """Request and label -> what its steps condition on, and predict."""
    return {
        (read.request, read.label): [(path_to(row, node), token) for node, token in read.steps]
        for row in rows
        for read in row.reads
    }


def expected(requests: list[Request]) -> dict[tuple[int, str], list[tuple[tuple[int, ...], int]]]:
    """What a forward over each whole text would condition on, and predict."""
    return {
        (index, label): [
            (request.context + continuation[:step], token)
            for step, token in enumerate(continuation)
        ]
        for index, request in enumerate(requests)
        for label, continuation in request.continuations.items()
    }


@given(requests_)
def test_a_row_reads_every_label_of_its_requests(requests: list[Request]) -> None:
    row = build_row(range(len(requests)), requests, 0)
    assert what_is_read([row]) == expected(requests)


@given(requests_)
def test_a_row_holds_each_path_once(requests: list[Request]) -> None:
    row = build_row(range(len(requests)), requests, 0)
    paths = [path_to(row, node) for node in range(len(row.tokens))]
    assert len(set(paths)) == len(paths)
    if row.depths is not None:
        assert [len(path) - 1 for path in paths] == list(row.depths)


@given(requests_)
def test_chains_read_every_label_and_do_not_branch(requests: list[Request]) -> None:
    rows = build_chains(requests)
    assert all(row.ends is None for row in rows)
    assert what_is_read(rows) == expected(requests)
    assert len({row.tokens for row in rows}) == len(rows)


@given(contexts, contexts, contexts)
def test_a_prefix_is_left_out_of_the_row(
    prefix: tuple[int, ...], left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    requests = [Request(prefix + left, {"a": (1, 2)}), Request(prefix + right, {"a": (3,)})]
    own = [Request(left, {"a": (1, 2)}), Request(right, {"a": (3,)})]
    assert build_row([0, 1], requests, len(prefix)) == build_row([0, 1], own, 0)


def test_single_token_labels_add_no_token() -> None:
    row = build_row([0], [Request((5, 6), {"yes": (1,), "no": (2,)})], 0)
    assert row.tokens == (5, 6)
    assert {read.label: read.steps for read in row.reads} == {"yes": ((1, 1),), "no": ((1, 2),)}


def test_labels_share_the_tokens_they_begin_with() -> None:
    labels = {"entailment": (7, 8, 9), "entailed": (7, 8, 4), "neutral": (3, 2)}
    row = build_row([0], [Request((5,), labels)], 0)
    assert row.tokens == (5, 3, 7, 8)
    assert row.depths == (0, 1, 1, 2)
    assert row.ends == (4, 2, 4, 4)


@given(tokens, tokens)
def test_common_length(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    shared = common_length(left, right)
    assert left[:shared] == right[:shared]
    assert left[shared : shared + 1] != right[shared : shared + 1] or shared == len(left)
