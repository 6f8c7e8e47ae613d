"""Whatever a user gives as a model is loaded, or refused in one line that says what to type."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.core.errors import MissingPackageError, UsageError
from harness.models import Model, ModelSpec, backends, load_model
from harness.models.backends import BACKENDS
from harness.models.spec import DType
from harness.models.token_requests import encode
from tests.support.requests import some_requests
from tests.support.tiny_models import (
    MAX_CONTEXT,
    VOCABULARY,
    make_checkpoint,
    make_model,
    make_tokenizer,
)


@pytest.fixture(autouse=True)
def _private_cache(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "models-cache"))


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("original") / "tiny-llama", chat=True)


@pytest.fixture
def checkpoint(original: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return shutil.copytree(original, tmp_path / "tiny-llama")


@pytest.fixture(scope="session")
def lora(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter of `original` that changes its answers."""
    peft = pytest.importorskip("peft")
    directory = tmp_path_factory.mktemp("lora")
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj", "v_proj"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted = peft.get_peft_model(make_model("llama"), config)
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(parameter, std=0.3)
        adapted.save_pretrained(str(directory))
    return rewrite(directory, "adapter_config.json", base_model_name_or_path=str(original))


def rewrite(directory: Path, file: str, **changes: object) -> Path:
    """Changes entries of a JSON file; gives the directory."""
    content = json.loads((directory / file).read_text())
    (directory / file).write_text(json.dumps({**content, **changes}))
    return directory


