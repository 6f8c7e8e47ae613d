"""Graders within a run: those of a plug-in, those without references, and a judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from harness.api.tasks import parse_task
from harness.core.errors import UsageError
from harness.core.records import Request, Response
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.judging import AskedJudge
from harness.evaluation.prepare import prepare
from harness.grading import Judge
from harness.grading.plugin import FUNCTIONS
from harness.models import Model
from harness.models.token_requests import TokenRequests
from harness.results.rundir import Run
from tests.support.checkpoints import save_tiny_llama
from tests.support.kinds import answer_task
from tests.support.paths import ROOT

PROMPT = "{{ question }}\nAnswer: {{ answer }}\nIs the answer correct or incorrect?"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("model") / "tiny")


def run(model: Path, content: dict[str, Any], out: Path, **options: Any) -> Run:
    config = RunConfig(
        model=str(model), tasks=(content["name"],), out=out, device="cpu", cache=False, full=True,
        perturbations=("keyboard",), limit=3, **options,
    )  # fmt: skip
    return execute(prepare(config, specs=(parse_task(content),)), command="test")


def test_a_plugins_grader_scores_a_run(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FUNCTIONS, "_things", dict(FUNCTIONS._things))
    plugin = str(ROOT / "tests" / "plugin_example" / "grading.py")
    content = answer_task(grader={"name": "length_ratio", "unit": "characters"})
    samples = run(model, content, tmp_path / "run", plugins=(plugin,)).samples
    expected = [
        max(min(len(text), len(one)) / max(len(text), len(one)) for one in references)
        for text, references in zip(
            samples["prediction"], map(_references(content), samples["example_id"]), strict=True
        )
        if isinstance(text, str)
    ]
    assert samples.loc[samples["prediction"].notna(), "score"].tolist() == pytest.approx(expected)


def _references(content: dict[str, Any]) -> Callable[[str], list[str]]:
    rows = content["source"]["rows"]
    return lambda identity: rows[int(identity)]["answer"]


def test_a_schema_needs_no_reference(model: Path, tmp_path: Path) -> None:
    content = answer_task(grader={"name": "json_schema", "schema": {"type": "object"}})
    for row in content["source"]["rows"]:
        del row["answer"]
    samples = run(model, content, tmp_path / "run").samples
    assert set(samples["score"]) == {0.0}


def test_another_grader_does(model: Path, tmp_path: Path) -> None:
    content = answer_task()
    del content["source"]["rows"][1]["answer"]
    with pytest.raises(UsageError, match="has no reference in the field 'answer'"):
        run(model, content, tmp_path / "run")


def test_the_scores_of_a_run_are_its_judges(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def verdicts(_: AskedJudge, prompts: Sequence[str], words: Sequence[str]) -> list[str | None]:
        asked.extend(prompts)
        return [{1: "correct", 2: "incorrect"}.get(len(prompt) % 3) for prompt in prompts]

    monkeypatch.setattr(AskedJudge, "verdicts", verdicts)
    monkeypatch.setattr("harness.evaluation.execute._measure_judges", lambda *_: {})
    content = answer_task(grader={"name": "judge", "prompt": PROMPT})
    samples = run(model, content, tmp_path / "run").samples
    given = samples[samples["prediction"].notna()]
    assert asked
    assert sorted(given["score"]) == sorted(
        {1: 1.0, 2: 0.0}[len(prompt) % 3] for prompt in asked if len(prompt) % 3
    )
    assert all(prompt.startswith("Question: which city is number") for prompt in asked)


def test_a_judge_that_flips_on_rephrasing_is_said_to(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verdicts(_: AskedJudge, prompts: Sequence[str], words: Sequence[str]) -> list[str | None]:
        return [words["Is the answer correct" in prompt] for prompt in prompts]

    monkeypatch.setattr(AskedJudge, "verdicts", verdicts)
    content = answer_task(grader={"name": "judge", "prompt": PROMPT})
    manifest = run(model, content, tmp_path / "run").manifest
    found = manifest["judges"]["free"]
    assert found["prompts"] > 4
    assert found["mean_scores"][0] == 0
    assert found["changed"] == 1
    assert found["between_orders"] is None
    # Of k prompts, those that keep the sentence say one word, the others the other.
    kept = sum(score == 0 for score in found["mean_scores"])
    k = found["prompts"]
    pairs = (kept * (kept - 1) + (k - kept) * (k - kept - 1)) / (k * (k - 1))
    assert found["between_prompts"] == pytest.approx(pairs)
    assert any("scores 100% differently when its own prompt" in note for note in manifest["notes"])


def test_the_evaluated_model_can_be_its_own_judge(model: Path, tmp_path: Path) -> None:
    content = answer_task(grader={"name": "judge", "prompt": PROMPT, "max_new_tokens": 3})
    samples = run(model, content, tmp_path / "run").samples
    assert set(samples["score"]) <= {0.0, 1.0}


def test_a_judge_that_cannot_be_loaded_ends_in_one_line(model: Path, tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    content = answer_task(grader={"name": "judge", "prompt": PROMPT, "model": missing})
    with pytest.raises(UsageError) as caught:
        run(model, content, tmp_path / "run")
    assert caught.value.message == (
        f"task 'free': its judge cannot be loaded: there is no model {missing!r}."
    )
    assert not (tmp_path / "run").exists()  # it shows before anything is asked


class FakeTokenizer(TokenRequests):
    chat_template = None

    def encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        assert special
        return [[ord(sign) for sign in text] for text in texts]


class FakeModel:
    """A model that answers with what stands between angle brackets in its prompt."""

    tokenizer = FakeTokenizer()

    def __init__(self) -> None:
        self.asked: list[str] = []

    def generate(self, requests: Sequence[Request], **_: object) -> Iterator[tuple[int, Response]]:
        for index in reversed(range(len(requests))):
            prompt = "".join(map(chr, requests[index].context))
            self.asked.append(prompt)
            yield index, Response(text=prompt.split("<")[1].split(">")[0])


def test_verdicts_are_read_as_labels_are_and_asked_once() -> None:
    judge = Judge(prompt="{{ answer }} correct or incorrect?")
    fake = FakeModel()
    asked = AskedJudge("free", judge, cast(Model, fake))
    prompts = ["<The answer is incorrect.>", "<Correct>", "<no idea>", "<Correct>"]
    assert asked.verdicts(prompts, ["correct", "incorrect"]) == [
        "incorrect", "correct", None, "correct",
    ]  # fmt: skip
    assert len(fake.asked) == 3
    assert all(prompt.endswith("\nVerdict:") for prompt in fake.asked)
