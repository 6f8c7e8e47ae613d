"""The files that `harness init-ci` writes: valid, able to pass, and no model's name is code."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from harness.core.errors import UsageError
from harness.gate.files import write_ci_files
from harness.gate.policy import read_policy

HARNESS = """#!/usr/bin/env python3
import sys
from pathlib import Path
with open("calls", "a", encoding="utf-8") as stream:
    stream.write(repr(sys.argv[1:]) + "\\n")
if sys.argv[1] == "run":
    Path("runs/candidate").mkdir(parents=True)
elif not (Path("runs/candidate").is_dir() and Path("runs/baseline").is_dir()):
    sys.exit("a run is missing")
"""

NAMES = [
    "org/model", "my model", "a'b\"c", "$(touch owned)", "x; touch owned", "x\" && touch owned\"",
    "- a: b", "#comment", "*alias", "no", "${model}", "-x", "a\\nb",
]  # fmt: skip


def _run_steps(workflow: Path, folder: Path, event: str) -> list[str]:
    """Run the workflow's own commands as a runner would, with stand-ins for pip and harness."""
    content = yaml.safe_load(workflow.read_text("utf-8"))
    (folder / "bin").mkdir(exist_ok=True)
    for name, text in (("pip", "#!/bin/sh\n"), ("harness", HARNESS)):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    job = content["jobs"]["gate"]
    place = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", **job["env"]}
    for step in job["steps"]:
        wanted = step.get("if") in {None, "always()"} or event == "push"
        if "run" in step and wanted:
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            subprocess.run(command, cwd=folder, env=place, check=True, capture_output=True)
    return (folder / "calls").read_text("utf-8").splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_a_models_name_is_never_code(tmp_path: Path, name: str) -> None:
    workflow, _ = write_ci_files(tmp_path / "repo", model=name)
    calls = _run_steps(workflow, tmp_path / "repo", "pull_request")
    expected = ["run", f"--model={name}", "--levels", "all", "--out", "runs/candidate"]
    assert calls[0] == repr(expected)
    assert not (tmp_path / "repo" / "owned").exists()


@pytest.mark.parametrize("event", ["push", "pull_request"])
def test_the_first_workflow_can_pass_and_later_ones_have_a_baseline(
    tmp_path: Path, event: str
) -> None:
    workflow, _ = write_ci_files(tmp_path, model="m")
    calls = _run_steps(workflow, tmp_path, event)
    assert [call.split("'")[1] for call in calls] == ["run", "check"]
    assert (tmp_path / "runs" / "baseline").is_dir()


def test_the_workflow_has_the_shape_that_actions_expect(tmp_path: Path) -> None:
    workflow, policy = write_ci_files(tmp_path, model="m")
    content = yaml.safe_load(workflow.read_text("utf-8"))
    assert set(content) == {"name", True, "permissions", "jobs"}  # YAML 1.1 reads `on` as true
    for step in content["jobs"]["gate"]["steps"]:
        assert ("run" in step) != ("uses" in step)
        assert set(step) <= {"run", "uses", "with", "if"}
    assert "$${{" not in workflow.read_text("utf-8")
    assert read_policy(policy).rules


@pytest.mark.parametrize("name", ["${{ secrets.TOKEN }}", "a\nb", "a\x00", "\x1b[0m"])
def test_a_name_that_cannot_stand_in_a_workflow_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="--model"):
        write_ci_files(tmp_path / "repo", model=name)
    assert not (tmp_path / "repo").exists()


def test_nothing_is_overwritten_and_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "robustness-policy.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is there already"):
        write_ci_files(tmp_path, model="m")
    assert not (tmp_path / "elsewhere").exists()
    assert not (tmp_path / ".github").exists()


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    written = write_ci_files(tmp_path / "deep" / "repo", model="m")
    assert all(path.is_file() for path in written)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_ci_files(tmp_path / "file", model="m")