def cut(path: Path, keep: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def answers(model: Model) -> list[dict[str, float]]:
    return [dict(response.scores or {}) for _, response in sorted(model.loglik(some_requests()))]


def complaint(spec: object, **options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        load_model(ModelSpec(str(spec), **options))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_directory(checkpoint: Path) -> None:
    model = load_model(ModelSpec(str(checkpoint)))
    assert model.info.kind == "directory"
    assert model.info.name == model.info.path == str(checkpoint)
    assert model.info.dtype == "float32"
    assert model.info.device == "cpu" or torch.cuda.is_available()
    assert model.info.max_context == MAX_CONTEXT
    assert model.info.parameters == make_model("llama").num_parameters()
    assert len(model.info.fingerprint) == 32
    assert model.tokenizer.chat_template is not None
    assert model.info.chat_template_hash is not None
    assert model.notes == []


def test_the_weights_are_those_of_the_directory(checkpoint: Path) -> None:
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    assert answers(load_model(ModelSpec(str(checkpoint)))) == answers(
        load_model(ModelSpec(str(checkpoint)))
    )
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_another_dtype(checkpoint: Path, dtype: DType) -> None:
    model = load_model(ModelSpec(str(checkpoint), dtype=dtype, device="cpu"))
    assert model.info.dtype == dtype
    exact = answers(load_model(ModelSpec(str(checkpoint), device="cpu")))
    for got, expected in zip(answers(model), exact, strict=True):
        assert got == pytest.approx(expected, abs=1.0)


def test_a_checkpoint_in_half_precision_is_run_in_float32_on_a_processor(checkpoint: Path) -> None:
    make_model("llama").to(torch.bfloat16).save_pretrained(checkpoint)
    assert load_model(ModelSpec(str(checkpoint), device="cpu")).info.dtype == "float32"


def test_shards(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    make_model("llama").save_pretrained(checkpoint, max_shard_size="40KB")
    assert len(list(checkpoint.glob("model-*.safetensors"))) > 1
    assert load_model(ModelSpec(str(checkpoint))).info.parameters > 0
    next(iter(checkpoint.glob("model-*.safetensors"))).unlink()
    assert "lacks 1 of" in complaint(checkpoint)


def test_a_plug_in_backend(monkeypatch: pytest.MonkeyPatch, checkpoint: Path) -> None:
    asked: list[ModelSpec] = []

    def backend(spec: ModelSpec) -> Model:
        asked.append(spec)
        return load_model(ModelSpec(str(checkpoint)))

    monkeypatch.setattr(BACKENDS, "_things", {})
    backends.BACKENDS.add("own", backend)
    load_model(ModelSpec("own:some/model", dtype="bfloat16"))
    assert asked == [ModelSpec("some/model", dtype="bfloat16")]


# What the user typed can't be found.


def test_an_alias_with_a_typing_error() -> None:
    assert "Did you mean 'smollm2-135m'?" in complaint("smollm2-135")


def test_a_directory_with_a_typing_error(checkpoint: Path) -> None:
    message = complaint(checkpoint.parent / "tiny-lama")
    assert f"Did you mean '{checkpoint}'" in message


def test_a_relative_path_with_a_typing_error(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkpoint.parent)
    assert "Did you mean 'tiny-llama'" in complaint("./tiny-lama")


def test_a_hub_id_offline() -> None:
    message = complaint("someone/some-model")
    assert "someone/some-model is no directory here" in message
    assert "HF_HUB_OFFLINE is set" in message or "no connection" in message


def test_a_hub_id_with_a_revision_offline() -> None:
    assert "someone/some-model@v2" in complaint("someone/some-model", revision="v2")


@pytest.mark.parametrize("spec", ["no such model!", "", "a/b/c"])
def test_what_can_not_be_a_model(spec: str) -> None:
    assert f"there is no model {spec!r}" in complaint(spec)


def test_a_file_of_a_checkpoint(checkpoint: Path) -> None:
    message = complaint(checkpoint / "model.safetensors")
    assert f"Give its directory: {checkpoint}" in message


def test_a_directory_that_is_no_checkpoint(tmp_path: Path) -> None:
    assert "it has no config.json" in complaint(tmp_path)


def test_the_parent_of_a_checkpoint(checkpoint: Path) -> None:
    assert "It holds tiny-llama" in complaint(checkpoint.parent)


# What was found can't be loaded.


def test_no_weights(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    assert "no weights" in complaint(checkpoint)


def test_pickled_weights_are_never_loaded(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    message = complaint(checkpoint)
    assert "pickled weights only" in message
    assert "save_pretrained" in message


@pytest.mark.parametrize("keep", [0, 0.00005, 0.001, 0.5, 0.999])
def test_weights_that_are_cut_short(checkpoint: Path, keep: float) -> None:
    cut(checkpoint / "model.safetensors", keep)
    message = complaint(checkpoint)
    assert "model.safetensors is" in message
    assert "Download or copy it again." in message


@pytest.mark.parametrize(
    "content",
    [b"not weights at all, but text", (2).to_bytes(8, "little") + b"{}", b"\x09" + b"\0" * 40],
)
def test_weights_that_are_none(checkpoint: Path, content: bytes) -> None:
    (checkpoint / "model.safetensors").write_bytes(content)
    assert "model.safetensors" in complaint(checkpoint)


def test_weights_that_lack_a_layer(checkpoint: Path) -> None:
    rewrite(checkpoint, "config.json", num_hidden_layers=3)
    message = complaint(checkpoint)
    assert "lack 9 tensors" in message
    assert "model.layers.2." in message


def test_weights_of_another_shape(checkpoint: Path) -> None:
    rewrite(checkpoint, "config.json", intermediate_size=48)
    assert "have the wrong shape for" in complaint(checkpoint)


def test_a_damaged_configuration(checkpoint: Path) -> None:
    cut(checkpoint / "config.json", 0.5)
    assert "configuration" in complaint(checkpoint)


def test_an_unknown_architecture(checkpoint: Path) -> None:
    rewrite(checkpoint, "config.json", model_type="nonesuch")
    assert "nonesuch" in complaint(checkpoint)


def test_code_of_a_checkpoint_does_not_run_unasked(checkpoint: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    (checkpoint / "own.py").write_text(f"open({str(trace)!r}, 'w').close()")
    auto_map = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}
    rewrite(checkpoint, "config.json", model_type="own", auto_map=auto_map)
    assert "--trust-remote-code" in complaint(checkpoint)
    assert not trace.exists()


def test_a_missing_tokenizer(checkpoint: Path) -> None:
    for path in checkpoint.glob("tokenizer*"):
        path.unlink()
    assert "tokenizer" in complaint(checkpoint)


# Options.


def test_unknown_dtype(checkpoint: Path) -> None:
    assert "Did you mean 'float32'" in complaint(checkpoint, dtype="float23")
    assert "int8" in complaint(checkpoint, dtype="int8")


def test_unknown_device(checkpoint: Path) -> None:
    assert "unknown device 'gpu'" in complaint(checkpoint, device="gpu")


def test_a_device_that_is_not_here(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    message = complaint(checkpoint, device="cuda")
    assert "--device cuda" in message
    assert "Type --device auto." in message


def test_a_base_for_what_is_no_adapter(checkpoint: Path) -> None:
    assert "is no adapter" in complaint(checkpoint, base=str(checkpoint))


# A tokenizer that does not fit.


def add_tokens(directory: Path, template: str | None = None) -> Path:
    """Gives the tokenizer ten tokens more than the model has; gives the directory."""
    tokenizer = make_tokenizer()
    names = [f"<|x{n}|>" for n in range(VOCABULARY + 10 - len(tokenizer))]
    tokenizer.add_special_tokens({"additional_special_tokens": names})
    tokenizer.chat_template = template and template.replace("LAST", names[-1])
    tokenizer.save_pretrained(directory)
    return directory


def test_a_token_that_the_model_does_not_have_is_refused(checkpoint: Path) -> None:
    model = load_model(ModelSpec(str(add_tokens(checkpoint, "LAST{{ messages[0].content }}"))))
    text = model.tokenizer.render_chat([{"role": "user", "content": "text"}])
    with pytest.raises(UsageError, match="has 522 tokens, the model 512: '<"):
        encode(model.tokenizer, [text], special=False)


def test_tokens_that_no_text_uses_do_no_harm(checkpoint: Path) -> None:
    plain = answers(load_model(ModelSpec(str(checkpoint))))
    model = load_model(ModelSpec(str(add_tokens(checkpoint))))
    assert encode(model.tokenizer, ["text"], special=True)
    assert answers(model) == plain


# Adapters.


def test_an_adapter_finds_its_base(lora: Path, original: Path) -> None:
    model = load_model(ModelSpec(str(lora)))
    plain = load_model(ModelSpec(str(original)))
    assert model.info.kind == "adapter"
    assert model.info.base == str(original)
    assert model.info.adapter == model.info.path == str(lora)
    assert model.info.fingerprint != plain.info.fingerprint
    assert answers(model) != answers(plain)
    assert model.notes == []


def test_a_merged_adapter_answers_as_the_adapter_does(lora: Path, original: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(original), str(lora))
    request = some_requests()[0]
    with torch.inference_mode():
        logits = adapted(torch.tensor([request.context])).logits[0, -1].log_softmax(-1)
    expected = float(logits[request.continuations["one"][0]])
    assert answers(load_model(ModelSpec(str(lora))))[0]["one"] == pytest.approx(expected, abs=1e-4)


def test_a_given_base_wins(lora: Path, checkpoint: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(lora, tmp_path / "moved")
    rewrite(moved, "adapter_config.json", base_model_name_or_path="/gone/model")
    message = complaint(moved)
    assert "'/gone/model'" in message
    assert "Type --base" in message
    assert load_model(ModelSpec(str(moved), base=str(checkpoint))).info.base == str(checkpoint)


def test_an_adapter_brings_its_own_tokenizer(lora: Path, tmp_path: Path) -> None:
    trained = shutil.copytree(lora, tmp_path / "trained")
    tokenizer = make_tokenizer("bytes")
    tokenizer.chat_template = "{{ messages[0]['content'] }}!"
    tokenizer.save_pretrained(trained)
    assert (
        load_model(ModelSpec(str(trained))).tokenizer.chat_template
        == "{{ messages[0]['content'] }}!"
    )


def test_an_adapter_that_names_no_base(lora: Path, tmp_path: Path) -> None:
    nameless = shutil.copytree(lora, tmp_path / "nameless")
    rewrite(nameless, "adapter_config.json", base_model_name_or_path=None)
    assert "doesn't name its base" in complaint(nameless)


def test_an_adapter_of_an_adapter(lora: Path) -> None:
    assert "is an adapter too" in complaint(lora, base=str(lora))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hidden_size": 64}, "size mismatch"),
        ({"num_hidden_layers": 3}, "4 tensors have a place in the base only"),
        ({"num_hidden_layers": 1}, "4 tensors have a place in the adapter only"),
    ],
)
def test_an_adapter_of_another_base(
    lora: Path, tmp_path: Path, changes: dict[str, int], reason: str
) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    shape: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    other = tmp_path / "other"
    LlamaForCausalLM(LlamaConfig(**{**shape, **changes})).save_pretrained(other)
    make_tokenizer().save_pretrained(other)
    message = complaint(lora, base=str(other))
    assert "doesn't fit the base" in message
    assert reason in message


def test_an_adapter_of_another_architecture(lora: Path, tmp_path: Path) -> None:
    other = make_checkpoint(tmp_path / "gpt2", "gpt2")
    assert "doesn't fit the base" in complaint(lora, base=str(other))


def test_an_adapter_that_is_cut_short(lora: Path, tmp_path: Path) -> None:
    short = shutil.copytree(lora, tmp_path / "short")
    cut(short / "adapter_model.safetensors", 0.7)
    assert "adapter_model.safetensors is cut short" in complaint(short)


def test_an_adapter_that_can_not_be_merged(original: Path, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    config = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peft.get_peft_model(make_model("llama"), config).save_pretrained(str(tmp_path / "soft"))
    message = complaint(tmp_path / "soft", base=str(original))
    assert "PROMPT_TUNING, which can't be merged" in message


def test_an_adapter_without_peft(lora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingPackageError, match=r"robustness-harness\[adapters\]"):
        load_model(ModelSpec(str(lora)))
