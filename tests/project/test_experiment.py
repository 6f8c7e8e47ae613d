"""The experiment's forms can be planned, and what it trains on is apart from what it tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from harness.core.errors import UnknownNameError
from harness.tasks.suites import task_path
from tests.support.paths import ROOT

FOLDER = ROOT / "experiments" / "coin"
FORMS = sorted(path.stem for path in FOLDER.glob("*.yaml") if "arms:" in path.read_text())

Form = dict[str, Any]
"""A YAML file of the experiment."""


def read(name: str) -> Form:
    form: Form = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return form


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(FOLDER))
    import steps

    yield steps
    for name in ("steps", "data", "commands"):
        sys.modules.pop(name)


@pytest.mark.parametrize("form", FORMS)
def test_every_step_of_a_form_is_a_command_of_its_own(form: str, steps: ModuleType) -> None:
    config = steps.read_config(FOLDER / f"{form}.yaml")
    planned = [*steps.plan_steps(config, Path("data"), Path("out"))]
    planned += steps.plan_results(FOLDER / f"{form}.yaml", Path("out"))
    names = [step.name for step in planned]
    assert len(set(names)) == len(names)
    assert len({step.command for step in planned}) == len(planned)
    arms = config["arms"]
    for test, evaluation in config["evaluations"].items():
        plain = [arm for arm in arms if "against" not in arms[arm]]
        tested = evaluation.get("arms", ["untouched", "start", *plain])
        assert set(tested) <= {"untouched", "start", *arms}
        seeds = [len(arms[arm].get("seeds", config["seeds"])) for arm in tested if arm in arms]
        runs = sum(seeds) + sum(arm not in arms for arm in tested)
        evaluations = [name for name in names if name.startswith("evaluate ")]
        assert sum(name.endswith(f" {test}") for name in evaluations) == runs


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"arms": {"sft": {}, "coin": {"pairs": "own-word"}}}, "own-words"),
        ({"arms": {"sft": {}, "coin": {"against": "sfd"}}}, "sft"),
        ({"evaluations": {"own": {"arms": ["coim"]}}}, "coin"),
        ({"best": "sf"}, "sft"),
    ],
)
def test_a_name_that_a_form_does_not_have(
    steps: ModuleType, tmp_path: Path, wrong: Form, said: str
) -> None:
    form = tmp_path / "form.yaml"
    form.write_text(yaml.safe_dump({**read("small"), **wrong}), encoding="utf-8")
    with pytest.raises(UnknownNameError, match=f"Did you mean '{said}'"):
        steps.read_config(form)


@pytest.mark.parametrize("form", FORMS)
def test_an_ablation_is_held_against_an_arm_of_its_own_evaluation(form: str) -> None:
    config = read(form)
    for arm, options in config["arms"].items():
        if "against" in options:
            together = [one["arms"] for one in config["evaluations"].values() if "arms" in one]
            assert any({arm, options["against"]} <= set(arms) for arms in together), arm


def test_a_search_touches_no_test_data(steps: ModuleType) -> None:
    config = steps.read_config(FOLDER / "cpu.yaml")
    planned = [*steps.plan_search(config, Path("data"), Path("out"))]
    evaluations = [step for step in planned if step.name.startswith("evaluate ")]
    assert evaluations
    for step in evaluations:
        task = step.command[step.command.index("--task") + 1]
        assert [Path(one).parent for one in task.split(",")] == [Path("out/validation")] * 2
    tested = set(config["evaluations"]["own"]["perturbations"])
    validated = set(config["search"]["evaluation"]["perturbations"])
    assert tested & validated == {"paraphrase"}  # from a bank: other texts for other instructions
    assert (tested | validated) - {"paraphrase"} <= set(config["wordings"]["hold_out"])


def test_wordings_of_training_validation_and_test_are_apart() -> None:
    tasks = {*read("full")["tasks"], *read("cpu")["tasks"]}
    tested = [text for task in sorted(tasks) for text in suite_texts(task)]
    tested += [text for task in read("further").values() for text in reworded_texts(task)]
    banks = [*read("wordings").values(), *read("wide").values()]
    trained = [text for task in banks for text in trained_texts(task)]
    chosen = [text for task in read("validation").values() for text in reworded_texts(task)]
    everything = [" ".join(text.lower().split()) for text in (*tested, *trained, *chosen)]
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize(
    ("bank", "task"), [(bank, task) for bank in ("wordings", "wide") for task in read(bank)]
)
def test_a_group_has_a_word_for_each_label_and_names_them_all(bank: str, task: str) -> None:
    labels = read_task(task)["labels"]
    for group in read(bank)[task]["groups"]:
        assert len(group["words"]) == len(labels)
        assert all(isinstance(word, str) for word in group["words"])  # YAML's no is no text
        for text in group["texts"]:
            assert all(f"'{word}'" in text for word in group["words"]), text


@pytest.mark.parametrize("task", read("further"))
def test_further_instructions_name_every_label_and_have_a_paraphrase(task: str) -> None:
    further, spec = read("further")[task], read_task(task)
    assert set(further["instructions"]) == set(further["paraphrases"])
    assert not set(further["instructions"]) & {one["id"] for one in spec["instructions"]}
    for text in reworded_texts(further):
        assert all(f"'{label['word']}'" in text for label in spec["labels"]), text


def read_task(task: str) -> Form:
    own = FOLDER / f"tasks/{task}.yaml"
    path = own if own.exists() else task_path(task)
    spec: Form = yaml.safe_load(path.read_text(encoding="utf-8"))
    return spec


def suite_texts(task: str) -> list[str]:
    spec = read_task(task)
    return [
        *(one["text"] for one in spec["instructions"]),
        *(text for texts in spec["paraphrases"].values() for text in texts),
    ]


def trained_texts(task: Form) -> list[str]:
    return [text for group in task["groups"] for text in group["texts"]]


def reworded_texts(task: Form) -> list[str]:
    paraphrases = [text for texts in task["paraphrases"].values() for text in texts]
    return [*task["instructions"].values(), *paraphrases]
