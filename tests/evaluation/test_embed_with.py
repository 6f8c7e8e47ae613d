"""How alike free-text answers are: cosines by hand, by a plain forward, and in a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import harness
from harness.core.errors import UsageError
from harness.evaluation.answer_encoder import load_answer_encoder
from harness.metrics.answer_similarity import describe_similarity
from harness.metrics.grid import build_grids
from harness.results.summary_file import parse_summary
from reports.similarity import build_similarity
from tests.support.kinds import answer_task, choice_task
from tests.support.tiny_models import make_checkpoint

PLANE = {"paris": (1.0, 0.0), "in paris": (0.6, 0.8), "rome": (0.0, 1.0)}
SMALL: dict[str, Any] = {
    "levels": "character", "instructions": 1, "limit": 3, "full": True, "cache": False,
    "progress": False, "resamples": 100, "device": "cpu",
}  # fmt: skip


def embed(texts: Sequence[str]) -> Any:
    return np.array([PLANE[text] for text in texts], dtype=np.float32)


def similarity(*answers: Sequence[str | None]) -> Any:
    """Of prompts x examples; None is unparsed."""
    variants = pd.DataFrame(
        {"id": f"v{n}", "task": "t", "level": "word", "perturbation": "p", "index": 0,
         "instruction_id": f"i{n}", "text": f"text {n}"} for n in range(len(answers))
    )  # fmt: skip
    samples = pd.DataFrame(
        {"variant_id": f"v{n}", "example_id": f"e{place}", "scorer": "generate", "score": 0.0,
         "prediction": said, "parsed": said is not None, "gold": "x"}
        for n, row in enumerate(answers) for place, said in enumerate(row)
    )  # fmt: skip
    grid = build_grids(samples, variants, {"t": ()}, scorer="generate")["t"]
    return describe_similarity(grid, embed, 0.95)["word"]


def test_cosines_by_hand() -> None:
    found = similarity(["Paris.", "Rome"], ["in Paris", "rome"], ["paris", "Paris"])
    # one example: .6, 1, .6; the other: 1, 0, 0
    assert found.cosine.value == pytest.approx((2.2 / 3 + 1 / 3) / 2, abs=1e-6)
    assert found.cosine.low < found.cosine.value < found.cosine.high
    # (2.6, .8) times (1, 2), over 9 pairs
    assert found.of_different_examples == pytest.approx(4.2 / 9, abs=1e-6)
    assert found.cells == 6


def test_what_could_not_be_read_is_alike_and_like_nothing_else() -> None:
    found = similarity([None, "Rome"], [None, "Rome"], ["Paris", "Rome"])
    assert found.cosine.value == pytest.approx((1 / 3 + 1) / 2)
    assert found.of_different_examples == 0.0
    assert similarity([None], ["Paris"]).cosine.value == 0.0
    assert similarity(["Paris"]).cosine is None


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


def test_an_encoder_takes_the_mean_of_the_last_states(model: Path) -> None:
    texts = ["paris", "the capital of France is paris"]
    tokenizer = AutoTokenizer.from_pretrained(model)
    plain = AutoModelForCausalLM.from_pretrained(model)
    means = []
    for text in texts:
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.no_grad():
            means.append(plain.model(ids).last_hidden_state[0].mean(0).numpy())
    first, second = means
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    ours = load_answer_encoder(str(model)).embed(texts)
    assert ours[0] @ ours[1] == pytest.approx(cosine, abs=1e-5)
    assert cosine < 0.999


def test_an_encoder_decoder_is_read_by_its_encoder(tmp_path: Path) -> None:
    t5 = make_checkpoint(tmp_path / "t5", "t5", "ended")
    assert load_answer_encoder(str(t5)).embed(["paris", "rome"]).shape[0] == 2


def test_a_run_says_how_alike_its_answers_are(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = [answer_task(rows=3), choice_task(rows=3)]
    with monkeypatch.context() as patched:
        patched.setattr("harness.evaluation.execute.load_answer_encoder", None)
        plain = harness.run(model, tasks=tasks, out=tmp_path / "run", **SMALL)
    assert "answer_encoder" not in plain.summary.to_json()
    again = harness.run(model, tasks=tasks, out=tmp_path / "run", embed_with=str(model), **SMALL)
    summary = again.summary
    assert parse_summary((again.path / "summary.json").read_bytes(), source="x") == summary
    assert summary.answer_encoder == str(model)
    assert set(summary.tasks["free"].similarity) == {"clean", "character"}
    assert not summary.tasks["city"].similarity
    row = build_similarity(summary)[-1]
    assert row.agreement == summary.tasks["free"].levels["character"].consistency
    assert row.stats.cosine is not None
    assert row.agreement is not None
    assert row.agreement.value <= row.stats.cosine.value <= 1
    page = (again.path / "report.md").read_text(encoding="utf-8")
    assert "## How alike answers are" in page
    assert 'id="similarity"' in (again.path / "report.html").read_text(encoding="utf-8")
    kept = {**summary.to_json(), "tasks": {}, "answer_encoder": ""}
    assert kept == {**plain.summary.to_json(), "tasks": {}, "answer_encoder": ""}


@pytest.mark.parametrize(
    ("name", "task", "message"),
    [
        ("{model}", choice_task(rows=3), "compares free-text answers, and no task has them"),
        ("openai:gpt", answer_task(rows=3), "only a model of transformers here shows its hidden"),
        ("llama.cpp:x.gguf", answer_task(rows=3), "only a model of transformers here shows"),
        ("vllm:x", answer_task(rows=3), "only a model of transformers here shows its hidden"),
        ("nowhere", answer_task(rows=3), "nowhere"),
    ],
)
def test_what_cannot_embed_is_refused_before_anything_is_asked(
    model: Path, tmp_path: Path, name: str, task: dict[str, Any], message: str
) -> None:
    given = name.format(model=model)
    with pytest.raises(UsageError, match=message):
        harness.run(model, tasks=task, out=tmp_path / "run", embed_with=given, **SMALL)
    assert not (tmp_path / "run").exists()
