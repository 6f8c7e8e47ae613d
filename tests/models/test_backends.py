"""A model that a package brings: found by its entry point, and run like any other."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.core.errors import UnknownNameError
from harness.models import ModelSpec, load_model
from harness.models.backends import BACKENDS
from tests.support.paths import ROOT

TASK = {
    "name": "colours",
    "input": "Thing: {{ thing }}",
    "labels": ["red", "green", "blue", "none"],
    "label_field": "colour",
    "instructions": ["Say which colour the thing has.", "Which colour has the thing below?"],
    "source": {"rows": [{"thing": f"thing {n}", "colour": "red"} for n in range(100)]},
}


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tests" / "plugin_example")
    monkeypatch.setattr(BACKENDS, "_things", dict(BACKENDS._things))
    point = EntryPoint("chance", "guessing:load_chance", "harness.models")
    monkeypatch.setattr(BACKENDS, "_plugins", {"chance": point})


def test_a_model_of_a_package_is_run_as_any_other(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "tasks": TASK,
        "levels": "character",
        "scorers": "loglik",
        "full": True,
    }
    run = harness.run("chance:7", out=tmp_path / "run", **options)
    assert run.manifest["model"]["name"] == "chance:7"
    task = run.summary.tasks["colours"]
    assert task.above_chance is False
    level = task.levels["character"].accuracy
    # A quarter of 100 examples and more variants than ten: three standard errors are .13 at most.
    assert level is not None
    assert level.value == pytest.approx(0.25, abs=0.13)
    again = harness.run("chance:7", out=tmp_path / "again", cache=False, **options)
    assert again.samples["prediction"].tolist() == run.samples["prediction"].tolist()


def test_what_stands_after_the_colon_is_the_models_own_business() -> None:
    first, second = (load_model(ModelSpec(f"chance:{seed}")).info for seed in (0, 1))
    assert first.fingerprint != second.fingerprint


def test_a_name_of_no_backend_is_no_model() -> None:
    with pytest.raises(Exception, match="chanse") as caught:
        load_model(ModelSpec("chanse:0"))
    assert not isinstance(caught.value, UnknownNameError | TypeError)
