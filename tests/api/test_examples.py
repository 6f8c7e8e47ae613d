"""The examples run as they are: the notebook's cells in order, and the tour."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

NOTEBOOK = ROOT / "examples" / "robustness.ipynb"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bundled model is converted to, once for both."""
    return tmp_path_factory.mktemp("cache")


def run_python(folder: Path, cache: Path, *arguments: str) -> str:
    own = {"PYTHONPATH": str(ROOT), "HARNESS_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, env={**os.environ, **own}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.model
@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, cache: Path) -> None:
    lines = run_python(tmp_path, cache, "-m", "tests.support.notebook", str(NOTEBOOK)).splitlines()
    results = [json.loads(line) for line in lines]
    kinds = [kind for kind, _ in results]
    assert kinds.count("Run") == 2
    assert kinds.count("LayerChart") == 3
    assert "Comparison" in kinds
    assert kinds.count("DataFrame") == 5
    (verdict,) = (text for kind, text in results if kind == "Verdict")
    assert "Gate failed: harmed" in verdict


@pytest.mark.model
@pytest.mark.slow
def test_the_tour_runs(tmp_path: Path, cache: Path) -> None:
    said = run_python(tmp_path, cache, str(ROOT / "examples" / "quickstart.py"))
    assert "accuracy_low" in said
    assert "Gate " in said
    assert (tmp_path / "runs" / "quickstart" / "perturbations.svg").is_file()


def test_the_notebook_is_stored_without_results() -> None:
    stored = json.loads(NOTEBOOK.read_text("utf-8"))
    assert stored["nbformat"] == 4
    assert len({cell["id"] for cell in stored["cells"]}) == len(stored["cells"])
    for cell in stored["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
