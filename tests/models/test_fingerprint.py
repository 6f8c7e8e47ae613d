"""Fingerprints follow content, not place: of whatever in a folder can change an answer."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from harness.models import file_hashes
from harness.models.fingerprint import fingerprint_model


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
        ("model.safetensors", "w3ights"),  # of the same size
        ("config.json", '{"model_type": "llama", "vocab_size": 11}'),
        ("generation_config.json", '{"eos_token_id": [2, 269]}'),
        ("tokenizer.json", '{"model": {"a": 1}}'),
        ("tokenizer_config.json", '{"bos_token": "<b>"}'),
        ("chat_template.jinja", "{{ messages[0] }}"),
        ("additional_chat_templates/tools.jinja", "{{ tools }}"),
        ("processor_config.json", "{}"),
        ("sentencepiece.bpe.model", "pieces"),
        ("spiece.model", "pieces"),
        ("qwen.tiktoken", "cGllY2Vz 0"),
        ("vocab.txt", "piece"),
        ("merges.txt", "a b"),
        ("added_tokens.json", '{"<x>": 10}'),
        ("modeling_own.py", "x = 1"),
        ("own/modeling.py", "x = 1"),
        ("pytorch_model.bin", "pickle"),
        ("no-one-knows", "what this is"),
    ],
)
def test_whatever_can_shape_the_answers_counts(checkpoint: Path, file: str, content: str) -> None:
    before = fingerprint_model(checkpoint)
    (checkpoint / file).parent.mkdir(exist_ok=True)
    (checkpoint / file).write_text(content)
    assert fingerprint_model(checkpoint) != before


def test_an_edit_in_place_counts_whatever_its_time_stamp(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_hashes, "ALWAYS_READ_BYTES", 0)
    monkeypatch.setattr(file_hashes, "SETTLED_NS", 0)
    file = checkpoint / "model.safetensors"
    stat = file.stat()
    time.sleep(0.05)  # beyond one tick of the file system's clock
    before = fingerprint_model(checkpoint)
    with file.open("r+b") as stream:
        stream.write(b"WEIGHTS")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert file.stat().st_mtime_ns == stat.st_mtime_ns
    assert fingerprint_model(checkpoint) != before


def test_what_does_not_shape_the_answers_does_not_count(checkpoint: Path) -> None:
    before = fingerprint_model(checkpoint)
    config = json.loads((checkpoint / "config.json").read_text())
    config = {"transformers_version": "5.1", "_name_or_path": "/there", **config}
    (checkpoint / "config.json").write_text(json.dumps(config, indent=4))
    for name in ("README.md", "LICENSE", ".gitattributes", "trainer_state.json", "optimizer.pt"):
        (checkpoint / name).write_text("content")
    (checkpoint / "checkpoint-500").mkdir()
    (checkpoint / "checkpoint-500/model.safetensors").write_text("another model")
    os.utime(checkpoint / "model.safetensors", ns=(1, 1))
    assert fingerprint_model(checkpoint) == before


def test_a_tokenizer_from_elsewhere_counts(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"model": {"b": 2}}')
    before = fingerprint_model(checkpoint, tokenizer=tmp_path)
    assert before != fingerprint_model(checkpoint)
    (tmp_path / "model.safetensors").write_text("not of interest")
    assert fingerprint_model(checkpoint, tokenizer=tmp_path) == before
    (tmp_path / "tokenizer.json").write_text('{"model": {"b": 3}}')
    assert fingerprint_model(checkpoint, tokenizer=tmp_path) != before


def test_where_an_adapter_found_its_base_does_not_count(checkpoint: Path, adapter: Path) -> None:
    before = fingerprint_model(checkpoint, adapter=adapter)
    moved = '{"r": 8, "base_model_name_or_path": "/elsewhere", "peft_version": "0.18"}'
    (adapter / "adapter_config.json").write_text(moved)
    assert fingerprint_model(checkpoint, adapter=adapter) == before


def test_an_adapter_makes_another_model(checkpoint: Path, adapter: Path) -> None:
    alone = fingerprint_model(checkpoint)
    adapted = fingerprint_model(checkpoint, adapter=adapter)
    (adapter / "adapter_config.json").write_text('{"r": 4}')
    assert len({alone, adapted, fingerprint_model(checkpoint, adapter=adapter)}) == 3


def test_json_that_is_none_counts_as_text(checkpoint: Path) -> None:
    (checkpoint / "special_tokens_map.json").write_text("{not json")
    before = fingerprint_model(checkpoint)
    (checkpoint / "special_tokens_map.json").write_text("{nor this")
    assert fingerprint_model(checkpoint) != before


def test_json_that_can_not_be_read_counts_by_its_bytes(checkpoint: Path) -> None:
    seen = set()
    for content in (b"\xff\xfe", b"\xff\xfd", b"[" * 100_000, b"[" * 100_001):
        (checkpoint / "special_tokens_map.json").write_bytes(content)
        seen.add(fingerprint_model(checkpoint))
    assert len(seen) == 4
