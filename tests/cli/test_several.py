"""`harness run` with several models: a run each, one page, what is reused and what fails."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.api import many
from harness.cli.app import run as harness
from harness.core.errors import ExitCode, UsageError
from harness.evaluation.config import RunConfig
from harness.evaluation.many import plan_many
from harness.evaluation.prepare import prepare
from harness.models.named import expand_models
from tests.support.checkpoints import save_tiny_llama

SMALL = [
    "--task", "sentiment", "--limit", "4", "--instructions", "1", "--device", "cpu",
    "--scorer", "loglik", "--resamples", "100", "--levels", "character",
]  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with base, ckpt-9 and ckpt-10, and a file and a folder that are no models."""
    folder = tmp_path_factory.mktemp("models")
    for seed, name in enumerate(("base", "ckpt-9", "ckpt-10")):
        save_tiny_llama(folder / name, seed=seed)
    (folder / "ckpt-notes").mkdir()
    (folder / "ckpt.txt").write_text("notes", encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def _apart(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.chdir(tmp_path)


def manifest(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "run.json").read_text("utf-8"))
    return content


def error_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert harness(["run", *arguments, *SMALL]) == ExitCode.USAGE
    return capsys.readouterr().err


def test_each_model_has_its_run_and_all_have_one_page(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "all"
    arguments = ["run", "-m", str(models / "base"), "-m", str(models / "ckpt-*"), *SMALL]
    assert harness([*arguments, "--out", str(out), "--json", "--quiet"]) == ExitCode.OK
    found = json.loads(capsys.readouterr().out)
    assert found["comparison"]["runs"] == ["base", "ckpt-9", "ckpt-10"]
    assert [Path(run["out"]).name for run in found["runs"]] == ["base", "ckpt-9", "ckpt-10"]
    assert found["failed"] == []
    texts = {(out / name / "variants.jsonl").read_bytes() for name in ("base", "ckpt-9", "ckpt-10")}
    assert len(texts) == 1
    assert "ckpt-10 against base" in (out / "report.md").read_text("utf-8").replace("\\", "")
    assert (out / "report.html").is_file()
    assert (out / "ckpt-9" / "report.html").is_file()


def test_what_is_finished_is_taken_as_it_is_after_an_interruption(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, names = tmp_path / "all", ("base", "ckpt-9")
    named = [word for name in names for word in ("--model", str(models / name))]
    arguments = ["run", *named, *SMALL, "--out", str(out), "--quiet", "--no-cache"]
    asked: list[object] = []

    def stopping(*args: Any, **kwargs: Any) -> Any:
        asked.append(args)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return prepare(*args, **kwargs)

    monkeypatch.setattr(many, "prepare", stopping)
    assert harness(arguments) == ExitCode.INTERRUPTED
    first = manifest(out / "base")
    assert first["status"] == "complete"
    assert first["timing"]["cells"] > 0
    assert not (out / "ckpt-9").exists()
    assert harness(arguments) == ExitCode.OK
    assert manifest(out / "base")["timing"]["cells"] == 0
    assert manifest(out / "ckpt-9")["timing"]["cells"] == first["timing"]["cells"]


def test_a_model_that_fails_leaves_the_others(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = shutil.copytree(models / "ckpt-9", tmp_path / "broken")
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    named = [word for path in (models / "base", broken, models / "ckpt-10")
             for word in ("-m", str(path))]  # fmt: skip
    command = ["run", *named, *SMALL, "--out", "all", "--quiet"]
    assert harness([*command, "--dry-run"]) == ExitCode.INCOMPLETE
    assert "finished" not in capsys.readouterr().err
    assert harness(command) == ExitCode.INCOMPLETE
    said = capsys.readouterr().err
    assert "1 of 3 models could not be evaluated: broken: " in said
    assert {path.name for path in Path("all").iterdir() if path.is_dir()} == {"base", "ckpt-10"}
    assert "ckpt-10 against base" in Path("all/report.md").read_text("utf-8").replace("\\", "")


def test_a_dry_run_plans_all_and_writes_nothing(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ["-m", str(models / "base"), "-m", str(models / "ckpt-9")]
    assert harness(["run", *named, *SMALL, "--dry-run", "--json"]) == ExitCode.OK
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found["models"]] == ["base", "ckpt-9"]
    assert found["cells"] == sum(one["cells"] for one in found["models"]) > 0
    assert harness(["run", *named, *SMALL, "--dry-run"]) == ExitCode.OK
    assert f"{found['cells']:,}" in capsys.readouterr().out
    assert list(Path().iterdir()) == []


def test_paths_that_follow_a_model_are_models_as_a_shell_makes_them_of_a_pattern(
    models: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    spread = ["run", "-m", "base", "--model", "ckpt-10", "ckpt-9", *SMALL, "--dry-run", "--json"]
    assert harness(spread) == ExitCode.OK
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found["models"]] == ["base", "ckpt-10", "ckpt-9"]
    harness(["run", "-m", "base", "-m", f"../{models.name}/ckpt-9", *SMALL, "--dry-run", "--json"])
    assert json.loads(capsys.readouterr().out)["models"][1]["name"] == "ckpt-9"
    # A word that is no path is a slip, and so is a path that stands elsewhere.
    assert "(sentiment)" in error_of(["-m", "base", "sentiment"], capsys)
    elsewhere = ["-m", "base", "--seed", "1", "ckpt-9"]
    assert "(ckpt-9)" in error_of(elsewhere, capsys)


def test_what_cannot_be_a_model_is_refused_before_anything_is_loaded(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, other = str(models / "base"), str(models / "ckpt-9")
    typo = error_of(["-m", base, "-m", str(models / "ckpt-8")], capsys)
    assert "there is no model" in typo
    assert "Did you mean" in typo
    assert "is not a model directory" in error_of(
        ["-m", base, "-m", str(models / "ckpt-notes")], capsys
    )
    assert "is named twice" in error_of(["-m", base, "-m", f"{base}/"], capsys)
    assert "no model matches" in error_of(["-m", base, "-m", str(tmp_path / "x*")], capsys)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}", encoding="utf-8")
    one = error_of(["-m", base, "-m", other, "--out", str(tmp_path / "run")], capsys)
    assert "is the run of one model" in one


def test_patterns_are_opened_by_number_and_without_what_was_named(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    assert expand_models(["ckpt-*"]) == ["ckpt-9", "ckpt-10"]
    assert expand_models(["ckpt-10", "*"]) == ["ckpt-10", "base", "ckpt-9"]
    assert expand_models(["org/name", "openai:a*", "http://x/v1"]) == [
        "org/name", "openai:a*", "http://x/v1",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="it matches 1 other path"):
        expand_models(["ckpt.*"])


def test_a_report_of_another_hand_is_not_overwritten(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = [word for name in ("base", "ckpt-9") for word in ("-m", str(models / name))]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "report.md").write_text("my own words", encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    mine = error_of([*named, "--out", "mine"], capsys)
    assert "--out mine holds a report.md or report.html and no runs that it is about" in mine
    assert (tmp_path / "mine" / "report.md").read_text("utf-8") == "my own words"
    assert "--out file is a file" in error_of([*named, "--out", "file"], capsys)


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
def test_where_no_model_could_be_evaluated_nothing_is_shown(
    models: Path, dry_run: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    named = [word for name in ("base", "ckpt-9") for word in ("-m", str(models / name))]
    command = ["run", *named, *SMALL, "--paraphrases", "no.yaml", "--out", "all", *dry_run]
    assert harness(command) == ExitCode.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert "paraphrase bank file not found: no.yaml" in said.err


@pytest.mark.parametrize("name", ["", " ", "llama.cpp:no.gguf", "llama.cpp:"])
def test_what_no_model_can_be_called_is_refused_by_its_name(
    models: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = error_of(["-m", name, "-m", str(models / "base")], capsys)
    assert (f"{name}:" if name.strip() else f"there is no model {name!r}") in said
    assert "could not be evaluated" not in said


def test_no_run_lies_in_the_place_of_the_folder_of_all_or_of_its_page(tmp_path: Path) -> None:
    names = ("+++", "report.html", "base")
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}", encoding="utf-8")
    out = tmp_path / "all"
    plan = plan_many([RunConfig(model=str(tmp_path / name), out=out) for name in names])
    assert [config.out for config in plan.configs] == [
        out / "1",
        out / "2-report.html",
        out / "base",
    ]
