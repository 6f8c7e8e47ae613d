"""The sample store: written at once or not at all, resumed, read back as a frame."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import IncompleteRunError, UsageError
from harness.core.records import Sample
from harness.results.store import COMPACT_COLUMNS, SampleStore, read_samples, settle

SAMPLE = Sample(
    variant_id="v1", example_id="1", task="t", level="word", perturbation="p", instruction_id="i",
    gold="a", prediction="b", score=0.0, parsed=True, scorer="loglik",
    scores={"a": -1.23456789, "b": -0.5}, text=None,
)  # fmt: skip


def test_round_trip(tmp_path: Path) -> None:
    with SampleStore(tmp_path / "s.sqlite") as store:
        store.write([SAMPLE, replace(SAMPLE, example_id="2", prediction=None, parsed=False)])
        assert store.scores("v1", "loglik", ["2", "1", "3"]) == {"1": 0.0, "2": 0.0}
        assert store.scores("v1", "loglik", ["2"]) == {"2": 0.0}
        assert store.scores("v1", "generate", ["1", "2"]) == {}
        assert store.count("loglik", "t") == 2
    frame = read_samples(tmp_path / "s.sqlite", (*COMPACT_COLUMNS, "scores", "text"))
    assert list(frame["example_id"]) == ["1", "2"]
    assert frame["scores"][0] == {"a": -1.234568, "b": -0.5}
    assert list(frame["parsed"]) == [True, False]
    assert frame["prediction"].isna().tolist() == [False, True]


def test_a_second_write_replaces(tmp_path: Path) -> None:
    with SampleStore(tmp_path / "s.sqlite") as store:
        store.write([SAMPLE])
        store.write([replace(SAMPLE, prediction="a", score=1.0)])
        assert store.count("loglik", "t") == 1
    assert read_samples(tmp_path / "s.sqlite")["correct"].tolist() == [True]


def test_priors_are_kept(tmp_path: Path) -> None:
    with SampleStore(tmp_path / "s.sqlite") as store:
        store.write([], {"v1": {"a": -0.5}})
        assert store.prior("v1") == {"a": -0.5}
        assert store.prior("v2") is None


def test_row_order_does_not_depend_on_the_order_of_writing(tmp_path: Path) -> None:
    samples = [replace(SAMPLE, example_id=str(n), variant_id=v) for v in "ba" for n in (2, 1)]
    for name, order in (("x", samples), ("y", samples[::-1])):
        with SampleStore(tmp_path / name) as store:
            store.write(order)
    assert read_samples(tmp_path / "x").equals(read_samples(tmp_path / "y"))


def test_a_full_disk_is_an_incomplete_run(tmp_path: Path) -> None:
    with SampleStore(tmp_path / "s.sqlite") as store:
        store.write([SAMPLE])
        store._db.execute("PRAGMA max_page_count = 12")
        with pytest.raises(IncompleteRunError, match="resumes"):
            store.write([replace(SAMPLE, example_id=str(n), text="x" * 500) for n in range(500)])
        assert store.count("loglik", "t") == 1


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "s.sqlite").write_bytes(b"not a database, but long enough to look" * 50)
    with pytest.raises(UsageError, match="--fresh"):
        SampleStore(tmp_path / "s.sqlite")
    with pytest.raises(UsageError):
        read_samples(tmp_path / "s.sqlite")


def test_a_missing_store(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no samples"):
        read_samples(tmp_path / "none.sqlite")


def test_table_and_columns_are_as_documented(tmp_path: Path) -> None:
    with SampleStore(tmp_path / "s.sqlite") as store:
        store.write([SAMPLE])
    with sqlite3.connect(tmp_path / "s.sqlite") as db:
        names = [row[1] for row in db.execute("PRAGMA table_info(samples)")]
    stored = [name for name in COMPACT_COLUMNS if name != "correct"]
    assert names == [*stored, "scores", "text"]


@pytest.mark.parametrize("page", range(1, 9))
def test_a_damaged_page_is_refused_or_not_needed(tmp_path: Path, page: int) -> None:
    path = tmp_path / "samples.sqlite"
    with SampleStore(path) as store:
        store.write([replace(SAMPLE, example_id=str(n)) for n in range(400)])
    settle(path)
    content = bytearray(path.read_bytes())
    content[4096 * page : 4096 * (page + 1)] = b"\xee" * 4096
    path.write_bytes(content)
    read: list[object] = []
    with suppress(UsageError), SampleStore(path) as store:
        read.append(store.count("loglik", "t"))
        ids = [str(n) for n in range(400)]
        read.append(len(store.scores(SAMPLE.variant_id, "loglik", ids)))
    assert set(read) <= {400}


@pytest.mark.parametrize("prior", ["3", "{", '{"a": null}', "[" * 100_000])
def test_a_damaged_prior_is_said(tmp_path: Path, prior: str) -> None:
    with SampleStore(tmp_path / "samples.sqlite") as store:
        store.write([], {"v": {"a": -1.0}})
        store._db.execute("UPDATE priors SET scores = ?", (prior,))
        with pytest.raises(UsageError, match="the prior of v"):
            store.prior("v")
