"""Requests hold exactly the tokens of prompt + label, whatever the tokenizer does at the seam."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.models.token_requests import common_prefix, join_request

ids = st.lists(st.integers(0, 3), min_size=1, max_size=8)


def test_labels_that_only_add_tokens() -> None:
    request = join_request([1, 2, 3], [[1, 2, 3, 7], [1, 2, 3, 8, 9]], ["a", "b"])
    assert request.context == (1, 2, 3)
    assert request.continuations == {"a": (7,), "b": (8, 9)}


def test_a_merged_seam_belongs_to_the_continuation() -> None:
    # The prompt's last token, 3, became part of token 33 with the label.
    request = join_request([1, 2, 3], [[1, 2, 33], [1, 2, 3, 8]], ["a", "b"])
    assert request.context == (1, 2)
    assert request.continuations == {"a": (33,), "b": (3, 8)}


def test_a_label_without_a_token_of_its_own_is_still_scored() -> None:
    request = join_request([1, 2], [[1, 2], [1, 2, 5]], ["a", "b"])
    assert request.context == (1,)
    assert request.continuations == {"a": (2,), "b": (2, 5)}


@given(ids, st.lists(ids, min_size=1, max_size=4))
def test_context_and_continuation_are_the_full_text(
    prompt: list[int], full: list[list[int]]
) -> None:
    labels = [str(n) for n in range(len(full))]
    request = join_request(prompt, full, labels)
    for label, tokens in zip(labels, full, strict=True):
        assert request.context + request.continuations[label] == tuple(tokens)
        assert request.continuations[label]


@given(ids, ids)
def test_common_prefix_is_the_longest(a: list[int], b: list[int]) -> None:
    n = common_prefix(a, b)
    assert a[:n] == b[:n]
    assert n in (len(a), len(b)) or a[n] != b[n]
