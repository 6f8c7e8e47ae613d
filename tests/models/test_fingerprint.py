"""Fingerprints follow content, not place, and unchanged files are read once."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from harness.models import fingerprint
from harness.models.fingerprint import fingerprint_model, hash_files, hash_text


@pytest.fixture(autouse=True)
def _private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    directory.mkdir()
    (directory / "model.safetensors").write_bytes(b"weights")
    (directory / "config.json").write_text('{"model_type": "llama", "vocab_size": 10}')
    (directory / "tokenizer.json").write_text('{"model": {}}')
    (directory / "tokenizer_config.json").write_text('{"bos_token": "<s>"}')
    (directory / "chat_template.jinja").write_text("{{ messages }}")
    return directory


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    directory = tmp_path / "adapter"
    directory.mkdir()
    (directory / "adapter_model.safetensors").write_bytes(b"lora")
    (directory / "adapter_config.json").write_text('{"r": 8}')
    return directory


def test_the_same_content_elsewhere_is_the_same_model(checkpoint: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(checkpoint, tmp_path / "elsewhere")
    assert fingerprint_model(copy) == fingerprint_model(checkpoint)
    assert len(fingerprint_model(copy)) == 32


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", "weighty"),
        ("config.json", '{"model_type": "llama", "vocab_size": 11}'),
        ("tokenizer.json", '{"model": {"a": 1}}'),
        ("tokenizer_config.json", '{"bos_token": "<b>"}'),
        ("chat_template.jinja", "{{ messages[0] }}"),
        ("modeling_own.py", "x = 1"),
    ],
)
def test_whatever_shapes_the_answers_counts(checkpoint: Path, file: str, content: str) -> None:
    before = fingerprint_model(checkpoint)
    (checkpoint / file).write_text(content)
    assert fingerprint_model(checkpoint) != before


def test_what_does_not_shape_the_answers_does_not_count(checkpoint: Path) -> None:
    before = fingerprint_model(checkpoint)
    config = json.loads((checkpoint / "config.json").read_text())
    config = {"transformers_version": "5.1", "_name_or_path": "/there", **config}
    (checkpoint / "config.json").write_text(json.dumps(config, indent=4))
    (checkpoint / "README.md").write_text("A model.")
    os.utime(checkpoint / "model.safetensors", ns=(1, 1))
    assert fingerprint_model(checkpoint) == before


def test_an_adapter_makes_another_model(checkpoint: Path, adapter: Path) -> None:
    alone = fingerprint_model(checkpoint)
    adapted = fingerprint_model(checkpoint, adapter=adapter)
    (adapter / "adapter_config.json").write_text('{"r": 4}')
    assert len({alone, adapted, fingerprint_model(checkpoint, adapter=adapter)}) == 3


def test_an_unchanged_file_is_not_read_again(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fingerprint_model(checkpoint)

    def refuse(path: Path) -> str:
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr(fingerprint, "_hash_file", refuse)
    assert fingerprint_model(checkpoint) == first


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    os.utime(path, ns=(1, 1))
    before = hash_files([path])
    path.write_bytes(b"two")  # of the same size
    os.utime(path, ns=(2, 2))
    assert hash_files([path]) != before


def test_a_large_file_is_hashed_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "CHUNK_BYTES", 4)
    left, right = tmp_path / "left", tmp_path / "right"
    left.write_bytes(b"0123456789")
    right.write_bytes(b"0123456780")
    digests = hash_files([left, right])
    assert digests[left] == hash_text("0123456789")
    assert digests[right] == hash_text("0123456780")


def test_without_a_writable_cache_files_are_hashed_each_time(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the cache should be")
    expected = fingerprint_model(checkpoint)
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(blocked))
    assert fingerprint_model(checkpoint) == expected


def test_json_that_is_none_counts_as_text(checkpoint: Path) -> None:
    (checkpoint / "special_tokens_map.json").write_text("{not json")
    before = fingerprint_model(checkpoint)
    (checkpoint / "special_tokens_map.json").write_text("{nor this")
    assert fingerprint_model(checkpoint) != before
