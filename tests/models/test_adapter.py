"""An adapter answers as peft's own unmerged model does, whatever it adapts; or it is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from harness.core.errors import UsageError
from harness.core.records import Request
from harness.models import Model, ModelSpec, load_model
from harness.models.inference.hf import HFModel
from harness.models.loading import pretrained_io
from harness.models.loading.kept_base import KeptBase, can_switch
from tests.support.tiny_models import VOCABULARY, make_model, make_tokenizer
from trainers.merge import merge

peft = pytest.importorskip("peft")
pytestmark = pytest.mark.filterwarnings("ignore")

TOKENS = torch.tensor([[5, 300, 17, 88, 420, 9, 33]])
GROWN = VOCABULARY + 8
LORA = "LoraConfig"

Kind = tuple[str, dict[str, Any]]
KINDS: dict[str, Kind] = {
    "lora": (LORA, {"target_modules": ["q_proj", "v_proj"]}),
    "lora on the output": (LORA, {"target_modules": ["q_proj", "lm_head"]}),
    "lora on the input": (LORA, {"target_modules": ["q_proj", "embed_tokens"]}),
    "lora on both": (LORA, {"target_modules": ["embed_tokens", "lm_head"]}),
    "lora on both, tied": (
        LORA,
        {"target_modules": ["embed_tokens", "lm_head"], "ensure_weight_tying": True},
    ),
    "rank-stabilised": (LORA, {"target_modules": ["q_proj", "lm_head"], "use_rslora": True}),
    "dora": (LORA, {"target_modules": ["q_proj", "lm_head"], "use_dora": True}),
    "dora on the input": (LORA, {"target_modules": ["embed_tokens"], "use_dora": True}),
    "all layers": (LORA, {"target_modules": "all-linear"}),
    "output saved whole": (LORA, {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}),
    "input saved whole": (
        LORA,
        {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]},
    ),
    "both saved whole": (
        LORA,
        {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens", "lm_head"]},
    ),
    "some tokens": (LORA, {"target_modules": ["q_proj"], "trainable_token_indices": [5, 17]}),
    "some tokens of the output": (
        LORA,
        {"target_modules": ["q_proj"], "trainable_token_indices": {"lm_head": [5, 17]}},
    ),
    "tokens alone": ("TrainableTokensConfig", {"token_indices": [5, 17, 33]}),
    "ia3": (
        "IA3Config",
        {"target_modules": ["k_proj", "down_proj"], "feedforward_modules": ["down_proj"]},
    ),
    "ia3 on the output": (
        "IA3Config",
        {"target_modules": ["k_proj", "lm_head"], "feedforward_modules": []},
    ),
    "loha on the output": ("LoHaConfig", {"target_modules": ["lm_head"], "r": 4}),
    "lokr on the output": ("LoKrConfig", {"target_modules": ["lm_head"], "r": 4}),
    "vera": ("VeraConfig", {"target_modules": ["q_proj"], "r": 4}),
}


def make_base(directory: Path, *, tied: bool, architecture: str = "llama") -> Path:
    make_tokenizer().save_pretrained(directory)
    model = make_model(architecture)
    model.config.tie_word_embeddings = tied
    if tied:
        model.tie_weights()
    else:
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    model.save_pretrained(directory)
    model = AutoModelForCausalLM.from_pretrained(directory)
    assert (model.get_input_embeddings().weight is model.get_output_embeddings().weight) == tied
    return directory


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("base") / ("tied" if request.param else "untied")
    return make_base(directory, tied=request.param)


def save_adapter(base: Path, kind: Kind, out: Path, *, grow: int = 0, **saving: Any) -> Path:
    """An adapter with random weights on the base; gives its directory."""
    name, options = kind
    model = AutoModelForCausalLM.from_pretrained(base)
    if grow:
        model.resize_token_embeddings(grow, mean_resizing=False)
    adapted = peft.get_peft_model(model, getattr(peft, name)(task_type="CAUSAL_LM", **options))
    torch.manual_seed(5)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data.add_(torch.randn_like(parameter) * 0.1)
    adapted.save_pretrained(str(out), **saving)
    return out


def unmerged_logits(base: Path, adapter: Path, *, grow: int = 0) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(base)
    if grow:
        model.resize_token_embeddings(grow, mean_resizing=False)
    adapted = peft.PeftModel.from_pretrained(model, str(adapter)).eval()
    with torch.inference_mode():
        logits: torch.Tensor = adapted(TOKENS).logits[0]
    return logits


def logits_of(directory: Path) -> torch.Tensor:
    loaded = load_model(ModelSpec(str(directory), device="cpu"))
    assert isinstance(loaded, HFModel)
    with torch.inference_mode():
        logits: torch.Tensor = loaded._model(TOKENS).logits[0]
    return logits


@pytest.mark.parametrize("kind", KINDS)
def test_run_and_merge_give_the_adapters_own_numbers(base: Path, tmp_path: Path, kind: str) -> None:
    adapter = save_adapter(base, KINDS[kind], tmp_path / "adapter")
    expected = unmerged_logits(base, adapter)
    torch.testing.assert_close(logits_of(adapter), expected, atol=1e-4, rtol=1e-4)
    merge(str(adapter), tmp_path / "merged")
    torch.testing.assert_close(logits_of(tmp_path / "merged"), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("whole", [False, True])
def test_an_output_of_gpt2_shape_is_adapted_alone(tmp_path: Path, whole: bool) -> None:
    base = make_base(tmp_path / "base", tied=True, architecture="gpt2")
    saved = {"modules_to_save": ["lm_head"]} if whole else {}
    targets = ["c_attn"] if whole else ["c_attn", "lm_head"]
    kind = (LORA, {"target_modules": targets, "fan_in_fan_out": True, **saved})
    adapter = save_adapter(base, kind, tmp_path / "adapter")
    expected = unmerged_logits(base, adapter)
    torch.testing.assert_close(logits_of(adapter), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("targets", [["q_proj"], ["q_proj", "embed_tokens"]])
@pytest.mark.parametrize("grow", [0, GROWN, VOCABULARY - 2])
def test_saved_embeddings_are_loaded_at_their_size(
    base: Path, tmp_path: Path, targets: list[str], grow: int
) -> None:
    if grow and base.name == "untied" and "embed_tokens" in targets:
        pytest.skip("peft does not save the output of such a model: see below")
    kind = (LORA, {"target_modules": targets})
    adapter = save_adapter(base, kind, tmp_path / "ad", grow=grow, save_embedding_layers=True)
    expected = unmerged_logits(base, adapter, grow=grow)
    torch.testing.assert_close(logits_of(adapter), expected, atol=1e-4, rtol=1e-4)


def test_new_tokens_without_an_output_are_refused(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base", tied=False)
    kind = (LORA, {"target_modules": ["q_proj", "embed_tokens"]})
    adapter = save_adapter(base, kind, tmp_path / "ad", grow=GROWN, save_embedding_layers=True)
    with pytest.raises(UsageError, match="only one of the two embedding layers"):
        load_model(ModelSpec(str(adapter)))


def test_what_is_merged_stays_untied_when_it_is_saved(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base", tied=True)
    adapter = save_adapter(base, KINDS["lora on the output"], tmp_path / "adapter")
    merge(str(adapter), tmp_path / "merged")
    assert json.loads((tmp_path / "merged/config.json").read_text())["tie_word_embeddings"] is False


def test_a_base_that_the_adapter_leaves_tied_stays_so(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base", tied=True)
    adapter = save_adapter(base, KINDS["lora"], tmp_path / "adapter")
    loaded = load_model(ModelSpec(str(adapter), device="cpu"))
    assert loaded.info.parameters == load_model(ModelSpec(str(base), device="cpu")).info.parameters


def test_a_merge_that_changes_the_answers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = make_base(tmp_path / "base", tied=True)
    adapter = save_adapter(base, KINDS["lora on the output"], tmp_path / "adapter")
    monkeypatch.setattr("harness.models.loading.adapter.untie", lambda *_: None)
    with pytest.raises(UsageError, match="can't be merged: the merged model's logits differ"):
        load_model(ModelSpec(str(adapter)))


# What an adapter must not make peft do.


def changed(adapter: Path, **entries: object) -> Path:
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))
    return adapter


@pytest.fixture
def plain_adapter(tmp_path: Path) -> Path:
    base = make_base(tmp_path / "base", tied=False)
    return save_adapter(base, KINDS["lora"], tmp_path / "adapter")


@pytest.mark.parametrize(
    "entries",
    [
        {"megatron_config": {"a": 1}, "megatron_core": "own_module"},
        {"megatron_core": "own_module"},
        {"megatron_core": ["megatron.core"]},
        {"auto_mapping": {"base_model_class": "Own", "parent_library": "own_module"}},
        {"auto_mapping": "own_module"},
        {"corda_config": {"cache_file": "own.pt"}},
        {"loftq_config": {"loftq_bits": 4}},
        {"eva_config": {"rho": 2.0}},
    ],
)
def test_a_configuration_that_imports_or_reads_by_name_is_refused(
    plain_adapter: Path, entries: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    (plain_adapter / "own_module.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(plain_adapter))
    with pytest.raises(UsageError, match="is refused: '"):
        load_model(ModelSpec(str(changed(plain_adapter, **entries))))
    assert "own_module" not in sys.modules


@pytest.mark.parametrize(
    "entries",
    [
        {"peft_type": "NONESUCH"},
        {"peft_type": None},
        {"peft_type": ["LORA"]},
        {"r": -1},
        {"r": "eight"},
        {"target_modules": 3},
        {"target_modules": ["nonesuch"]},
        {"target_modules": "("},
        {"layers_to_transform": "x"},
        {"rank_pattern": [1]},
        {"lora_alpha": None},
        {"lora_dropout": 7},
        {"init_lora_weights": "corda"},
        {"alora_invocation_tokens": [1, 2]},
    ],
)
def test_a_configuration_with_nonsense_is_told_in_one_line(
    plain_adapter: Path, entries: dict[str, object]
) -> None:
    with pytest.raises(UsageError) as caught:
        load_model(ModelSpec(str(changed(plain_adapter, **entries))))
    assert "\n" not in str(caught.value)


def test_numbers_that_are_none_are_told(plain_adapter: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = plain_adapter / "adapter_model.safetensors"
    save_file({name: tensor * torch.nan for name, tensor in load_file(file).items()}, file)
    with pytest.raises(UsageError, match="can't be merged"):
        load_model(ModelSpec(str(plain_adapter)))


def test_an_auto_mapping_of_transformers_is_fine(plain_adapter: Path) -> None:
    mapping = {
        "base_model_class": "LlamaForCausalLM",
        "parent_library": "transformers.models.llama.modeling_llama",
    }
    load_model(ModelSpec(str(changed(plain_adapter, auto_mapping=mapping))))


def test_pickled_adapter_weights_are_never_loaded(
    plain_adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("torch.load was called")

    monkeypatch.setattr(torch, "load", refuse)
    (plain_adapter / "adapter_model.safetensors").rename(
        plain_adapter / "adapter_model-1.safetensors"
    )
    torch.save({}, plain_adapter / "adapter_model.bin")
    with pytest.raises(UsageError, match="pickled weights only"):
        load_model(ModelSpec(str(plain_adapter)))


def scores_of(model: Model) -> list[dict[str, float]]:
    """Label scores of a few requests that share prefixes."""
    requests = [
        Request((5, 300, 17, *more), {"yes": (88, 420), "no": (9,)}) for more in ((33,), (7, 8), ())
    ]
    found = dict(model.loglik(requests))
    return [dict(found[place].scores or {}) for place in range(len(requests))]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The checkpoints whose weights were read, in order."""
    seen: list[Path] = []
    read = pretrained_io.read_weights

    def noting(directory: Path, *args: Any, **kwargs: Any) -> Any:
        seen.append(directory)
        return read(directory, *args, **kwargs)

    monkeypatch.setattr(pretrained_io, "read_weights", noting)
    return seen


