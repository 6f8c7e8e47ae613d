"""`vllm:MODEL` without vLLM: what it is asked, what is made of its tokens, and what is refused."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.core.errors import MissingPackageError, UsageError
from harness.core.records import Request
from harness.models import ModelSpec, load_model
from harness.models.contract import Asked, Sampling
from harness.models.engines import vllm
from harness.models.engines.vllm_engine import Prompt, Said
from harness.models.engines.vllm_model import VllmModel
from harness.models.inference.hf import HFModel
from harness.models.loading.outline import outline_model
from harness.models.named import check_named, expand_models
from tests.support.tiny_models import make_checkpoint

ASKED = [
    Asked("Is it good?\nText: a film\n", {"yes": " positive", "no": " negative", "odd": " maybe"}),
    Asked("Is it good?\nText: dull\n", {"long": " You are a reader", "begun": " You are"}),
    Asked("Nothing is wanted"),
]


class PlainEngine:
    """Answers as vLLM does, by plain forwards of a model here: last prompt first, each whole."""

    def __init__(self, model: HFModel) -> None:
        self._network = model.network
        self.prompts: list[Prompt] = []

    def ask(
        self, prompts: Sequence[Prompt], is_over: Callable[[int, Sequence[int]], bool]
    ) -> Iterator[tuple[int, Said]]:
        self.prompts += prompts
        for place, prompt in reversed(list(enumerate(prompts))):
            said: list[int] = []
            first: dict[int, float] = {}
            while len(said) < prompt.limit and not (said and said[-1] in prompt.ends):
                likely = self._next(prompt.tokens, said)
                first = first or {token: float(likely[token]) for token in prompt.following}
                said.append(int(likely.argmax()))
            is_over(place, said)
            yield place, Said(said, first)

    @torch.inference_mode()
    def _next(self, tokens: Sequence[int], said: Sequence[int]) -> torch.Tensor:
        logits = self._network(torch.tensor([[*tokens, *said]])).logits
        found: torch.Tensor = logits[0, -1].float().log_softmax(-1)
        return found


@pytest.fixture(scope="module", params=["bytes", "metaspace"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two kinds of vocabularies: the second hides a space that a text's rest begins with."""
    return make_checkpoint(tmp_path_factory.mktemp("vllm") / "model", "llama", request.param)


@pytest.fixture(scope="module")
def here(checkpoint: Path) -> HFModel:
    model = load_model(ModelSpec(str(checkpoint), device="cpu"))
    assert isinstance(model, HFModel)
    return model


@pytest.fixture
def there(here: HFModel) -> VllmModel:
    engine = PlainEngine(here)
    return VllmModel(engine, here.tokenizer, here.info, frozenset({2}))  # type: ignore[arg-type]


def test_labels_of_any_length_score_as_here(here: HFModel, there: VllmModel) -> None:
    requests = here.tokenizer.requests(ASKED)
    expected = dict(here.loglik(requests))
    for place, response in there.loglik(requests):
        assert response.scores == pytest.approx(expected.pop(place).scores, abs=1e-4)
    assert not expected


def test_no_log_probability_of_a_prompt_is_asked_for(here: HFModel, there: VllmModel) -> None:
    list(there.loglik(here.tokenizer.requests(ASKED)))
    engine = there._engine
    assert isinstance(engine, PlainEngine)
    assert {prompt.limit for prompt in engine.prompts} == {1}
    assert all(prompt.following for prompt in engine.prompts)


