"""Training as a whole: its files, resuming, stopping, several processes, and bad input."""

from __future__ import annotations

import inspect
import json
import multiprocessing
import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from harness.cli.training import train_command
from harness.core.errors import (
    IncompleteRunError,
    NothingToEvaluateError,
    UnknownNameError,
    UsageError,
)
from harness.core.lock import lock_folder
from harness.core.records import Request
from harness.models import ModelSpec, load_model
from tests.support.callbacks import trainers_with
from tests.support.trainers_tiny import (
    config_for,
    save_tiny,
    tiny_gpt2,
    tiny_llama,
    tiny_pairs,
    write_rows,
    write_tiny_pairs,
)
from trainers.arguments import CHECKPOINTS
from trainers.checkpoint import COMPLETE_FILE, find_checkpoint, join_state, split_state
from trainers.config import TrainConfig, load_train_config
from trainers.merge import merge
from trainers.train import train

Json = dict[str, object]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    torch.set_num_threads(1)  # forked children would wait for threads they do not have


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "base", tiny_llama())


def curve(folder: Path, *names: str) -> list[tuple[float, ...]]:
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    keys = ("step", "loss", *names)
    return [tuple(line[key] for key in keys) for line in lines if "loss" in line]


def in_child(action: Callable[[], None]) -> ForkProcess:
    """The action in a forked process: torch is imported already."""
    process = multiprocessing.get_context("fork").Process(target=action)
    process.start()
    return process


@pytest.mark.parametrize(
    "content", ["{}", '{"base": 1}', "[]", "[" * 100_000, '{"a": 1' + "0" * 5000]
)
def test_a_manifest_of_another_form_is_refused(base: Path, content: str) -> None:
    config = config_for(base)
    config.out.mkdir()
    (config.out / "train.json").write_text(content)
    with pytest.raises(UsageError, match=r"train\.json.*--fresh"):
        train(config)


