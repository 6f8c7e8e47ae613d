"""The options of commands: made from configurations, grouped, completed, and never given twice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.attacks.config import AttackConfig
from harness.cli import (
    attacking,
    doctor,
    evaluating,
    explaining,
    pairing,
    paraphrasing,
    training,
)
from harness.cli.app import run as harness
from harness.cli.completion import COMPLETERS
from harness.core.errors import ExitCode
from harness.evaluation.config import RunConfig
from harness.explanation.config import ExplainConfig
from trainers.config import TrainConfig
from trainers.pairs.config import PairsConfig

COMMANDS = (
    "run", "plan", "compare", "check", "init-ci", "attack", "perturb", "paraphrase",
    "import-prompts", "list", "show", "doctor", "prompts", "export", "report", "explain",
    "harden", "pairs", "train", "merge", "import", "log",
)  # fmt: skip


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert harness([command, "--help"]) == ExitCode.OK
    return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)


def error_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert harness(arguments) == ExitCode.USAGE
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "panels"),
    [
        (RunConfig, evaluating.PANELS),
        (AttackConfig, attacking.PANELS),
        (ExplainConfig, explaining.PANELS),
        (paraphrasing.ParaphraseOptions, paraphrasing.PANELS),
        (PairsConfig, pairing.PANELS),
        (TrainConfig, training.PANELS),
    ],
)
def test_every_field_is_an_option_of_one_panel_and_says_what_it_is(
    config: type[RunConfig], panels: dict[str, tuple[str, ...]]
) -> None:
    named = [name for names in panels.values() for name in names]
    assert sorted(named) == sorted(config.model_fields)
    for name, field in config.model_fields.items():
        assert field.description, name
        assert field.description.endswith((".", "…")), name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_commands_help_ends_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = help_of(command, capsys)
    assert f"harness {command}" in shown[shown.index("Examples:") :]


def test_help_shows_panels_choices_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    shown = " ".join(re.sub(r"[│╭╮╰╯─]", " ", help_of("run", capsys)).split())
    for panel in evaluating.PANELS:
        assert panel in shown
    assert "One of auto, float32, bfloat16, float16." in shown
    assert "[default: 2000]" in shown
    assert "--no-cache" in shown
    assert "--window" not in shown


TWICE = {
    "--model": ["attack", "--task", "t", "--out", "o", "--model", "a", "--model", "b"],
    "--limit": ["run", "-m", "a", "--limit", "1", "--limit", "2"],
    "--cache": ["run", "-m", "a", "--cache", "--no-cache"],
    "--budget": ["attack", "-m", "a", "--task", "t", "--out", "o", "--budget", "1", "--budget=2"],
    "--seed": ["perturb", "text", "--seed", "1", "--seed", "1"],
    "--policy": ["check", "--candidate", "c", "--policy", "p", "--policy", "q"],
}


@pytest.mark.parametrize("option", TWICE)
def test_an_option_with_one_value_is_not_given_twice(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"error: {option} is given 2 times" in error_of(TWICE[option], capsys)


def test_a_list_and_a_switch_may_be_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["perturb", "Classify it.", "--perturbations", "swap", "--perturbations", "drop"]
    assert harness([*arguments, "--json", "--json"]) == ExitCode.OK


def test_a_model_without_its_option_is_told_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Type: harness run --model ckpt/" in error_of(["run", "ckpt/"], capsys)


COMPLETED = {
    "levels": ("sem", "semantic"),
    "tasks": ("sentiment,to", "sentiment,topic"),
    "perturbations": ("keyb", "keyboard"),
    "recipe": ("promptbench-", "promptbench-greedy"),
    "suite": ("star", "starter"),
    "kind": ("reci", "recipes"),
    "model": ("smol", "smollm2-135m"),
    "base": ("llama.c", "llama.cpp:"),
    "reworder": ("llama.cpp:smol", "llama.cpp:smollm2-135m"),
    "paraphrase_with": ("open", "openai:"),
}


@pytest.mark.parametrize("name", COMPLETED)
def test_names_are_completed(name: str) -> None:
    incomplete, whole = COMPLETED[name]
    assert whole in COMPLETERS[name](incomplete)
    assert COMPLETERS[name]("no such name") == []


def test_a_model_s_path_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs" / "model-a").mkdir(parents=True)
    for name in ("model.gguf", "model.txt", ".hidden.gguf"):
        (tmp_path / "runs" / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    complete = COMPLETERS["model"]
    assert complete("run") == ["runs/"]
    assert complete("runs/mo") == ["runs/model-a/", "runs/model.gguf"]
    assert complete("llama.cpp:./runs/model.") == ["llama.cpp:./runs/model.gguf"]
    assert complete("nowhere/") == []


def test_a_training_file_holds_what_is_not_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "train.yaml"
    file.write_text(f"model: {tmp_path / 'none'}\npairs: none.jsonl\nhard_negatives: true\n")
    command = ["train", "--config", str(file), "--out", str(tmp_path / "out")]
    assert "there is no model" in error_of(command, capsys)
    assert "unknown negatives 'batchs'" in error_of([*command, "--negatives", "batchs"], capsys)
    assert "--temperature 0.0: " in error_of([*command, "--temperature", "0"], capsys)


def test_pairs_need_what_their_source_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["pairs", "--input", "rows.jsonl", "--out", str(tmp_path / "p.jsonl"), "--source"]
    assert "needs --task and --rows" in error_of([*command, "templates"], capsys)
    assert "needs --bank, --levels or" in error_of([*command, "paraphrases"], capsys)
    held = [*command, "paraphrases", "--levels", "word", "--hold-out", "semantic"]
    assert "--hold-out semantic: no such level" in error_of(held, capsys)
    assert "unknown source 't1'. Available: coin-csv, paraphrases, t0" in error_of(
        [*command, "t1"], capsys
    )


def test_doctor_finds_a_module_in_a_package_of_another_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "packages_distributions", lambda: {"no_such_module": ["pytest"]})
    finding = doctor._package("no_such_module", "a test", "pip install it")
    assert (finding.state, finding.found) == ("ok", f"{pytest.__version__} (pytest)")
    assert doctor._package("nor_this", "a test", "pip install it").advice == "pip install it"
