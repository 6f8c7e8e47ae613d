"""Choosing perturbations: core sets, the catalogue, and what is left out on record."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from harness import load_run
from harness.cli.app import run as harness
from harness.core.records import PERTURBED_LEVELS, LeftOut
from harness.evaluation.selection import choose_perturbations, describe_left_out
from perturbations.core_set import CORE
from tests.support.checkpoints import save_tiny_llama

FIND_SPEC = importlib.util.find_spec


def names(**options: object) -> list[str]:
    chosen = choose_perturbations(**{"levels": None, "names": (), "stacks": (), **options})  # type: ignore[arg-type]
    return [one.name for one in chosen.perturbations]


@pytest.fixture
def without_lemminflect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name == "lemminflect" else FIND_SPEC(name, *rest),
    )


@pytest.mark.parametrize("level", PERTURBED_LEVELS)
def test_a_level_is_its_core_set(level: str) -> None:
    arranging = {"option-order", "option-letters"}  # of the options of a choice, if there are any
    chosen = names(levels=[level])
    assert sorted(set(chosen) - arranging) == sorted(CORE[level])  # type: ignore[index]
    assert (level == "sentence") == (arranging <= set(chosen))


def test_all_among_the_names_is_the_catalogue() -> None:
    assert set(names(levels=["word"])) < set(names(levels=["word"], names=["all"]))
    assert set(names()) < set(names(names=["all"]))


def test_names_and_stacks_choose_alone() -> None:
    assert names(names=["swap"]) == ["swap"]
    assert names(stacks=["swap+drop"]) == ["swap+drop"]


@pytest.mark.usefixtures("without_lemminflect")
def test_what_a_level_lacks_is_on_record() -> None:
    chosen = choose_perturbations(levels=["word"], names=(), stacks=())
    assert set(chosen.left_out) == {
        LeftOut("synonym", "word", "package", "lemminflect"),
        LeftOut("inflection", "word", "package", "lemminflect"),
    }
    (sentence,) = describe_left_out(chosen.left_out)
    assert sentence == (
        "level word lacks 2 of its 5 core perturbations (inflection, synonym): the package "
        "'lemminflect' is not installed. Type: pip install \"robustness-harness[words]\""
    )


def test_what_cannot_change_an_input_is_on_record() -> None:
    chosen = choose_perturbations(levels=["semantic"], names=(), stacks=(), target="input")
    assert {one.name for one in chosen.left_out} == set(CORE["semantic"])
    (sentence,) = describe_left_out(chosen.left_out)
    assert "lacks 5 of its 5" in sentence


def test_the_data_folder_of_the_environment_is_known(
    monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    monkeypatch.setenv("HARNESS_DATA_DIR", str(data_dir))
    pytest.importorskip("lemminflect")
    assert names(names=["wordnet"]) == ["wordnet"]


@pytest.mark.usefixtures("without_lemminflect")
def test_a_run_says_and_keeps_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    model, out = save_tiny_llama(tmp_path / "tiny"), tmp_path / "run"
    command = ["run", "--model", str(model), "--task", "sentiment", "--limit", "4"]
    command += ["--scorer", "loglik"]
    command += ["--instructions", "1", "--levels", "word", "--device", "cpu", "--out", str(out)]
    assert harness(command) == 0
    assert "lacks 2 of its 5 core perturbations" in " ".join(capsys.readouterr().err.split())
    rows = json.loads((out / "run.json").read_text("utf-8"))["left_out"]
    assert {row["name"] for row in rows} == {"synonym", "inflection"}
    assert {one.need for one in load_run(out).left_out} == {"lemminflect"}
