"""`harness compare`, `check`, `init-ci` and the pytest fixture, on runs on disk."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli.app import run as harness
from harness.core.errors import ExitCode
from harness.gate.files import check_runs
from harness.gate.pipelines import Evaluated, write_pipeline
from harness.metrics.measures import MEASURES
from harness.results.manifest import seal
from tests.support.checkpoints import save_tiny_llama
from tests.support.make_run import make_run
from tests.support.saved_runs import save_run

pytest_plugins = ["pytester"]

POLICY = """
rules:
  - {metric: accuracy, max_drop: 0.02, margin: 0.01}
"""

MOOD = """
name: mood
description: Whether a film is good.
source: {file: mood.jsonl}
label_field: label
input: "Film: {{ text }}"
answer_cue: "Mood:"
labels: [{name: bad}, {name: good}]
instructions:
  - {id: task-1, style: task, text: "Say whether the film is 'good' or 'bad'."}
  - {id: role-1, style: role, text: "You are a critic. Call the film 'good' or 'bad'."}
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


def test_two_seeds_of_one_model_show_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    model, task = save_tiny_llama(tmp_path / "tiny"), tmp_path / "mood.yaml"
    rows = [{"text": f"film number {n}", "label": "good" if n % 2 else "bad"} for n in range(12)]
    (tmp_path / "mood.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task.write_text(MOOD)
    wanted = ["--task", str(task), "--perturbations", "keyboard,politeness"]
    for seed in ("0", "1"):
        arguments = ["run", "--model", str(model), *wanted, "--seed", seed, "--device", "cpu"]
        arguments += ["--scorer", "loglik"]
        assert harness([*arguments, "--out", str(tmp_path / seed), "--quiet"]) == ExitCode.OK
    capsys.readouterr()
    assert harness(["compare", str(tmp_path / "0"), str(tmp_path / "1"), "--json"]) == ExitCode.OK
    (pair,) = json.loads(capsys.readouterr().out)["pairs"]
    assert pair["differences"]
    assert {one["better"] for one in pair["differences"]} == {None}


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


def _spoilt(run: Path, to: Path, **changes: object) -> Path:
    """A copy of a run with other values in its manifest."""
    shutil.copytree(run, to)
    manifest = json.loads((to / "run.json").read_text("utf-8"))
    spoilt = seal({**manifest, **changes}, to)
    (to / "run.json").write_text(json.dumps(spoilt), "utf-8")
    return to


@pytest.mark.parametrize("command", ["compare", "check"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 2}, "has the schema version 2; this release reads 1"),
        ({"prompt_format": "chat"}, "did not ask the same question"),
    ],
)
def test_a_run_that_cannot_be_judged_is_refused(
    runs: dict[str, Path],
    policy: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, object],
    message: str,
    command: str,
) -> None:
    spoilt = _spoilt(runs["same"], tmp_path / "spoilt", **changes)
    assert harness(_judging(command, runs["base"], spoilt, policy)) == ExitCode.USAGE
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", ["compare", "check"])
def test_a_run_that_is_not_there_is_refused(
    runs: dict[str, Path], policy: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    near = runs["base"].with_name("harmd")
    assert harness(_judging(command, runs["base"], near, policy)) == ExitCode.USAGE
    assert "Did you mean 'harmed'" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["compare", "check"])
