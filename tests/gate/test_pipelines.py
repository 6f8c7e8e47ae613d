"""What `harness init-ci` writes passes as it is, fails for a harmed model, and no name is code."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from harness import load_run
from harness.cli.app import run as harness
from harness.core.errors import ExitCode, UsageError
from harness.gate.pipelines import SERVERS, Evaluated, Server, write_pipeline
from harness.gate.policy import read_policy
from reports.github import MARKER
from tests.support.checkpoints import save_tiny_llama
from tests.support.paths import ROOT
from tests.support.pipelines import Runner, serve_artifact

NAMES = [
    "org/model", "my model", "a'b\"c", "$(touch owned)", "x; touch owned", "x\" && touch owned\"",
    "- a: b", "#comment", "*alias", "no", "${model}", "-x", "a\\nb",
    "$HOME", "a\\'b", "`touch owned`",
]  # fmt: skip
RECORDER = '#!/bin/sh\nfor one in "$@"; do printf "%s\\n" "$one"; done > "{calls}"\nexit 9\n'

MOOD = """
name: mood
source: {file: mood.jsonl}
input: "Film: {{ text }}"
answer_cue: "Mood:"
labels: [bad, fun]
scorer: loglik
instructions:
  - "Say whether the film is 'fun' or 'bad'."
  - "Is this film 'fun' or 'bad'? Answer in one word."
  - "You are a critic. Call the film 'fun' or 'bad'."
  - "Read about the film, then answer 'fun' or 'bad'."
"""


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", NAMES)
def test_a_models_name_is_never_code(tmp_path: Path, server: Server, name: str) -> None:
    repository = tmp_path / "repo"
    write_pipeline(repository, server, Evaluated(name, "nothing", ("a b", "c/d.yaml"), limit=5))
    runner = Runner.make(repository, tmp_path / "tools")
    calls = tmp_path / "calls"
    (tmp_path / "tools" / "harness").write_text(RECORDER.format(calls=calls))
    assert _run_baseline(runner, server) != 0
    options = ["--levels", "all", "--quiet", "--task", "a b,c/d.yaml", "--limit", "5"]
    out = "runs/candidate" if server == "jenkins" else "runs/main"
    assert calls.read_text().splitlines() == ["run", f"--model={name}", "--out", out, *options]
    assert not (repository / "owned").exists()


def _run_baseline(runner: Runner, server: Server) -> int:
    if server == "github":
        return runner.github("baseline", "push")
    if server == "gitlab":
        return runner.gitlab("robustness-baseline")
    return runner.jenkins("install", "run", "baseline")


@pytest.mark.parametrize(
    ("server", "name"),
    [
        ("github", "${{ secrets.TOKEN }}"),
        *((server, name) for server in SERVERS for name in ("a\nb", "a\x00", "\x1b[0m")),
    ],
)
def test_a_name_that_cannot_stand_in_a_pipeline_is_refused(
    tmp_path: Path, server: Server, name: str
) -> None:
    for evaluated in (Evaluated(name, "x"), Evaluated("m", name), Evaluated("m", "x", (name,))):
        with pytest.raises(UsageError, match=r"--(model|install|task)"):
            write_pipeline(tmp_path / "repo", server, evaluated)
    assert not (tmp_path / "repo").exists()


@pytest.mark.parametrize("server", SERVERS)
def test_nothing_is_overwritten_and_no_link_is_followed(tmp_path: Path, server: Server) -> None:
    (tmp_path / "robustness-policy.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is there already"):
        write_pipeline(tmp_path, server, Evaluated("m", "x"))
    assert {path.name for path in tmp_path.iterdir()} == {"robustness-policy.yaml"}


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    written = write_pipeline(tmp_path / "deep" / "repo", "github", Evaluated("m", "x"))
    assert all(path.is_file() for path in written)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_pipeline(tmp_path / "file", "github", Evaluated("m", "x"))


def test_the_workflow_has_the_shape_that_actions_expect(tmp_path: Path) -> None:
    workflow, _, policy = write_pipeline(tmp_path, "github", Evaluated("m", "x"))
    content = yaml.safe_load(workflow.read_text("utf-8"))
    assert set(content) == {"name", True, "permissions", "env", "jobs"}  # YAML 1.1: `on` is true
    for job in content["jobs"].values():
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step)
            assert set(step) <= {"run", "uses", "with", "if", "env"}
    assert "$${{" not in workflow.read_text("utf-8")
    assert read_policy(policy).rules


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny models, and a task whose gold answers are what the first of them says."""
    folder = tmp_path_factory.mktemp("checkpoints")
    save_tiny_llama(folder / "good", seed=0)
    _save_harmed(folder / "good", folder / "harmed")
    rows = [{"text": f"a film about {n} {'cats' * (n % 3)}", "label": "bad"} for n in range(60)]
    (folder / "mood.yaml").write_text(MOOD)
    _write_rows(folder, rows)
    arguments = ["run", "--model", str(folder / "good"), "--task", str(folder / "mood.yaml")]
    arguments += ["--levels", "clean", "--out", str(folder / "first"), "--quiet", "--no-cache"]
    assert harness(arguments) == ExitCode.OK
    samples = load_run(folder / "first").samples
    by_example = samples.groupby("example_id")["prediction"].agg(lambda said: said.mode()[0])
    order = sorted(by_example.index, key=int)
    for row, example in zip(rows, order, strict=True):
        row["label"] = str(by_example[example])
    _write_rows(folder, rows)
    return folder


