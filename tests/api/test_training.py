"""Pairs, trainings and attacks from Python: the commands' options as keywords, the same results."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import harness
from harness.attacks.config import AttackConfig
from harness.cli.app import run as command
from harness.core.errors import UnknownNameError, UsageError
from tests.support.checkpoints import save_tiny_llama
from trainers.config import TrainConfig
from trainers.pairs.config import PairsConfig

ROWS = [
    {"instruction": f"Decide whether the {thing} is good or bad.", "input": f"It is {word}.",
     "output": answer}
    for thing in ("film", "book", "song")
    for word, answer in (("fine", "good"), ("poor", "bad"), ("great", "good"), ("dull", "bad"))
]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "config"),
    [
        (harness.attack, AttackConfig),
        (harness.make_pairs, PairsConfig),
        (harness.train, TrainConfig),
    ],
)
def test_every_option_is_a_keyword_with_its_default(
    function: Callable[..., Any], config: type[BaseModel]
) -> None:
    parameters = dict(inspect.signature(function).parameters)
    parameters.pop("progress", None)
    empty = inspect.Parameter.empty
    ours = {n: None if p.default is empty else p.default for n, p in parameters.items()}
    fields = {
        name: None if field.get_default() is PydanticUndefined else field.get_default()
        for name, field in config.model_fields.items()
    }
    assert ours == fields


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)), "utf-8")
    return path


def test_make_pairs_is_the_command(rows: Path, tmp_path: Path) -> None:
    made = harness.make_pairs(
        "paraphrases", rows, tmp_path / "ours.jsonl", levels="character", per_row=2, balance=False
    )
    done = command(["pairs", "--source", "paraphrases", "--input", str(rows), "--levels",
                    "character", "--per-row", "2", "--no-balance",
                    "--out", str(tmp_path / "theirs.jsonl")])  # fmt: skip
    assert done == 0
    assert made.path.read_bytes() == (tmp_path / "theirs.jsonl").read_bytes()
    assert made.page.is_file()
    assert len(made.frame) == len(made.pairs) > 0
    assert repr(made) == f"PairsFile({str(made.path)!r}: {len(made.pairs)} pairs)"


def test_wrong_options_of_pairs(rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "pairs.jsonl"
    with pytest.raises(
        UsageError, match=r"^source paraphrases needs bank, levels or perturbations"
    ):
        harness.make_pairs("paraphrases", rows, out)
    with pytest.raises(UnknownNameError, match="Did you mean 'paraphrases'"):
        harness.make_pairs("paraphrase", rows, out)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^max_ratio 0.5: "):
        harness.make_pairs("paraphrases", rows, out, max_ratio=0.5)


def test_wrong_options_of_a_training(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    with pytest.raises(UnknownNameError, match="unknown tuning 'lor'"):
        harness.train("m", pairs, tmp_path / "out", tuning="lor")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^temperature 0.0: input should be greater than 0"):
        harness.train("m", pairs, tmp_path / "out", temperature=0.0)
    with pytest.raises(UsageError, match="coin"):
        harness.train("m", pairs, tmp_path / "out", objective={"coim": 1.0})


@pytest.mark.slow
def test_from_pairs_to_a_trained_model_that_runs(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("peft")
    pytest.importorskip("accelerate")
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    model = save_tiny_llama(tmp_path / "model")
    made = harness.make_pairs("paraphrases", rows, tmp_path / "p.jsonl", levels="character")
    trained = harness.train(
        model, made, tmp_path / "tuned", max_steps=1, batch=4, micro_batch=2, max_length=400,
        device="cpu",
    )  # fmt: skip
    assert trained.metrics["last_loss"] > 0
    run = harness.run(
        trained.out, tasks="sentiment", levels="character", limit=2, instructions=1,
        scorers="loglik", out=tmp_path / "run",
    )  # fmt: skip
    assert run.summary.levels["character"].cells > 0


def test_attack_finds_an_instruction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    model = save_tiny_llama(tmp_path / "model")
    task = harness.make_task(
        [{"text": f"film number {n}", "label": ("good", "bad")[n % 2]} for n in range(12)],
        name="films",
        labels=["good", "bad"],
        instructions="Decide whether the following film review is good or bad.",
    )
    found = harness.attack(
        model, task, tmp_path / "attack", level="character", budget=40, search_examples=4,
        report_examples=4,
    )  # fmt: skip
    assert found.report["status"] == "complete"
    assert found.report["cells"]["search"] <= 40
    assert "harness.attack(" in found.report["command"]
    assert "task='films'" in found.report["command"]


def test_wrong_options_of_an_attack(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'character'"):
        harness.attack("m", "sentiment", tmp_path, level="caracter")  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="Did you mean 'race'"):
        harness.attack("m", "sentiment", tmp_path / "o", recipe="racee")
    with pytest.raises(UsageError, match=r"^budget 0: "):
        harness.attack("m", "sentiment", tmp_path / "o", budget=0)
