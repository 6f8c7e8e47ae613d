"""Hashes of files: by content, and large files are read again only where they have changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.models import file_hashes
from harness.models.file_hashes import hash_files, hash_text


@pytest.fixture(autouse=True)
def _private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def _all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as large, and as unchanged for long enough."""
    monkeypatch.setattr(file_hashes, "ALWAYS_READ_BYTES", 0)
    monkeypatch.setattr(file_hashes, "SETTLED_NS", -(10**12))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    return path


def refuse_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> str:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(file_hashes, "_hash_file", refuse)


@pytest.mark.usefixtures("_all_large")
def test_an_unchanged_file_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = hash_files([file])
    refuse_to_read(monkeypatch)
    assert hash_files([file]) == first


@pytest.mark.parametrize(
    "change",
    [lambda f: f.write_bytes(b"two"), lambda f: os.utime(f, ns=(1, 1)), lambda f: f.chmod(0o600)],
)
@pytest.mark.usefixtures("_all_large")
def test_a_file_of_which_anything_changed_is_read_again(
    file: Path, change: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_files([file])
    time.sleep(0.05)  # beyond one tick of the file system's clock
    change(file)
    refuse_to_read(monkeypatch)
    with pytest.raises(AssertionError, match="was read"):
        hash_files([file])


def test_a_small_file_is_read_each_time(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hash_files([file])
    refuse_to_read(monkeypatch)
    with pytest.raises(AssertionError, match="was read"):
        hash_files([file])


def test_a_file_that_has_just_changed_is_not_remembered(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_hashes, "ALWAYS_READ_BYTES", 0)
    hash_files([file])
    refuse_to_read(monkeypatch)
    with pytest.raises(AssertionError, match="was read"):
        hash_files([file])


def test_a_large_file_is_hashed_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_hashes, "CHUNK_BYTES", 4)
    left, right = tmp_path / "left", tmp_path / "right"
    left.write_bytes(b"0123456789")
    right.write_bytes(b"0123456780")
    digests = hash_files([left, right])
    assert digests[left] == hash_text("0123456789")
    assert digests[right] == hash_text("0123456780")


@pytest.mark.parametrize("kind", ["a file where the folder should be", "no database", "folder"])
@pytest.mark.usefixtures("_all_large")
def test_without_a_usable_cache_files_are_hashed_each_time(
    tmp_path: Path, file: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "broken"
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(cache))
    if kind == "folder":
        (cache / "fingerprints.sqlite").mkdir(parents=True)
    elif kind == "no database":
        cache.mkdir()
        (cache / "fingerprints.sqlite").write_text("no database" * 1000)
    else:
        cache.write_text(kind)
    assert hash_files([file]) == {file: hash_text("one")}


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gone can't be read"):
        hash_files([tmp_path / "gone"])
