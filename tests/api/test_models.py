"""A loaded model as an argument: asked as its directory would be, and given back as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import harness
from harness.core.errors import UsageError
from harness.evaluation.rendered_prompts import iter_prompts
from harness.models.loading.in_memory import fingerprint_loaded
from tests.support import tiny_models
from tests.support.tiny_models import make_checkpoint, make_model, make_tokenizer

SMALL: dict[str, Any] = {
    "tasks": "sentiment", "limit": 4, "instructions": 2, "levels": "character", "progress": False,
    "scorers": "loglik",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _private_cache(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


def test_a_loaded_model_gives_the_numbers_of_its_directory(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "model")
    stored = harness.run(folder, out=tmp_path / "stored", **SMALL)
    here = {"device": "cpu", "dtype": "float32", **SMALL}  # as it is: says nothing new
    loaded = harness.run((make_model(), make_tokenizer()), out=tmp_path / "loaded", **here)
    ours, theirs = loaded.summary.to_json(), stored.summary.to_json()
    for unlike in ("run_id", "model"):
        assert ours.pop(unlike) != theirs.pop(unlike)
    assert ours == theirs
    assert loaded.manifest["model"]["kind"] == "memory"
    assert loaded.manifest["model"]["offer"]["way"] == "engine"
    assert "model='LlamaForCausalLM'" in loaded.manifest["command"]
    with pytest.raises(UsageError, match="its model was in memory"):
        next(iter_prompts(loaded.path, limit=1))


def test_an_encoder_decoder_is_run_by_every_scorer(tmp_path: Path) -> None:
    model, tokenizer = make_model("t5"), make_tokenizer("ended")
    before = fingerprint_loaded(model, tokenizer)
    options = {**SMALL, "limit": 2, "instructions": 1, "levels": "clean", "scorers": "all"}
    run = harness.run((model, tokenizer), out=tmp_path / "run", few_shot=1, **options)
    assert run.manifest["model"]["architecture"] == "encoder-decoder"
    assert set(run.samples["scorer"]) == {"calibrated", "loglik", "generate"}
    assert len(run.samples) == 6
    assert fingerprint_loaded(model, tokenizer) == before


def test_it_is_given_back_as_it_was(tmp_path: Path) -> None:
    model, tokenizer = make_model().train(), make_tokenizer()
    model.lm_head.weight.requires_grad_(False)
    model.model.norm.eval()
    before = fingerprint_loaded(model, tokenizer)
    attention = model.config._attn_implementation
    harness.run((model, tokenizer), out=tmp_path / "run", **SMALL)
    learning = {name: one.requires_grad for name, one in model.named_parameters()}
    assert [name for name, learns in learning.items() if not learns] == ["lm_head.weight"]
    assert model.training
    assert not model.model.norm.training
    assert model.config._attn_implementation == attention
    assert fingerprint_loaded(model, tokenizer) == before


def test_it_is_known_by_its_content(tmp_path: Path) -> None:
    model, tokenizer = make_model(), make_tokenizer()
    first = harness.run((model, tokenizer), out=tmp_path / "run", **SMALL)
    again = harness.run((make_model(), make_tokenizer()), out=tmp_path / "run", **SMALL)
    assert again.manifest["timing"]["cells"] == 0
    assert again.summary == first.summary
    with torch.no_grad():
        model.lm_head.weight[0, 0] += 1
    with pytest.raises(UsageError, match="another configuration"):
        harness.run((model, tokenizer), out=tmp_path / "run", **SMALL)


def _swap_tokens(model: Any, tokenizer: Any) -> None:
    tokenizer.add_tokens(["entirely"])


def _end_elsewhere(model: Any, tokenizer: Any) -> None:
    model.generation_config.eos_token_id = 5


def _other_theta(model: Any, tokenizer: Any) -> None:
    model.config.rms_norm_eps = 1e-3


def _chat(model: Any, tokenizer: Any) -> None:
    tokenizer.chat_template = tiny_models.CHAT_TEMPLATE


@pytest.mark.parametrize("change", [_swap_tokens, _end_elsewhere, _other_theta, _chat])
def test_whatever_changes_answers_changes_the_fingerprint(
    change: Callable[[Any, Any], None],
) -> None:
    model, tokenizer = make_model(), make_tokenizer()
    before = fingerprint_loaded(model, tokenizer)
    assert fingerprint_loaded(make_model(), make_tokenizer()) == before
    change(model, tokenizer)
    assert fingerprint_loaded(model, tokenizer) != before


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_number_format_is_content(dtype: torch.dtype) -> None:
    tokenizer = make_tokenizer()
    prints = {
        fingerprint_loaded(make_model().to(kind), tokenizer) for kind in (dtype, torch.float32)
    }
    assert len(prints) == 2


def test_padding_that_a_call_has_left_behind_is_none() -> None:
    model, tokenizer = make_model(), make_tokenizer()
    before = fingerprint_loaded(model, tokenizer)
    tokenizer.pad_token = "</s>"
    special = fingerprint_loaded(model, tokenizer)
    tokenizer(["a", "a longer text"], padding=True, truncation=True, max_length=4)
    assert fingerprint_loaded(model, tokenizer) == special != before


def test_names() -> None:
    model, tokenizer = make_model(), make_tokenizer()
    named = harness.Model.from_transformers(model, tokenizer, name="step-100")
    assert repr(named) == "Model('step-100': LlamaForCausalLM on cpu)"
    assert harness.Model.from_transformers(model, tokenizer).name == "LlamaForCausalLM"


WRONG: dict[str, tuple[Callable[[], Any], dict[str, Any], str]] = {
    "device": (lambda: (make_model(), make_tokenizer()), {"device": "cuda"},
               "device 'cuda' says how to load a model"),
    "number": (lambda: 3, {}, "a model is a name, a path or (model, tokenizer), not int"),
    "tokenizer": (lambda: (make_model(), "gpt2"), {}, "PreTrainedTokenizerBase of transf"),
    "swapped": (lambda: (make_tokenizer(), make_model()), {}, "PreTrainedModel of transf"),
    "meta": (lambda: (make_model().to("meta"), make_tokenizer()), {}, "not in memory"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_model_is_told(case: str, tmp_path: Path) -> None:
    make, options, message = WRONG[case]
    with pytest.raises(UsageError) as raised:
        harness.run(make(), out=tmp_path / "run", **{**SMALL, **options})
    assert message in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_an_adapter_is_merged_first(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    adapted = peft.get_peft_model(make_model(), peft.LoraConfig(target_modules=["q_proj"], r=2))
    for model in (adapted, adapted.base_model.model):
        with pytest.raises(UsageError, match=r"merge_and_unload"):
            harness.run((model, make_tokenizer()), out=tmp_path / "run", **SMALL)
    merged = adapted.merge_and_unload()
    assert harness.run((merged, make_tokenizer()), out=tmp_path / "run", **SMALL).summary.levels
