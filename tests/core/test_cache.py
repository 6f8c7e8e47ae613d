"""The response cache: keys tell requests apart, and nothing is lost or invented."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.cache import (
    ResponseCache,
    cache_entries,
    clear_responses,
    response_cache_path,
    response_key,
)
from harness.core.records import Request, Response

tokens = st.lists(st.integers(0, 50_000), max_size=6).map(tuple)
requests = st.builds(
    Request,
    context=tokens,
    continuations=st.dictionaries(st.sampled_from(["a", "b", "ab"]), tokens, max_size=3),
)


@given(requests, requests, st.sampled_from(["x", "y"]), st.sampled_from(["x", "y"]))
def test_keys_are_equal_exactly_for_equal_questions(
    one: Request, two: Request, first: str, second: str
) -> None:
    same = (one.context, list(one.continuations.items()), first) == (
        two.context, list(two.continuations.items()), second,
    )  # fmt: skip
    assert (response_key(one, first) == response_key(two, second)) == same


def test_responses_are_kept_between_runs(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "m.sqlite"
    scored, said = Response(scores={"a": -1.5}), Response(text="a\x00b")
    with ResponseCache(path) as cache:
        cache.put({b"1": scored, b"2": said})
    with ResponseCache(path) as cache:
        assert cache.get([b"1", b"2", b"3"]) == {b"1": scored, b"2": said}


def test_more_keys_than_one_statement_takes(tmp_path: Path) -> None:
    many = {str(n).encode(): Response(text=str(n)) for n in range(1201)}
    with ResponseCache(None) as cache:
        cache.put(many)
        assert cache.get(list(many)) == many


def test_without_a_path_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ResponseCache(None) as cache:
        cache.put({b"1": Response(text="x")})
    assert list(tmp_path.iterdir()) == []


def test_info_and_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path))
    with ResponseCache(response_cache_path("abc")) as cache:
        cache.put({b"1": Response(text="x")})
    entry = cache_entries()[0]
    assert (entry.kind, entry.responses) == ("responses", 1)
    assert clear_responses() > 0
    assert cache_entries() == []
