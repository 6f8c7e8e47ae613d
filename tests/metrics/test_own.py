"""Metrics of the user's own: a file of `--plugin` or an entry point, in the summary and reports."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.cli.app import run as command
from harness.core.errors import ExitCode, UnknownNameError, UsageError
from harness.metrics.own import OWN, MetricFunction, check_metrics, load_metrics, measure_own
from tests.support.paths import ROOT
from tests.support.tiny_models import make_checkpoint

PLUGIN = ROOT / "tests" / "plugin_example"
SAMPLES = pd.DataFrame(
    {
        "task": ["a"] * 6,
        "level": ["word", "word", "clean", "clean", "clean", "clean"],
        "gold": ["x", "y", "x", "y", "x", "y"],
        "prediction": ["x", "x", "x", "x", "x", "y"],
        "score": [1.0, 0.0, 1.0, 0.0, 1.0, 1.0],
    }
)


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry, put back as it was after the test."""
    monkeypatch.setattr(OWN, "_things", {})


def test_a_file_adds_its_metrics_once_and_they_are_measured_by_task_and_level() -> None:
    for _ in range(2):
        assert load_metrics(PLUGIN / "measuring.py") == ("label_imbalance",)
    found = measure_own(["label_imbalance"], SAMPLES)
    assert list(found["a"]) == ["clean", "word"]
    assert found == {"a": {"clean": {"label_imbalance": 0.25}, "word": {"label_imbalance": 0.5}}}


def test_an_entry_point_is_found_and_one_that_fails_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(PLUGIN)
    monkeypatch.delitem(sys.modules, "measuring", raising=False)
    points = {
        "label_imbalance": EntryPoint("label_imbalance", "measuring:label_imbalance", "x"),
        "gone": EntryPoint("gone", "nowhere_at_all:mine", "x"),
    }
    monkeypatch.setattr(OWN, "_plugins", points)
    check_metrics(["label_imbalance"])
    assert measure_own(["label_imbalance"], SAMPLES)["a"]["word"] == {"label_imbalance": 0.5}
    with pytest.raises(UsageError, match=r"metric 'gone' cannot be loaded: .*nowhere_at_all"):
        check_metrics(["gone"])


def test_names_are_checked_before_a_run(tmp_path: Path) -> None:
    load_metrics(PLUGIN / "measuring.py")
    nearest = r"unknown metric 'label_inbalance'. Did you mean 'label_imbalance'\?"
    with pytest.raises(UnknownNameError, match=nearest):
        check_metrics(["label_inbalance"])
    with pytest.raises(UsageError, match="macro_f1 is a metric of labels"):
        check_metrics(["macro_f1"])
    OWN._things.clear()
    with pytest.raises(UnknownNameError) as none:
        check_metrics(["foo"])
    assert "--plugin FILE" in str(none.value.hint)
    for ending in ("raise SystemExit(3)", "METRICS = {'': len}"):
        failing = tmp_path / f"failing{len(ending)}.py"
        failing.write_text(ending)
        with pytest.raises(UsageError, match=r"SystemExit: 3|is no name with a function"):
            load_metrics(failing)
    taken = tmp_path / "taken.py"
    taken.write_text("METRICS = {'accuracy': len}")
    with pytest.raises(UsageError, match="there is a metric 'accuracy' already"):
        load_metrics(taken)


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (len, {"clean": {"own": 4.0}, "word": {"own": 2.0}}),
        (lambda samples: 1e-12 / len(samples), {"clean": {"own": 2.5e-13}, "word": {"own": 5e-13}}),
        (lambda samples: np.float32(0.5), {"clean": {"own": 0.5}, "word": {"own": 0.5}}),
        (lambda samples: samples["score"].mean() if len(samples) > 2 else None,
         {"clean": {"own": 0.75}}),
    ],
)  # fmt: skip
def test_what_a_function_may_return(function: MetricFunction, value: object) -> None:
    OWN.add("own", function)
    assert measure_own(["own", "own"], SAMPLES)["a"] == value


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda samples: float("nan"), "returned nan on the samples of a at level clean"),
        (lambda samples: float("inf"), "returned inf"),
        (lambda samples: True, "returned True"),
        (lambda samples: "0.5", "returned '0.5'"),
        (lambda samples: samples["none"], "failed on the samples of a at level clean: KeyError"),
    ],
)
def test_garbage_is_refused(function: Callable[[pd.DataFrame], float], message: str) -> None:
    OWN.add("own", function)
    with pytest.raises(UsageError, match=f"the metric 'own' {message}"):
        measure_own(["own"], SAMPLES)


def test_a_run_has_them_in_its_summary_and_reports_and_is_not_another_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = make_checkpoint(tmp_path / "tiny", "llama", "bytes")
    plugin = tmp_path / "mine.py"
    plugin.write_text("METRICS = {'cells': len, 'bad': lambda samples: 'x'}")
    line = [
        "run", "--model", str(model), "--task", "sentiment", "--perturbations", "keyboard",
        "--limit", "3", "--instructions", "1", "--no-cache", "--quiet",
        "--out", str(tmp_path / "r"),
    ]  # fmt: skip
    assert command(line) == ExitCode.OK
    line += ["--plugin", str(plugin)]  # of metrics alone, it is no part of what a run is either
    before = json.loads((tmp_path / "r" / "summary.json").read_text("utf-8"))
    assert "metrics" not in before["tasks"]["sentiment"]
    assert command([*line, "--metric", "bad"]) == ExitCode.USAGE
    assert "the metric 'bad' returned 'x'" in capsys.readouterr().err
    assert command([*line, "--metric", "cells"]) == ExitCode.OK
    after = json.loads((tmp_path / "r" / "summary.json").read_text("utf-8"))
    told = after["tasks"]["sentiment"].pop("metrics")
    assert after == before
    assert told == {"clean": {"cells": 3}, "character": {"cells": 3}}
    report = (tmp_path / "r" / "report.md").read_text("utf-8")
    assert "| Task | Level | cells |" in report
    assert "Metrics beside accuracy" in (tmp_path / "r" / "report.html").read_text("utf-8")
