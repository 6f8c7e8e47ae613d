"""The response cache: keys tell requests apart, and nothing is lost or invented."""

from __future__ import annotations

import os
import sqlite3
import stat
from array import array
from collections.abc import Callable
from contextlib import closing
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


def test_no_label_can_stand_for_the_tokens_before_it() -> None:
    one = Request((1,), {"a": (2,)})
    two = Request((1, *array("q", b"\x1ea\x1f".ljust(8)), 2))
    assert response_key(one, "x") != response_key(two, "x")
    assert response_key(Request((1,)), "x\ud800") != response_key(Request((1,)), "x\ud801")


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


MANY = {n.to_bytes(16): Response(scores={"a": -float(n)}, text=f"answer {n}") for n in range(400)}


def _damage_header(path: Path) -> None:
    path.write_bytes(b"x" * 100 + path.read_bytes()[100:])


def _damage_pages(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _no_database(path: Path) -> None:
    path.write_text("no database, but long enough to look like one " * 50)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "x").write_text("")


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _other_table(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE responses (key TEXT)")


DAMAGES = [
    _damage_header, _damage_pages, _cut, _no_database, _folder, _loop, _pipe, _other_table,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_gone_without_and_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path))
    path = response_cache_path("abc")
    with ResponseCache(path) as cache:
        cache.put(MANY)
    damage(path)
    said: list[str] = []
    with ResponseCache(path, said.append) as cache:
        found = cache.get(list(MANY))
        assert found.items() <= MANY.items()
        cache.put(MANY)
        assert cache.get(list(MANY)) == MANY
    assert len(said) == 1
    assert "harness cache clear" in said[0]
    cache_entries()
    clear_responses()
    with ResponseCache(path, said.append) as cache:
        cache.put(MANY)
    with ResponseCache(path, said.append) as cache:
        assert cache.get(list(MANY)) == MANY
    assert len(said) == 1


def test_a_changed_answer_is_not_served(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with ResponseCache(path) as cache:
        cache.put(MANY)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"answer 7", b"answer 8").replace(b'"a": -9.0', b'"a": -8.0'))
    with ResponseCache(path) as cache:
        found = cache.get(list(MANY))
    assert found.items() <= MANY.items()
    assert 0 < len(MANY) - len(found) < 40


def test_a_full_disk_is_no_reason_to_stop(tmp_path: Path) -> None:
    said: list[str] = []
    with ResponseCache(tmp_path / "m.sqlite", said.append) as cache:
        cache._db.execute("PRAGMA max_page_count = 3")
        cache.put(MANY)
        assert cache.get(list(MANY)) == MANY
    assert len(said) == 1
    assert "full" in said[0]


@pytest.mark.parametrize("place", ["file", "responses"])
def test_a_cache_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    root = tmp_path / "cache"
    if place == "file":
        root.write_text("")
    else:
        root.mkdir()
        (root / "responses").write_text("")
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(root))
    said: list[str] = []
    with ResponseCache(response_cache_path("abc"), said.append) as cache:
        cache.put(MANY)
        assert cache.get(list(MANY)) == MANY
    assert len(said) == 1
    assert cache_entries() == []
    clear_responses()
    assert (root / "responses").exists() is False


def test_answers_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "responses" / "m.sqlite"
    before = os.umask(0)
    try:
        with ResponseCache(path) as cache:
            cache.put(MANY)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_schema_that_is_no_text_is_damage_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with ResponseCache(path) as cache:
        cache.put({b"k" * 16: Response({"a": -1.0})})
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"CREATE TABLE", b"CREA\xce\xedTABLE"))
    said: list[str] = []
    with ResponseCache(path, said.append) as cache:
        assert not cache.get([b"k" * 16])
    assert len(said) == 1
