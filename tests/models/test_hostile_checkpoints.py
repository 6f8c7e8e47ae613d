"""Damaged and hostile model folders: one line says what is wrong, and nothing of them is run."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.core.errors import UsageError
from harness.models import Model, ModelSpec, load_model
from harness.models.token_requests import encode
from tests.support.tiny_models import make_checkpoint, make_model


@pytest.fixture(autouse=True)
def _private_cache(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "models-cache"))


@pytest.fixture(autouse=True)
def _no_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("torch.load was called")

    monkeypatch.setattr(torch, "load", refuse)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("original") / "model", chat=True)


@pytest.fixture
def checkpoint(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "model")


def load(directory: Path) -> Model:
    return load_model(ModelSpec(str(directory), device="cpu"))


def complaint(directory: Path) -> str:
    with pytest.raises(UsageError) as caught:
        load(directory)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 1000
    return message


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


# Weights from elsewhere.


def shard(checkpoint: Path) -> Path:
    """Saves the weights in shards; gives the index."""
    (checkpoint / "model.safetensors").unlink()
    make_model("llama").save_pretrained(checkpoint, max_shard_size="40KB")
    return checkpoint / "model.safetensors.index.json"


@pytest.mark.parametrize(
    "name",
    [
        "pytorch_model.bin",
        "../elsewhere/model.safetensors",
        "sub/model.safetensors",
        "/tmp/model.safetensors",
        "model.safetensors.bin",
        "",
        ".",
    ],
)
@pytest.mark.parametrize("all_of_them", [True, False])
def test_an_index_may_name_only_safetensors_beside_it(
    checkpoint: Path, name: str, all_of_them: bool
) -> None:
    index = shard(checkpoint)
    content = json.loads(index.read_text())["weight_map"]
    for tensor in list(content)[: None if all_of_them else 1]:
        content[tensor] = name
    index.write_text(json.dumps({"weight_map": content}))
    (checkpoint / "pytorch_model.bin").write_bytes(b"pickle")
    assert "only safetensors files beside it are loaded" in complaint(checkpoint)


@pytest.mark.parametrize("content", [{}, {"weight_map": []}, {"weight_map": {}}, {"weight_map": 1}])
def test_an_index_that_names_nothing_is_refused(
    checkpoint: Path, content: dict[str, object]
) -> None:
    shard(checkpoint).write_text(json.dumps(content))
    assert "holds no weights" in complaint(checkpoint)


def test_weights_that_are_a_link_out_of_the_folder_are_refused(
    checkpoint: Path, tmp_path: Path
) -> None:
    (checkpoint / "model.safetensors").rename(tmp_path / "elsewhere.safetensors")
    (checkpoint / "model.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")
    assert "is a link to" in complaint(checkpoint)


def test_the_layout_of_the_hub_cache_is_no_link_out(checkpoint: Path, tmp_path: Path) -> None:
    blobs = tmp_path / "models--a--b" / "blobs"
    snapshot = tmp_path / "models--a--b" / "snapshots" / "0123"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for number, path in enumerate(sorted(checkpoint.iterdir())):
        path.rename(blobs / str(number))
        (snapshot / path.name).symlink_to(Path("../../blobs") / str(number))
    assert load(snapshot).info.kind == "directory"
    link = tmp_path / "by another name"
    link.symlink_to(snapshot)
    assert load(link).info.path == str(snapshot)


@pytest.mark.parametrize("name", ["adapter_model.bin", "other.safetensors", "../x.safetensors"])
def test_a_configuration_that_names_its_own_weights_is_refused(checkpoint: Path, name: str) -> None:
    (checkpoint / "adapter_model.bin").write_bytes(b"pickle")
    rewrite(checkpoint / "config.json", transformers_weights=name)
    assert "names its own weights" in complaint(checkpoint)


# Damaged weights.


Header = dict[str, Any]
"""Tensor -> its dtype, shape and offsets, as safetensors write it."""


def damage(change: Callable[[Header], object]) -> Callable[[bytes], bytes]:
    """Changes the header of a safetensors file and leaves the data."""

    def apply(content: bytes) -> bytes:
        length = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8 : 8 + length])
        change(header)
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + content[8 + length :]

    return apply


def first(header: Header) -> dict[str, Any]:
    return next(tensor for name, tensor in header.items() if name != "__metadata__")


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "deeply nested": lambda c: struct.pack("<Q", 200_000) + b"[" * 200_000 + c,
    "not UTF-8": lambda c: struct.pack("<Q", 4) + b"\xff\xfe{}" + c,
    "a list": lambda c: struct.pack("<Q", 2) + b"[]" + c,
    "a huge length": lambda c: struct.pack("<Q", 2**63) + c[8:],
    "backwards": damage(lambda h: first(h)["data_offsets"].reverse()),
    "negative": damage(lambda h: first(h).update(data_offsets=[-8, 8])),
    "far away": damage(lambda h: first(h).update(data_offsets=[0, 2**62])),
    "beyond 64 bits": damage(lambda h: first(h).update(data_offsets=[0, 2**70])),
    "a float": damage(lambda h: first(h).update(data_offsets=[0, 1.5])),
    "infinite": damage(lambda h: first(h).update(data_offsets=[0, float("inf")])),
    "three offsets": damage(lambda h: first(h).update(data_offsets=[0, 1, 2])),
    "no shape": damage(lambda h: first(h).pop("shape")),
    "a negative shape": damage(lambda h: first(h).update(shape=[-1, 4])),
    "another shape": damage(lambda h: first(h).update(shape=[3, 3])),
    "an unknown type": damage(lambda h: first(h).update(dtype="F7")),
    "an overlap": damage(lambda h: [t.update(first(h)) for n, t in h.items() if n[0] != "_"]),
    "no tensor": damage(lambda h: h.clear()),
    "a tensor that is text": damage(lambda h: h.update(x="text")),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_header_is_told(checkpoint: Path, name: str) -> None:
    file = checkpoint / "model.safetensors"
    file.write_bytes(DAMAGES[name](file.read_bytes()))
    assert "model.safetensors" in complaint(checkpoint)


# Impossible configurations.


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": 10**12},
        {"hidden_size": -32},
        {"hidden_size": 0},
        {"hidden_size": "wide"},
        {"hidden_size": 32.5},
        {"hidden_size": None},
        {"hidden_size": 10**30},
        {"vocab_size": 10**11},
        {"vocab_size": -1},
        {"vocab_size": 100},
        {"vocab_size": 513},
        {"intermediate_size": 10**12},
        {"num_hidden_layers": 10**9},
        {"num_hidden_layers": -1},
        {"num_hidden_layers": 10**30},
        {"num_attention_heads": 0},
        {"num_attention_heads": 10**9},
        {"num_key_value_heads": 0},
        {"num_key_value_heads": 3},
        {"head_dim": 10**10},
        {"num_labels": 10**9},
        {"layer_types": ["nonesuch"]},
        {"layer_types": 5},
        {"rope_parameters": {"rope_type": "nonesuch"}},
        {"rope_parameters": 5},
        {"rope_scaling": {"type": "yarn", "factor": "x"}},
        {"hidden_act": "nonesuch"},
        {"hidden_act": ["silu"]},
        {"dtype": "nonesuch"},
        {"model_type": None},
        {"model_type": ["llama"]},
        {"model_type": "bert"},
        {"architectures": "x", "model_type": "nonesuch"},
        {"quantization_config": 5},
        {"attn_implementation": "someone/kernel"},
        {"_attn_implementation": "someone/kernel"},
        {"max_position_embeddings": "long"},
        {"pad_token_id": 10**9},
    ],
)
def test_an_impossible_configuration_is_told(checkpoint: Path, changes: dict[str, object]) -> None:
    rewrite(checkpoint / "config.json", **changes)
    assert str(checkpoint) in complaint(checkpoint)


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00", b"[" * 200_000, b'{"a":' * 200_000, b"[]", b"", b"1" * 5000, b"null", b"NaN"],
)
@pytest.mark.parametrize(
    "file",
    ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"],
)
def test_json_that_is_damaged_is_told(checkpoint: Path, file: str, content: bytes) -> None:
    (checkpoint / file).write_bytes(content)
    assert str(checkpoint) in complaint(checkpoint)


def test_weights_without_a_place_are_noted(checkpoint: Path) -> None:
    rewrite(checkpoint / "config.json", num_hidden_layers=1)
    assert load(checkpoint).notes == [
        "9 stored tensors have no place in the model that config.json describes, "
        "model.layers.1.input_layernorm.weight among them."
    ]


# Tokenizers.


WORD_PIECE = {"type": "WordPiece", "vocab": {}, "unk_token": "?", "max_input_chars_per_word": 9}
NO_TOKEN = [{"SpecialToken": {"id": "<none>", "type_id": 0}}]
BAD_PATTERN = {"Regex": "("}
TOKENIZERS: dict[str, dict[str, object]] = {
    "unknown model": {"model": {"type": "nonesuch"}},
    "merges of no token": {"model": {"type": "BPE", "vocab": {}, "merges": ["a b"]}},
    "no unknown token": {
        "model": {"type": "BPE", "vocab": {"a": 5}, "merges": [], "unk_token": "<none>"}
    },
    "unknown id": {"model": {"type": "Unigram", "vocab": [], "unk_id": 3}},
    "no prefix": {"model": WORD_PIECE},
    "pattern to split": {
        "pre_tokenizer": {
            "type": "Split", "pattern": BAD_PATTERN, "behavior": "Isolated", "invert": False,
        }
    },
    "character map": {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}},
    "pattern to replace": {
        "normalizer": {"type": "Replace", "pattern": BAD_PATTERN, "content": ""}
    },
    "no special token": {
        "post_processor": {
            "type": "TemplateProcessing", "single": NO_TOKEN, "pair": [], "special_tokens": {},
        }
    },
    "negative id": {"added_tokens": [{"id": -1, "content": "x"}]},
    "a number": {"added_tokens": 5},
    "truncation": {"truncation": {"max_length": -1}},
    "version": {"version": 99},
}  # fmt: skip


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_tokenizer_that_fails_is_told(
    checkpoint: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    rewrite(checkpoint / "tokenizer.json", **TOKENIZERS[name])
    assert "tokenizer" in complaint(checkpoint)
    assert "panicked" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "changes",
    [
        {"tokenizer_class": "nonesuch"},
        {"tokenizer_class": 5},
        {"eos_token": 5},
        {"eos_token": {"content": 5}},
        {"added_tokens_decoder": {"x": {}}},
        {"chat_template": 5},
        {"chat_template": [{"name": "default"}]},
        {"chat_template": {"default": 5}},
        {"model_max_length": "x"},
        {"extra_special_tokens": 5},
    ],
)
def test_tokenizer_settings_with_nonsense_end_in_one_line_if_at_all(
    checkpoint: Path, changes: dict[str, object]
) -> None:
    rewrite(checkpoint / "tokenizer_config.json", **changes)
    try:
        model = load(checkpoint)
        encode(model.tokenizer, ["text"], special=True)
        model.tokenizer.render_chat([{"role": "user", "content": "text"}])
    except UsageError as error:
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("ends", ["x", -1, [[2]], 10**30, {"a": 1}, [None]])
def test_end_tokens_that_are_none_are_told(checkpoint: Path, ends: object) -> None:
    rewrite(checkpoint / "generation_config.json", eos_token_id=ends)
    try:
        load(checkpoint)
    except UsageError as error:
        assert "\n" not in str(error)  # noqa: PT017


# A checkpoint that a training wrote on its way.


def test_a_checkpoint_without_a_tokenizer_takes_that_of_its_training(checkpoint: Path) -> None:
    inner = checkpoint / "checkpoint-500"
    inner.mkdir()
    for name in ("config.json", "model.safetensors", "generation_config.json"):
        shutil.copy(checkpoint / name, inner)
    model = load(inner)
    assert model.notes == [f"the model has no tokenizer: that of {checkpoint} is used."]
    assert model.tokenizer.chat_template is not None
    before = model.info.fingerprint
    rewrite(checkpoint / "tokenizer_config.json", padding_side="left")
    assert load(inner).info.fingerprint != before


def test_a_model_without_a_tokenizer_says_what_to_copy(checkpoint: Path) -> None:
    alone = checkpoint / "alone"
    alone.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(checkpoint / name, alone)
    message = complaint(alone)
    assert "alone has no tokenizer" in message
    assert "Copy tokenizer.json" in message
