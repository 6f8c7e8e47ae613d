"""Windows in flight: questions, samples and summary are those of one window after the other."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api.tasks import parse_task
from harness.core.cache import ResponseCache
from harness.core.errors import IncompleteRunError
from harness.core.progress import NoProgress
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.flight import WINDOWS_PER_COPY
from harness.evaluation.prepare import prepare
from harness.models import Model, ModelSpec, load_model
from harness.models.questions import Answers, Question
from harness.results.rundir import Run
from harness.tasks import TaskSpec
from tests.support.copies import Copies, Recorded
from tests.support.tiny_models import make_checkpoint

ROWS = [{"text": f"film {n % 5}", "label": "good" if n % 2 else "bad"} for n in range(12)]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = make_checkpoint(tmp_path_factory.mktemp("model"), "llama", "bytes")
    return load_model(ModelSpec(str(folder), device="cpu"))


def labels() -> TaskSpec:
    task = {
        "name": "films",
        "input": "Film: {{ text }}",
        "labels": ["good", "bad"],
        "instructions": ["Is the film good or bad?", "Say whether it is a good one."],
        "source": {"rows": ROWS},
        "label_field": "label",
    }
    return parse_task(task)


def options() -> TaskSpec:
    """A task whose options are scored without their question too, which variants share."""
    rows = [{"q": f"Is it {n}?", "c": ["yes", "no", "maybe"], "a": "AB"[n % 2]} for n in range(8)]
    task = {
        "name": "options",
        "input": "{{ q }}",
        "choices": {"field": "c", "gold": "a", "by": "text", "normalize": "pmi"},
        "instructions": ["Choose one.", "Which one is it?"],
        "source": {"rows": rows},
    }
    return parse_task(task)


class Counted(NoProgress):
    total = done = 0

    def start(self, total: int, finished: int = 0, *, unit: str = "cells") -> None:
        del finished
        self.total = total

    def advance(self, answers: int) -> None:
        self.done += answers

    def reuse(self, answers: int) -> None:
        self.done += answers


def evaluate(model: Model, out: Path, task: TaskSpec | None = None, **more: Any) -> Run:
    task, progress = task or labels(), Counted()
    given: dict[str, Any] = {
        "levels": ("character",), "full": True, "resamples": 100, "window": 8, "cache": False,
        "max_new_tokens": 12, **more,
    }  # fmt: skip
    config = RunConfig(model="tiny", tasks=(task.name,), out=out, **given)
    prepared = prepare(config, load=lambda _: model, specs=(task,))
    run = execute(prepared, command="test", progress=progress)
    if config.precision is None:
        assert progress.done == progress.total
    return run


CASES: dict[str, tuple[Callable[[], TaskSpec], dict[str, Any]]] = {
    "labels": (labels, {"scorers": ("calibrated", "loglik", "generate")}),
    "options": (options, {"scorers": ("loglik",)}),
    "draws": (labels, {"temperature": 0.9, "repeats": 2}),
    "precision": (labels, {"scorers": ("loglik",), "full": False, "precision": 45}),
}


@pytest.mark.parametrize("case", CASES)
def test_nothing_but_the_order_differs(loaded: Model, tmp_path: Path, case: str) -> None:
    make, more = CASES[case]
    alone, many = Recorded(loaded), Copies(loaded)
    first = evaluate(alone, tmp_path / "alone", make(), **more)
    second = evaluate(many, tmp_path / "many", make(), **more)
    assert sorted(map(repr, many.asked)) == sorted(map(repr, alone.asked))
    assert many.most > 1
    assert (second.path / "summary.json").read_bytes() == (first.path / "summary.json").read_bytes()
    assert second.samples.equals(first.samples)


class Stops(Copies):
    """Answers so many questions, and then none."""

    left = 7

    def wait(self) -> list[tuple[int, Answers]]:
        self.left -= 1
        if self.left < 0:
            raise IncompleteRunError("nobody is left.")
        return super().wait()


def test_what_was_answered_is_kept_and_the_rest_is_asked_later(
    loaded: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loglik: dict[str, Any] = {"scorers": ("loglik",), "cache": True}
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "one"))
    whole = evaluate(Recorded(loaded), tmp_path / "whole", **loglik)
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "two"))
    with pytest.raises(IncompleteRunError):
        evaluate(Stops(loaded), tmp_path / "cut", **loglik)
    again = evaluate(Copies(loaded), tmp_path / "cut", **loglik)
    assert (again.path / "summary.json").read_bytes() == (whole.path / "summary.json").read_bytes()
    assert 0 < again.manifest["timing"]["cells"] < whole.manifest["timing"]["cells"]


def test_few_windows_are_in_flight(loaded: Model, tmp_path: Path) -> None:
    many = Copies(loaded, copies=2)
    evaluate(many, tmp_path, scorers=("loglik",), window=2)
    assert many.most <= 2 * WINDOWS_PER_COPY


def test_what_a_cache_has_lost_is_asked_again(
    loaded: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate(Recorded(loaded), tmp_path / "whole", scorers=("loglik",))
    monkeypatch.setattr(ResponseCache, "put", lambda self, found: None)
    again = evaluate(Copies(loaded), tmp_path / "lost", scorers=("loglik",))
    assert again.samples.equals(whole.samples)


def test_a_question_can_be_sent_elsewhere(loaded: Model, tmp_path: Path) -> None:
    class Sent(Copies):
        def submit(self, question: Question) -> int:
            return super().submit(pickle.loads(pickle.dumps(question)))

    few: dict[str, Any] = {"scorers": ("generate",), "levels": ()}
    first = evaluate(Sent(loaded), tmp_path / "sent", **few)
    second = evaluate(Recorded(loaded), tmp_path / "here", **few)
    assert first.samples.equals(second.samples)