SWITCHED = ("lora", "lora on both", "lora on the output", "rank-stabilised", "all layers")
MERGED = ("both saved whole", "lora on both", "dora", "some tokens", "ia3")
"""Peft saves the embeddings beside adapters on them, unless it is told not to."""


def test_adapters_are_switched_on_a_base_that_is_read_once(
    base: Path, tmp_path: Path, reads: list[Path]
) -> None:
    adapters = [
        save_adapter(base, KINDS[kind], tmp_path / kind, save_embedding_layers=False)
        for kind in SWITCHED
    ]
    alone = [load_model(ModelSpec(str(path), device="cpu")) for path in (base, *adapters)]
    expected = [scores_of(model) for model in alone]
    reads.clear()
    kept = KeptBase()
    for place in (0, 1, 2, 0, 3, 4, 5, 0):
        path = (base, *adapters)[place]
        model = load_model(ModelSpec(str(path), device="cpu"), kept=kept)
        assert model.info.fingerprint == alone[place].info.fingerprint
        tolerance = 1e-4 if place else 0
        for found, wanted in zip(scores_of(model), expected[place], strict=True):
            assert found == pytest.approx(wanted, abs=tolerance, rel=0)
    assert reads == [base]


def test_an_adapter_that_cannot_be_switched_is_merged_into_a_base_of_its_own(
    base: Path, tmp_path: Path, reads: list[Path]
) -> None:
    kept = KeptBase()
    for kind in MERGED:
        adapter = save_adapter(base, KINDS[kind], tmp_path / kind)
        assert not can_switch(adapter)
        expected = scores_of(load_model(ModelSpec(str(adapter), device="cpu")))
        reads.clear()
        assert scores_of(load_model(ModelSpec(str(adapter), device="cpu"), kept=kept)) == expected
        assert reads == [base]
    half = ModelSpec(str(save_adapter(base, KINDS["lora"], tmp_path / "half")), dtype="bfloat16")
    assert scores_of(load_model(half, kept=kept)) == scores_of(load_model(half))


def test_an_adapter_that_does_not_fit_is_named_and_leaves_no_trace(
    base: Path, tmp_path: Path
) -> None:
    fitting = save_adapter(base, KINDS["lora"], tmp_path / "fitting")
    foreign = save_adapter(base, KINDS["lora"], tmp_path / "foreign")
    settings = json.loads((foreign / "adapter_config.json").read_text("utf-8"))
    (foreign / "adapter_config.json").write_text(json.dumps({**settings, "r": settings["r"] // 2}))
    kept = KeptBase()
    specs = [ModelSpec(str(path), device="cpu") for path in (base, fitting)]
    expected = [scores_of(load_model(spec, kept=kept)) for spec in specs]
    for spec, scores in zip(specs, expected, strict=True):
        with pytest.raises(UsageError, match=r"foreign doesn't fit the base .*size mismatch"):
            load_model(ModelSpec(str(foreign), device="cpu"), kept=kept)
        assert scores_of(load_model(spec, kept=kept)) == scores
