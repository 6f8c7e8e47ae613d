"""`harness compare`, `check`, `init-ci` and the pytest fixture, on runs on disk."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from make_run import make_run
from saved_runs import save_run

from harness.cli.app import run as harness
from harness.errors import ExitCode
from harness.gating import check_runs, write_ci_files
from harness.policy import read_policy

pytest_plugins = ["pytester"]

POLICY = """
rules:
  - {metric: accuracy, max_drop: 0.02, margin: 0.01}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    strengths = {"base": 1.0, "same": 1.0, "harmed": 6.0}
    return {
        name: save_run(make_run(folder / name, strength=strength), folder / name)
        for name, strength in strengths.items()
    }


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def test_compare_says_who_is_worse(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "deep" / "comparison.html"
    arguments = ["compare", str(runs["base"]), str(runs["harmed"]), "--html", str(page)]
    assert harness(arguments) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "worse" in shown
    assert "harmed" in shown
    assert page.read_text("utf-8").startswith("<!doctype html>") or "<html" in page.read_text()


def test_compare_as_json(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(path) for path in runs.values()]
    assert harness(["compare", *paths, "--json"]) == ExitCode.OK
    found = json.loads(capsys.readouterr().out)
    assert found["runs"] == ["base", "same", "harmed"]
    assert len(found["pairs"]) == 2


def test_compare_refuses_what_is_no_comparison(
    runs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness(["compare", str(runs["base"])]) == ExitCode.USAGE
    assert harness(["compare", str(runs["base"]), "nowhere"]) == ExitCode.USAGE
    arguments = ["compare", str(runs["base"]), str(runs["same"]), "--metric", "acuracy"]
    assert harness(arguments) == ExitCode.USAGE
    assert "Did you mean 'accuracy'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("candidate", "code"), [("same", ExitCode.OK), ("harmed", ExitCode.GATE_FAILED)]
)
def test_the_gate_fails_for_a_harmed_model_alone(
    runs: dict[str, Path],
    policy: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    candidate: str,
    code: ExitCode,
) -> None:
    summary, junit = tmp_path / "summary.md", tmp_path / "gate.xml"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    arguments = ["check", "--candidate", str(runs[candidate]), "--baseline", str(runs["base"])]
    arguments += ["--policy", str(policy), "--junit", str(junit), "--json"]
    assert harness(arguments) == code
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["passed"] == (code == ExitCode.OK)
    failures = [
        case for case in ET.parse(junit).iter("testcase") if case.find("failure") is not None
    ]
    assert bool(failures) == (code == ExitCode.GATE_FAILED)
    assert "accuracy" in summary.read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules:\n  - {metric: acuracy, min: 0.5}\n", "Did you mean 'accuracy'"),
        ("rules:\n  - {metric: accuracy, mim: 0.5}\n", "line 2: unknown key"),
        ("rules:\n  - {metric: accuracy}\n", "needs one of min, max, max_drop"),
        ("rules: []\n", "at least"),
        ("rules:\n  - {metric: accuracy, level: wrod, min: 0.5}\n", "level"),
    ],
)
def test_a_bad_policy_is_one_line(
    runs: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    message: str,
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    arguments = ["check", "--candidate", str(runs["base"]), "--policy", str(path)]
    assert harness(arguments) == ExitCode.USAGE
    shown = capsys.readouterr().err.strip()
    assert message in shown
    assert "\n" not in shown


def test_init_ci_writes_files_that_are_valid(tmp_path: Path) -> None:
    workflow, policy = write_ci_files(tmp_path, model="org/model")
    assert "org/model" in workflow.read_text()
    steps = yaml.safe_load(workflow.read_text())["jobs"]["gate"]["steps"]
    assert any("harness check" in step.get("run", "") for step in steps)
    assert read_policy(policy).rules
    assert harness(["init-ci", str(tmp_path)]) == ExitCode.USAGE


def test_the_shipped_policy_can_be_judged(runs: dict[str, Path], tmp_path: Path) -> None:
    _, policy = write_ci_files(tmp_path, model="m")
    assert check_runs(runs["same"], policy, baseline=runs["base"]).passed
    assert not check_runs(runs["harmed"], policy, baseline=runs["base"]).passed


def test_the_pytest_fixture(runs: dict[str, Path], policy: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        def test_same(harness_check):
            harness_check({str(runs["same"])!r}, policy={str(policy)!r},
                          baseline={str(runs["base"])!r})

        def test_harmed(harness_check):
            harness_check({str(runs["harmed"])!r}, policy={str(policy)!r},
                          baseline={str(runs["base"])!r})
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1, failed=1)