def test_a_training_writes_what_harness_run_takes(base: Path) -> None:
    trained = train(config_for(base, eval_share=0.2))
    names = {path.name for path in trained.out.iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json"} <= names
    assert {"train.json", "README.md", "log.jsonl", CHECKPOINTS} <= names
    pickles = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
    assert not [path for path in trained.out.rglob("*") if path.suffix in pickles]

    manifest = json.loads((trained.out / "train.json").read_text())
    assert manifest["status"] == "complete"
    assert manifest["base"]["fingerprint"]
    assert manifest["objective"] == {"generation": 1.0, "contrast": 1.0}
    assert manifest["negatives_per_anchor"] == 7
    assert manifest["data"]["pairs"] + manifest["data"]["validation"] == 48
    assert {"eval_agreement", "eval_loss", "last_contrast"} <= set(manifest["metrics"])

    request = Request((5, 6), {"a": (7,), "b": (8, 9)})
    tuned = load_model(ModelSpec(str(trained.out), device="cpu"))
    assert tuned.info.kind == "adapter"
    assert tuned.info.base == str(base)
    plain = load_model(ModelSpec(str(base), device="cpu"))
    before, after = (dict(next(iter(m.loglik([request])))[1].scores or {}) for m in (plain, tuned))
    assert before != after

    # and the merged model answers as the adapter does
    merged = merge(str(trained.out), base.parent / "merged")
    whole = load_model(ModelSpec(str(merged.out), device="cpu"))
    assert whole.info.kind == "directory"
    assert dict(next(iter(whole.loglik([request])))[1].scores or {}) == pytest.approx(after)


def test_an_output_layer_that_is_tied_is_trained_and_run_alone(tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = save_tiny(tmp_path / "tied", tiny_gpt2())
    trained = train(config_for(base, lora_targets=("c_attn", "lm_head"), max_length=128))
    adapted = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(base), str(trained.out)
    )
    logits = adapted(torch.tensor([[5, 6]])).logits[0, -1].log_softmax(-1)
    merged = merge(str(trained.out), tmp_path / "merged")
    for folder in (trained.out, merged.out):
        model = load_model(ModelSpec(str(folder), device="cpu"))
        scores = dict(next(iter(model.loglik([Request((5, 6), {"a": (7,)})])))[1].scores or {})
        assert scores["a"] == pytest.approx(float(logits[7]), abs=1e-4)


def test_a_finished_training_is_not_repeated(base: Path) -> None:
    first = train(config_for(base, max_steps=2))
    stamp = (first.out / "adapter_model.safetensors").stat().st_mtime_ns
    again = train(config_for(base, max_steps=2))
    assert again.manifest == first.manifest
    assert (first.out / "adapter_model.safetensors").stat().st_mtime_ns == stamp
    fresh = train(config_for(base, max_steps=2, fresh=True))
    assert fresh.manifest["metrics"]["train_loss"] == first.manifest["metrics"]["train_loss"]


def test_a_killed_training_resumes_to_the_same_loss_curve(base: Path) -> None:
    # 48 pairs are 6 steps an epoch: the kill falls into the second one, after a checkpoint.
    options = {"lora_dropout": 0.3, "max_steps": 14, "micro_batch": 4}
    straight = train(config_for(base, out=base.parent / "straight", **options))
    config = config_for(base, out=base.parent / "killed", **options)

    class Slow(TrainerCallback):
        def on_step_end(
            self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
        ) -> None:
            if state.global_step == 9:
                time.sleep(60)

    def train_slowly() -> None:
        with trainers_with(Slow()):
            train(config)

    child = in_child(train_slowly)
    deadline = time.time() + 60
    while not (config.out / CHECKPOINTS / "checkpoint-8" / COMPLETE_FILE).exists():
        assert time.time() < deadline
        assert child.is_alive()
        time.sleep(0.05)
    child.kill()
    child.join()
    assert json.loads((config.out / "train.json").read_text())["status"] == "running"
    # The log is there while it runs; what the kill undoes of it is not there twice afterwards.
    assert [step for step, _ in curve(config.out)][:8] == list(range(1, 9))

    resumed = train(config)
    names = ("generation", "contrast", "grad_norm", "learning_rate")
    assert curve(resumed.out, *names) == curve(straight.out, *names)
    left, right = (p / "adapter_model.safetensors" for p in (straight.out, resumed.out))
    assert left.read_bytes() == right.read_bytes()


def test_an_unfinished_checkpoint_is_not_resumed_from(tmp_path: Path) -> None:
    for step, complete in ((2, True), (10, True), (12, False)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if complete:
            (folder / COMPLETE_FILE).write_text("{}")
    found = find_checkpoint(tmp_path)
    assert found is not None
    assert found.name == "checkpoint-10"
    assert find_checkpoint(tmp_path / "none") is None


def test_optimiser_state_survives_without_a_pickle() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    optimiser = torch.optim.AdamW([weight], lr=0.1)
    weight.sum().backward()
    optimiser.step()
    state = optimiser.state_dict()
    tensors, options = split_state(state)
    joined = join_state(tensors, json.loads(json.dumps(options)))
    assert joined["state"].keys() == state["state"].keys()
    for name, value in state["state"][0].items():
        assert torch.equal(torch.as_tensor(joined["state"][0][name]), torch.as_tensor(value))
    optimiser.load_state_dict(joined)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint(base: Path) -> None:
    class Poison(TrainerCallback):
        def on_step_begin(
            self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
        ) -> None:
            if state.global_step == 5:
                with torch.no_grad():
                    next(p for p in more["model"].parameters() if p.requires_grad).fill_(
                        float("nan")
                    )

    stops = pytest.raises(IncompleteRunError, match=r"step 6.*checkpoint-4")
    with stops as caught, trainers_with(Poison()):
        train(config_for(base))
    assert "learning-rate" in str(caught.value)
    assert train(config_for(base)).manifest["steps"] == 8


def test_a_full_disk_keeps_the_last_checkpoint_and_resumes(base: Path) -> None:
    config = config_for(base, tuning="full", objective="sft")
    errors = base.parent / "error.txt"

    class Fill(TrainerCallback):
        def on_step_end(
            self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
        ) -> None:
            if state.global_step == 4:  # from now on no file can grow beyond this
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    def train_on_a_full_disk() -> None:
        try:
            with trainers_with(Fill()):
                train(config)
        except IncompleteRunError as error:
            errors.write_text(str(error))

    child = in_child(train_on_a_full_disk)
    child.join(60)
    message = errors.read_text()
    assert "checkpoint-4 cannot be written" in message
    assert "The last complete one is checkpoint-2" in message
    assert not (config.out / CHECKPOINTS / "checkpoint-4").exists()
    assert train(config).manifest["steps"] == 8


@pytest.mark.parametrize("objective", ["coin", "sft,consistency=0.5"])
def test_two_processes_equal_one_with_twice_the_batch(base: Path, objective: str) -> None:
    options = {"objective": objective, "lora_dropout": 0.0, "max_steps": 4, "micro_batch": 2}
    one = train(config_for(base, out=base.parent / "one", **options))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def as_rank(rank: int) -> Callable[[], None]:
        def run() -> None:
            os.environ |= {
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": "2",
                "LOCAL_WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "ACCELERATE_USE_CPU": "true",
                "GLOO_SOCKET_IFNAME": "lo",
            }
            from accelerate.state import AcceleratorState, GradientState, PartialState

            for state in (AcceleratorState, GradientState, PartialState):
                state._reset_state()  # the parent's, that knew of one process
            train(config_for(base, out=base.parent / "two", **options))
            torch.distributed.destroy_process_group()

        return run

    children = [in_child(as_rank(rank)) for rank in range(2)]
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    two = base.parent / "two"
    assert json.loads((two / "train.json").read_text())["devices"] == 2
    names = ("generation", "grad_norm", *(("contrast",) if objective == "coin" else ()))
    for left, right in zip(curve(one.out, *names), curve(two, *names), strict=True):
        assert left == pytest.approx(right, rel=2e-4)


def test_full_tuning_writes_a_model_and_other_architectures_work(tmp_path: Path) -> None:
    base = save_tiny(tmp_path / "base", tiny_gpt2())
    trained = train(config_for(base, tuning="full", max_steps=2, max_length=100))
    assert load_model(ModelSpec(str(trained.out), device="cpu")).info.kind == "directory"
    assert trained.manifest["kind"] == "model"
    with pytest.raises(UsageError, match="whole model already"):
        merge(str(trained.out), tmp_path / "merged")
    # the reference's modules are not there: all linear ones get an adapter
    adapter = train(config_for(base, out=tmp_path / "lora", max_steps=2, max_length=100))
    assert load_model(ModelSpec(str(adapter.out), device="cpu")).info.kind == "adapter"


def test_base_and_adapter_that_do_not_fit(base: Path, tmp_path: Path) -> None:
    trained = train(config_for(base, max_steps=2))
    other = save_tiny(tmp_path / "other", tiny_llama(seed=9))
    with pytest.raises(UsageError, match="base and adapter do not fit"):
        merge(str(trained.out), tmp_path / "merged", base=str(other))
    with pytest.raises(UsageError, match=r"no module 'qproj'.*q_proj"):
        train(config_for(base, out=tmp_path / "x", lora_targets=("qproj",)))
    with pytest.raises(UsageError, match="harness merge"):
        train(config_for(base, out=tmp_path / "y", model=str(trained.out)))


def test_a_folder_with_another_training_is_not_touched(base: Path, tmp_path: Path) -> None:
    train(config_for(base, max_steps=2))
    with pytest.raises(UsageError, match=r"--learning-rate.*--fresh"):
        train(config_for(base, max_steps=2, learning_rate=1e-5))
    other = write_tiny_pairs(tmp_path / "other.jsonl", 40)
    with pytest.raises(UsageError, match="the pairs"):
        train(config_for(base, max_steps=2, pairs=other))
    with pytest.raises(UsageError, match="no training to resume"):
        train(config_for(base, out=base))


def test_two_trainings_do_not_write_to_one_folder(base: Path) -> None:
    config = config_for(base)
    with lock_folder(config.out), pytest.raises(UsageError, match="another process"):
        train(config)
    assert not list(config.out.iterdir())


def test_bad_pairs_are_told_before_anything_is_computed(base: Path, tmp_path: Path) -> None:
    rows = [pair.row() for pair in tiny_pairs(16)]
    bad: list[tuple[list[Json], type[Exception], str]] = [
        ([{k: v for k, v in r.items() if k != "target"} for r in rows], UsageError, "'target' is"),
        (
            [{**row, "paraphrase": row["original"]} for row in rows],
            NothingToEvaluateError,
            "equals",
        ),
        ([{**rows[0], "target": ""}], UsageError, "row 1: 'target' is empty"),
        ([{**rows[0], "target": 3}], UsageError, "must be a text"),
        (rows[:4], UsageError, "4"),
        (
            [{**row, "instruction_id": str(n)} for n, row in enumerate(rows)],
            NothingToEvaluateError,
            "no pair has a hard negative",
        ),
        ([{**row, "target": "long " * 300} for row in rows], NothingToEvaluateError, "16 of 16"),
    ]
    for number, (content, kind, message) in enumerate(bad):
        path = write_rows(tmp_path / f"bad-{number}.jsonl", content)
        with pytest.raises(kind, match=message):
            train(config_for(base, pairs=path, out=tmp_path / "out"))
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    with pytest.raises(NothingToEvaluateError, match="empty"):
        train(config_for(base, pairs=empty, out=tmp_path / "out"))
    with pytest.raises(UsageError, match="not found"):
        train(config_for(base, pairs=tmp_path / "none.jsonl", out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_bad_options_are_told(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"batch of 7.*even"):
        train(config_for(base, batch=7))
    with pytest.raises(UsageError, match="--max-length 256"):
        train(config_for(base, max_length=300))
    with pytest.raises(UsageError, match="CUDA"):
        train(config_for(base, quantize="4bit"))
    for wide in ("projection", "lora_r"):
        with pytest.raises(UsageError, match=f"--{wide.replace('_', '-')} 1000000000000.*65536"):
            load_train_config(None, {"model": "m", "pairs": "p", "out": "o", wide: 10**12})
    with pytest.raises(UnknownNameError, match="tracker"):
        train(config_for(base, report_to=("tensorbored",)))
    with pytest.raises(UsageError, match="chat"):
        train(config_for(base, prompt_format="chat"))


def test_every_key_is_a_flag() -> None:
    flags = set(inspect.signature(train_command).parameters)
    assert flags - {"config", "as_json", "quiet"} == set(TrainConfig.model_fields)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("model: " + "9" * 5000, "cannot be read"),
        ("model: " + "[" * 5000, "nested too deeply"),
        ("model: a\nmodel: b", "stands twice"),
        ("model: a\0", "not valid YAML"),
        ('model: "\\ud800"', "surrogate"),
    ],
)
def test_a_damaged_config_file_is_one_line(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match=why):
        load_train_config(path, {"pairs": "p", "out": "o"})


def test_on_and_off_are_words_in_a_config_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("model: m\npairs: p\nout: o\nbf16: off\n")
    assert load_train_config(path, {}).bf16 == "off"


def test_config_file_and_flags(tmp_path: Path) -> None:
    path = tmp_path / "coin.yaml"
    path.write_text(
        "model: m\npairs: p.jsonl\nout: o\nobjective: {coin: 1, consistency: 0.5}\n"
        "lora_targets: [q_proj]\nbatch: 16\n"
    )
    config = load_train_config(path, {"batch": 32, "seed": None})
    assert config.batch == 32
    assert config.terms == {"generation": 1.0, "contrast": 1.0, "divergence": 0.5}
    assert config.lora_targets == ("q_proj",)
    cases = [
        ("learning_rat: 1\n", "unknown key 'learning_rat'.*learning_rate"),
        ("batch: none\n", "batch 'none'"),
        ("objective: coim\n", "coin"),
        ("objective: contrast\n", "adaptive weight"),
        ("tuning: full\nquantize: 4bit\n", "lora"),
        ("- a\n", "mapping"),
        ("a: [\n", "YAML"),
    ]
    for text, message in cases:
        path.write_text(text)
        with pytest.raises(UsageError, match=message):
            load_train_config(path, {"model": "m", "pairs": "p", "out": "o"})
    with pytest.raises(UsageError, match="--pairs is needed"):
        load_train_config(None, {"model": "m", "out": "o"})