def _save_harmed(good: Path, harmed: Path) -> None:
    """The same model with its preferences turned round."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(good, harmed)
    weights = load_file(harmed / "model.safetensors")
    weights["lm_head.weight"] *= -1
    save_file(weights, harmed / "model.safetensors", metadata={"format": "pt"})


def _write_rows(folder: Path, rows: list[dict[str, str]]) -> None:
    (folder / "mood.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def runner(tmp_path: Path, checkpoints: Path) -> Runner:
    """A clone of a team's repository, with the checkpoint and the task in it."""
    origin, clone = tmp_path / "origin.git", tmp_path / "clone"
    subprocess.run(["git", "init", "-q", "--bare", str(origin)], check=True)
    subprocess.run(["git", "clone", "-q", str(origin), str(clone)], check=True)
    for name in ("mood.yaml", "mood.jsonl"):
        shutil.copy(checkpoints / name, clone)
    shutil.copytree(checkpoints / "good", clone / "checkpoints" / "candidate")
    return Runner.make(
        clone,
        tmp_path / "tools",
        PYTHONPATH=str(ROOT),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        GITHUB_REPOSITORY="team/models",
        CI_API_V4_URL="http://127.0.0.1:9",
    )


WRITE = ["--task", "mood.yaml", "--limit", "60", "--cells", "1200"]


def _init(runner: Runner, *more: str) -> None:
    assert harness(["init-ci", str(runner.repository), *WRITE, *more]) == ExitCode.OK


def _harm(runner: Runner, checkpoints: Path) -> None:
    shutil.rmtree(runner.repository / "runs")
    shutil.copytree(
        checkpoints / "harmed", runner.repository / "checkpoints" / "candidate", dirs_exist_ok=True
    )


@pytest.mark.slow
def test_github_from_the_first_pull_request_on(runner: Runner, checkpoints: Path) -> None:
    _init(runner)
    comment = runner.repository / "runs" / "comment.md"
    assert runner.github("gate", "pull_request") == 0, "before there is a baseline"
    assert "There is no baseline yet" in comment.read_text("utf-8")
    shutil.rmtree(runner.repository / "runs")
    assert runner.github("baseline", "push") == 0
    shutil.rmtree(runner.repository / "runs")
    assert runner.github("gate", "pull_request") == 0, "the same model again"
    assert json.loads((runner.repository / "runs" / "badge.json").read_text())["color"] != "red"
    _harm(runner, checkpoints)
    assert runner.github("gate", "pull_request") == ExitCode.GATE_FAILED
    text = comment.read_text("utf-8")
    assert text.startswith(MARKER)
    assert "❌ fail" in text
    assert "| clean |" in text
    assert text.count("| mood / ") == 5
    said = (runner.tools / "gh.log").read_text().splitlines()
    assert [line.split()[3] for line in said if "--method" in line] == ["POST", "PATCH", "PATCH"]


@pytest.mark.slow
def test_gitlab_with_a_store_that_its_jobs_share(
    runner: Runner, checkpoints: Path, tmp_path: Path
) -> None:
    _init(runner, "--ci", "gitlab", "--store", str(tmp_path / "store"))
    assert runner.gitlab("robustness-gate") == 0, "before there is a baseline"
    shutil.rmtree(runner.repository / "runs")
    assert runner.gitlab("robustness-baseline") == 0
    _harm(runner, checkpoints)
    assert runner.gitlab("robustness-gate") == ExitCode.GATE_FAILED


@pytest.mark.slow
def test_gitlab_fetches_the_artifact_of_the_main_branch(
    runner: Runner, checkpoints: Path, tmp_path: Path
) -> None:
    _init(runner, "--ci", "gitlab")
    assert runner.gitlab("robustness-baseline") == 0
    artifact = shutil.make_archive(
        str(tmp_path / "artifact"), "zip", runner.repository, "baselines"
    )
    shutil.rmtree(runner.repository / "baselines")
    _harm(runner, checkpoints)
    with serve_artifact(Path(artifact), token="secret") as address:
        served = runner.with_environment(
            CI_API_V4_URL=address, CI_PROJECT_ID="7", CI_JOB_TOKEN="secret",
            CI_DEFAULT_BRANCH="main",
        )  # fmt: skip
        assert served.gitlab("robustness-gate") == ExitCode.GATE_FAILED
    assert "❌ fail" in (runner.repository / "runs" / "comment.md").read_text("utf-8")


def test_gitlab_without_a_store_says_that_there_is_none_yet(runner: Runner) -> None:
    _init(runner, "--ci", "gitlab")
    assert runner.gitlab("robustness-gate") == 0


@pytest.mark.slow
def test_jenkins(runner: Runner, checkpoints: Path, tmp_path: Path) -> None:
    _init(runner, "--ci", "jenkins", "--store", str(tmp_path / "store"))
    assert runner.jenkins("install", "run", "gate") == 0
    assert runner.jenkins("install", "run", "baseline") == 0
    _harm(runner, checkpoints)
    assert runner.jenkins("install", "run", "gate") == ExitCode.GATE_FAILED