def test_runs_that_share_no_cell_are_nothing_to_judge(
    runs: dict[str, Path],
    policy: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    made = make_run(tmp_path / "other", seed=9)
    renamed = made.samples.assign(example_id="x" + made.samples["example_id"])
    examples = made.examples.assign(id="x" + made.examples["id"])
    other = save_run(replace(made, samples=renamed, examples=examples), tmp_path / "other")
    arguments = _judging(command, runs["base"], other, policy)
    assert harness(arguments) == ExitCode.NOTHING_TO_EVALUATE
    assert "the runs share no cell" in capsys.readouterr().err


def _judging(command: str, base: Path, candidate: Path, policy: Path) -> list[str]:
    if command == "compare":
        return ["compare", str(base), str(candidate)]
    paths = ["--candidate", str(candidate), "--baseline", str(base), "--policy", str(policy)]
    return ["check", *paths]


@pytest.mark.parametrize(("strict", "code"), [("false", 0), ("true", 4)])
def test_too_little_data_is_a_code_of_its_own(
    runs: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    strict: str,
    code: int,
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(
        f"strict: {strict}\nrules:\n  - {{metric: accuracy, level: word, max_drop: 0.001}}\n"
    )
    assert harness(_judging("check", runs["base"], runs["same"], path)) == code
    shown = " ".join(capsys.readouterr().out.split())
    assert "not-enough-data" in shown
    assert ("gate undecided" in shown) == (code == ExitCode.INCOMPLETE)


def test_every_metric_can_be_gated(runs: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    rules = "".join(
        f"  - {{metric: {name}, level: word, min: -9, max: 9, max_drop: 1}}\n" for name in MEASURES
    )
    path.write_text(f"rules:\n{rules}")
    verdict = check_runs(runs["harmed"], path, baseline=runs["base"])
    assert {check.metric for check in verdict.checks} == set(MEASURES)
    assert {check.status for check in verdict.checks} == {"pass"}


def test_the_shipped_policy_can_be_judged(runs: dict[str, Path], tmp_path: Path) -> None:
    *_, policy = write_pipeline(tmp_path, "github", Evaluated("m", "x"))
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


TASK_B = MOOD.replace("mood.jsonl", "other.jsonl")
TASK_WORDS = MOOD.replace("name: bad", "name: bad, word: poor").replace(
    "name: good", "name: good, word: fine"
)


@pytest.fixture(scope="module")
def unlike_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of the same ids: the second has other texts, the third other label words."""
    folder = tmp_path_factory.mktemp("unlike")
    for name, text in (("mood", "film"), ("other", "play")):
        rows = [
            {"text": f"{text if n else 'film'} number {n}", "label": "good" if n % 2 else "bad"}
            for n in range(8)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = save_tiny_llama(folder / "tiny")
    for name, task in (("a", MOOD), ("b", TASK_B), ("words", TASK_WORDS)):
        path = folder / f"{name}.yaml"
        path.write_text(task)
        arguments = ["run", "--model", str(model), "--task", str(path), "--levels", "clean"]
        arguments += [
            "--scorer",
            "loglik",
            "--no-cache",
            "--device",
            "cpu",
            "--quiet",
            "--out",
            str(folder / name),
        ]
        assert harness(arguments) == ExitCode.OK
    return folder


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("b", "7 of 8 shared examples of mood, the first with id '1'"),
        ("words", "label words of mood: a has bad, good; words has poor, fine"),
    ],
)
@pytest.mark.parametrize("command", ["compare", "check"])
def test_runs_that_asked_other_questions_are_refused_by_content(
    unlike_runs: Path, policy: Path, command: str, other: str, words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    arguments = _judging(command, unlike_runs / "a", unlike_runs / other, policy)
    assert harness(arguments) == ExitCode.USAGE
    shown = capsys.readouterr().err
    assert words in shown


def test_the_shared_part_is_compared_where_it_is_asked_for(
    unlike_runs: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("compare", "check"):
        arguments = _judging(command, unlike_runs / "a", unlike_runs / "b", policy)
        code = harness([*arguments, "--shared"])
        assert code in {ExitCode.OK, ExitCode.GATE_FAILED}
        shown = " ".join("".join(capsys.readouterr()).split())
        assert "7 of 8 examples of mood are left out" in shown
    arguments = _judging("compare", unlike_runs / "a", unlike_runs / "words", policy)
    assert harness([*arguments, "--shared"]) == ExitCode.NOTHING_TO_EVALUATE