@pytest.mark.parametrize("limit", [1, 12])
def test_texts_end_where_they_end_here(here: HFModel, there: VllmModel, limit: int) -> None:
    requests = here.tokenizer.requests(ASKED)
    free = [one.text or "" for _, one in sorted(
        here.generate(requests, max_new_tokens=limit, is_done=lambda _: False))]  # fmt: skip
    middle = free[0][len(free[0]) // 2 :][:1]

    def done(text: str) -> bool:
        return len(text) > 8

    for is_done, stop in ((lambda _: False, ()), (lambda _: False, (middle,)), (done, ())):
        said = [
            dict(model.generate(requests, max_new_tokens=limit, is_done=is_done, stop=stop))
            for model in (here, there)
        ]
        assert said[0] == said[1]


def test_draws_hand_on_their_seeds(here: HFModel, there: VllmModel) -> None:
    requests = here.tokenizer.requests(ASKED[:2])
    there.sample(requests, [7, 2**64 + 5], Sampling(0.5, 0.9, 3))
    engine = there._engine
    assert isinstance(engine, PlainEngine)
    told = [(one.seed, one.temperature, one.top_p, one.limit) for one in engine.prompts]
    assert told == [(7, 0.5, 0.9, 3), (5, 0.5, 0.9, 3)]


def test_what_is_too_long_or_empty_is_refused_before_it_is_asked(there: VllmModel) -> None:
    room = there.info.max_context
    with pytest.raises(UsageError, match="a prompt has no token"):
        list(there.loglik([Request((), {"a": (1,)})]))
    with pytest.raises(UsageError, match=f"needs {room + 1} tokens with its answer"):
        list(there.loglik([Request((3,) * room, {"a": (1,)})]))
    with pytest.raises(UsageError, match="tokens with its answer"):
        list(there.generate([Request((3,) * room, {})], max_new_tokens=1, is_done=lambda _: False))
    there.info = replace(there.info, max_context=room + 1)
    list(there.loglik([Request((3,) * room, {"a": (1,)})]))


def test_what_vllm_cannot_run_is_said_in_a_line(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="there is no model 'nope/'"):
        load_model(ModelSpec("vllm:nope/"))
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    for check in (check_named, lambda name: load_model(ModelSpec(name))):
        with pytest.raises(UsageError, match=r"given checkpoints in safetensors, not \.gguf"):
            check(f"vllm:{tmp_path / 'a.gguf'}")
    monkeypatch.setattr(vllm, "_PACKAGE", "no_such_package")
    with pytest.raises(MissingPackageError, match="needs the package 'no_such_package'") as error:
        load_model(ModelSpec(f"vllm:{checkpoint}"))
    assert error.value.hint == "Type: pip install 'robustness-harness[vllm]'"
    monkeypatch.setattr(vllm, "_PACKAGE", "torch")  # something that is installed
    t5 = make_checkpoint(tmp_path / "t5", "t5", "ended")
    with pytest.raises(UsageError, match="is a t5 model, an encoder-decoder, and vLLM runs"):
        load_model(ModelSpec(f"vllm:{t5}"))
    with pytest.raises(UsageError, match="none of a server's"):
        load_model(ModelSpec(f"vllm:{checkpoint}", server=replace(ModelSpec("").server, timeout=3)))


@pytest.mark.parametrize(
    ("asked", "built_for", "gpus", "said"),
    [
        ("auto", "", 0, "finds no device here that it can run on"),
        ("split", "cpu", 0, "torch sees none here"),
        ("cpu", "cuda", 2, "runs on cuda"),
        ("mps", "cpu", 0, "runs on cpu"),
    ],
)
def test_a_device_that_vllm_was_not_built_for_is_refused(
    asked: str, built_for: str, gpus: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm, "_version", lambda: "0.32.0")
    with pytest.raises(UsageError, match=said):
        vllm._check_device(asked, built_for, gpus)  # type: ignore[arg-type]
    for fine in (("auto", "cpu", 0), ("split", "cuda", 4), ("cuda", "cuda", 1)):
        vllm._check_device(*fine)


def test_an_adapter_that_changes_its_base_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    from safetensors.torch import save_file

    settings = {"peft_type": "LORA", "r": 4, "use_dora": True, "init_lora_weights": True}
    (tmp_path / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
    weights = {"base_model.model.q_proj.lora_A.weight": torch.zeros(4, 4)}
    save_file(weights, tmp_path / "adapter_model.safetensors")
    with pytest.raises(UsageError, match="is no plain LoRA adapter, and vLLM runs no other"):
        vllm._rank(tmp_path)
    settings["use_dora"] = False
    (tmp_path / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
    assert vllm._rank(tmp_path) == 4


def test_it_is_known_by_its_files_and_by_the_release_that_runs_them(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = outline_model(ModelSpec(str(checkpoint), device="cpu"))
    found = []
    for release in ("0.32.0", "0.33.0"):
        monkeypatch.setattr(vllm, "_version", lambda release=release: release)
        outline = outline_model(ModelSpec(f"vllm:{checkpoint}", device="cpu"))
        assert outline.spec.name == f"vllm:{checkpoint}"
        found.append(outline.fingerprint)
    assert len({plain.fingerprint, *found}) == 3


def test_a_pattern_names_several(checkpoint: Path) -> None:
    assert expand_models([f"vllm:{checkpoint.parent}/m*"]) == [f"vllm:{checkpoint}"]


def test_a_machine_without_it_has_a_line_to_type() -> None:
    if importlib.util.find_spec("vllm") is not None:
        pytest.skip("vLLM is installed")
    with pytest.raises(MissingPackageError, match="a model that vLLM runs needs"):
        load_model(ModelSpec("vllm:someone/model"))
