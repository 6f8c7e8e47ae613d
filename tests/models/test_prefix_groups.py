"""Groups share prefixes that are worth it, and no request is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.core.records import Request
from harness.models.inference.prefix_groups import (
    PREFIX_OVERHEAD,
    Group,
    fill_waves,
    group_contexts,
    group_requests,
    shared_root,
)

LABELS = {"yes": (1,), "no": (2,)}
pieces = st.sampled_from([(1,) * 30, (2,) * 25, (3, 4) * 20, (5,), (6, 7)])
contexts = st.lists(pieces, min_size=1, max_size=4).map(lambda parts: sum(parts, ()))
many = st.lists(contexts, max_size=12)


def tokens_computed(groups: list[Group]) -> int:
    return sum(len(g.prefix) + sum(len(row.tokens) for row in g.rows) for g in groups)


def test_a_root_is_what_all_prefixes_go_on_after() -> None:
    root = tuple(range(100))
    assert shared_root([(*root, 7), (*root, 8, 9), (*root, 7, 1), (*root, 5)]) == root
    # The shortest of them must go on: by one token here.
    assert shared_root([root, (*root, 8), (*root, 9), (*root, 8, 1)]) == root[:-1]
    assert shared_root([(*root, 7), (*root, 8)]) == ()  # it would save 100 tokens
    assert shared_root([root]) == shared_root([]) == ()
    assert shared_root([(1, *root), (2, *root), (3, *root), (4, *root)]) == ()


@given(many)
def test_every_label_is_read_once(given_contexts: list[tuple[int, ...]]) -> None:
    requests = [Request(context, LABELS) for context in given_contexts]
    reads = [
        (read.request, read.label)
        for group in group_requests(requests)
        for row in group.rows
        for read in row.reads
    ]
    assert sorted(reads) == sorted((i, label) for i in range(len(requests)) for label in LABELS)


@given(many)
def test_a_prefix_begins_all_its_members_and_leaves_them_a_token(
    given_contexts: list[tuple[int, ...]],
) -> None:
    requests = [Request(context, LABELS) for context in given_contexts]
    for group in group_requests(requests):
        for row in group.rows:
            assert row.tokens
            for read in row.reads:
                context = requests[read.request].context
                assert context[: len(group.prefix)] == group.prefix
                assert len(context) > len(group.prefix)


@given(many)
def test_sharing_never_computes_more_than_whole_prompts(
    given_contexts: list[tuple[int, ...]],
) -> None:
    requests = [Request(context, LABELS) for context in given_contexts]
    assert tokens_computed(group_requests(requests)) <= sum(map(len, given_contexts))


@given(many)
def test_contexts_to_go_on_from_are_all_there_and_apart(
    given_contexts: list[tuple[int, ...]],
) -> None:
    distinct = list(dict.fromkeys(given_contexts))
    found = {
        row.reads[0].request: group.prefix + row.tokens
        for group in group_contexts(distinct)
        for row in group.rows
    }
    assert found == dict(enumerate(distinct))


def test_requests_of_one_instruction_share_it() -> None:
    instruction = tuple(range(100, 140))
    requests = [Request((*instruction, i, i + 1), LABELS) for i in range(5)]
    (group,) = group_requests(requests)
    assert group.prefix == instruction
    assert [row.tokens for row in group.rows] == [(i, i + 1) for i in range(5)]


def test_each_instruction_of_a_window_gets_its_own_prefix() -> None:
    header = tuple(range(900, 910))  # a chat header that both begin with
    first, second = (*header, *range(100, 140)), (*header, *range(200, 240))
    requests = [Request((*begin, i, 0), LABELS) for begin in (first, second) for i in range(8)]
    assert {group.prefix for group in group_requests(requests)} == {first, second}


def test_a_short_common_beginning_is_no_prefix() -> None:
    requests = [Request((1, 2, i), LABELS) for i in range(3)]
    assert [group.prefix for group in group_requests(requests)] == [()]
    assert 2 * (len(requests) - 1) <= PREFIX_OVERHEAD


def test_equal_requests_are_computed_once() -> None:
    requests = [Request((1, 2, 3), LABELS)] * 4
    (group,) = group_requests(requests)
    assert len(group.rows) == 1
    assert {read.request for read in group.rows[0].reads} == {0, 1, 2, 3}


def test_inputs_that_begin_alike_share_a_row() -> None:
    premise = tuple(range(20))
    requests = [Request((*premise, 50 + i, 60 + i), LABELS) for i in range(2)]
    computed = tokens_computed(group_requests(requests))
    assert computed == len(premise) + 4


def test_nested_beginnings_of_any_depth_are_grouped() -> None:
    requests = [Request((7,) * length, LABELS) for length in range(1, 1500)]
    groups = group_requests(requests)
    assert sum(len(row.reads) for group in groups for row in group.rows) == 2 * len(requests)


def test_requests_without_labels_are_left_out() -> None:
    assert group_requests([Request((1, 2, 3))]) == []


def test_small_groups_fill_a_wave_and_groups_without_prefix_stay_apart() -> None:
    def group(length: int, rows: int) -> Group:
        requests = [Request((*range(length), i, i), LABELS) for i in range(rows)]
        (made,) = group_requests(requests)
        return made

    free = group_requests([Request((1, 2), LABELS)])
    groups = [group(30, 4), group(40, 4), group(50, 4), *free]
    waves = [[len(g.prefix) for g in wave] for wave in fill_waves(groups, budget=45)]
    assert waves == [[0], [30, 40], [50]]
