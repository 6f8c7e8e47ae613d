"""An attack end to end on a victim without weights: splits, log, resuming, outcome, errors."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.attacks import prepare
from harness.attacks.config import AttackConfig
from harness.attacks.prepare import prepare_attack
from harness.attacks.querylog import Query, QueryLog
from harness.attacks.run import QUERIES, AttackResult, execute_attack
from harness.attacks.victim import damage_of
from harness.cli.app import run as run_cli
from harness.core.errors import MissingPackageError, UnknownNameError, UsageError
from harness.core.options import check_options
from harness.evaluation.variants import read_variants
from harness.tasks import load_tasks
from perturbations import find
from perturbations.diff import replay
from tests.support.paths import DATA, ROOT
from tests.support.victims import INSTRUCTION, CharTokenizer, TouchyModel, write_task


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return write_task(tmp_path)


@pytest.fixture
def victim(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TouchyModel:
    model = TouchyModel()
    monkeypatch.setattr(prepare, "load_model", lambda *_, **__: model)
    monkeypatch.setattr(prepare, "_load_similarity", lambda config: (None, ()))
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    return model


def config_of(task: Path, **options: Any) -> AttackConfig:
    values = {
        "model": "touchy",
        "task": str(task),
        "out": task.parent / "attack",
        "level": "character",
        "budget": 600,
        "search_examples": 40,
        "report_examples": 100,
        "cache": False,
    }
    return check_options(AttackConfig, {**values, **options})


def attack(config: AttackConfig) -> AttackResult:
    return execute_attack(prepare_attack(config), command="test")


def test_the_found_instruction_hurts_on_examples_the_search_never_saw(
    task: Path, victim: TouchyModel
) -> None:
    report = attack(config_of(task)).report
    assert report["status"] == "complete"
    measured = report["report"]
    assert measured["drop"] > 0.1
    assert measured["drop_ci"][0] > 0
    assert measured["clean_accuracy"] - measured["accuracy"] == pytest.approx(measured["drop"])
    assert report["found"]["label_words_intact"]
    assert report["found"]["protected_intact"]


def test_an_attack_checks_its_prompt_and_data_as_a_run_does(
    task: Path, victim: TouchyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"text": f"a good film, number {n % 100}", "label": "positive"} for n in range(159)]
    rows.append({"text": "a bad film", "label": "negative"})
    (task.parent / "reviews.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    notes = " ".join(prepare_attack(config_of(task)).notes)
    assert "159 of 160 examples have the label 'positive'" in notes
    assert "examples repeat the input of another" in notes
    monkeypatch.setattr(CharTokenizer, "chat_template", "constant")
    monkeypatch.setattr(CharTokenizer, "render_chat", lambda *_: "Hello.")
    with pytest.raises(UsageError, match="does not hold the instruction"):
        prepare_attack(config_of(task))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("scores", "[1]"), ("scores", "[" * 100_000), ("scores", '{"b": -1.0}'), ("scores", None),
        ("score", 0.5), ("score", "high"), ("text", b"text"), ("gold", "b"), ("example_id", "2"),
    ],
)  # fmt: skip
def test_a_query_that_a_disk_changed_is_no_answer(
    tmp_path: Path, column: str, value: object
) -> None:
    path = tmp_path / QUERIES
    with QueryLog(path) as log:
        log.write([Query("first", "text", "1", "a", "a", 1.0, {"a": -1.0})])
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE queries SET {column} = ?", (value,))
    with pytest.raises(UsageError, match=r"queries\.sqlite is damaged.*--fresh"):
        QueryLog(path)


def test_an_attack_on_a_constant_answer_says_nothing(task: Path, victim: TouchyModel) -> None:
    rows = [{"text": f"a good film, number {n}", "label": "positive"} for n in range(130)]
    rows += [{"text": f"a bad film, number {n}", "label": "negative"} for n in range(30)]
    (task.parent / "reviews.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    victim._scores = lambda prompt: {"positive": 0.0, "negative": -1.0}  # type: ignore[method-assign]
    report = attack(config_of(task, search_examples=20, report_examples=140)).report
    assert report["report"]["clean_accuracy"] > 0.75
    assert "not above what one constant answer reaches" in " ".join(report["notes"])


def test_search_and_report_are_disjoint_and_every_query_is_kept(
    task: Path, victim: TouchyModel
) -> None:
    attacked = attack(config_of(task))
    splits = attacked.report["splits"]
    assert not set(splits["search"]) & set(splits["report"])
    with sqlite3.connect(attacked.path / QUERIES) as db:
        rows = db.execute("SELECT stage, example_id FROM queries").fetchall()
    searched = [example for stage, example in rows if stage != "report"]
    assert set(searched) <= set(splits["search"])
    assert {example for stage, example in rows if stage == "report"} <= set(splits["report"])
    cells = attacked.report["cells"]
    assert len(searched) == cells["search"] <= cells["budget"]
    assert victim.cells == len(rows) == cells["search"] + cells["report"]


def test_the_variants_file_can_be_replayed(task: Path, victim: TouchyModel) -> None:
    attacked = attack(config_of(task))
    tasks = load_tasks(suite=None, names=(str(task),), data_dir=None, few_shot=False)
    clean, found = read_variants(attacked.path / "variants.jsonl", tasks)["reviews"].variants
    assert clean.text == INSTRUCTION
    assert found.text == attacked.report["found"]["text"]
    assert replay(found.original, found.edits) == found.text
    assert (found.level, found.perturbation) == ("character", "race")


def test_a_search_that_stopped_half_way_ends_as_an_undisturbed_one(
    task: Path, victim: TouchyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = attack(config_of(task)).report
    config = config_of(task, out=task.parent / "stopped")
    answer, left = TouchyModel.loglik, [4]

    def stop(self: TouchyModel, requests: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return answer(self, requests)

    monkeypatch.setattr(TouchyModel, "loglik", stop)
    with pytest.raises(KeyboardInterrupt):
        attack(config)
    assert json.loads((config.out / "attack.json").read_text())["status"] == "incomplete"
    monkeypatch.setattr(TouchyModel, "loglik", answer)
    before = victim.cells
    resumed = attack(config).report
    assert victim.cells - before < whole["cells"]["search"] + whole["cells"]["report"]
    assert _outcome(resumed) == _outcome(whole)


def test_a_killed_search_ends_as_an_undisturbed_one(task: Path, victim: TouchyModel) -> None:
    whole = attack(config_of(task, window=16)).report
    config = config_of(task, out=task.parent / "killed", window=16)
    environment = {**os.environ, "ATTACK_CONFIG": config.model_dump_json()}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.victims"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_for_rows(config.out / QUERIES, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    with QueryLog(config.out / QUERIES) as log:
        assert 0 < len(log) < whole["cells"]["search"]
    assert _outcome(attack(config).report) == _outcome(whole)


def _wait_for_rows(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300  # seconds, for a machine that is busy with other things
    while time.monotonic() < deadline:
        assert process.poll() is None, "the search ended before it could be killed"
        if path.is_file():
            with sqlite3.connect(path, timeout=5) as db:
                tables = db.execute("SELECT name FROM sqlite_master").fetchall()
                if tables and db.execute("SELECT count(*) FROM queries").fetchone()[0] > 60:
                    return
        time.sleep(0.02)
    raise AssertionError("the search asked nothing")


def _outcome(report: dict[str, Any]) -> dict[str, Any]:
    return {name: report[name] for name in ("found", "report", "search")}


def test_a_finished_attack_asks_nothing_again(task: Path, victim: TouchyModel) -> None:
    first = attack(config_of(task)).report
    cells = victim.cells
    again = attack(config_of(task)).report
    assert victim.cells == cells
    assert _outcome(again) == _outcome(first)
    assert again["cells"]["computed_now"] == 0


def test_another_seed_in_the_same_folder_is_an_error(task: Path, victim: TouchyModel) -> None:
    attack(config_of(task))
    with pytest.raises(UsageError, match=r"another configuration.*seed"):
        attack(config_of(task, seed=1))


def test_fresh_starts_over(task: Path, victim: TouchyModel) -> None:
    attack(config_of(task))
    report = attack(config_of(task, seed=1, fresh=True)).report
    assert report["config"]["seed"] == 1
    with QueryLog(task.parent / "attack" / QUERIES) as log:
        assert len(log) == report["cells"]["search"] + report["cells"]["report"]


@pytest.mark.parametrize("level", ["character", "word", "sentence", "semantic"])
def test_every_level_can_be_searched(task: Path, victim: TouchyModel, level: str) -> None:
    report = attack(config_of(task, level=level)).report
    assert report["level"] == level
    assert report["cells"]["search"] <= 600
    assert report["found"]["label_words_intact"]


def test_greed_takes_many_more_cells_for_about_the_same_harm(
    tmp_path: Path, victim: TouchyModel
) -> None:
    task = write_task(tmp_path, examples=300)
    raced = attack(config_of(task, budget=1000, search_examples=60)).report
    greedy = attack(
        config_of(
            task,
            recipe="promptbench-greedy",
            budget=5000,
            search_examples=60,
            out=task.parent / "greedy",
        )
    ).report
    assert raced["cells"]["search"] < greedy["cells"]["search"] / 2
    assert raced["report"]["drop"] >= greedy["report"]["drop"] - 0.1


def test_damage_blends_the_error_and_the_wrong_labels_share() -> None:
    query = Query("", "", "1", "a", "a", 1.0, {"a": 0.0, "b": 0.0})
    assert damage_of(query, "error") == 0.0
    assert damage_of(query, "blend") == pytest.approx(0.25)
    unscored = Query("", "", "1", "a", None, 0.0, None)
    assert damage_of(unscored, "blend") == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": "rase"}, "unknown recipe 'rase'.*Did you mean 'race'"),
        ({"recipe": "textattack:deepwordbugs"}, "Did you mean 'textattack:deepwordbug'"),
        ({"recipe": "textattack:pwws"}, "searches at the level word, not 'character'"),
        ({"instruction": "task-2"}, "unknown instruction of task 'reviews' 'task-2'"),
        ({"instruction": "bare"}, "no word that the character level may change"),
        ({"budget": 20}, "too small for one step"),
        ({"recipe": "promptbench-greedy", "budget": 50}, "--budget 80"),
        ({"perturbations": ("politeness",)}, "'politeness' is of the level 'sentence'"),
        ({"perturbations": ("keybord",)}, "Did you mean 'keyboard'"),
        ({"search_examples": 100, "report_examples": 100}, "has 160 examples, too few"),
        ({"masked_lm": Path("/nowhere")}, "no such folder"),
        ({"dtype": "float8"}, "unknown dtype"),
    ],
)
def test_bad_input_is_a_clear_error(
    task: Path, victim: TouchyModel, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((UsageError, UnknownNameError), match=message):
        attack(config_of(task, **options))


@pytest.mark.parametrize(
    "options", [{"budget": 20}, {"instruction": "bare"}, {"recipe": "promptbench-greedy"}]
)
def test_a_search_that_could_not_begin_leaves_its_folder_to_the_mended_command(
    task: Path, victim: TouchyModel, options: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        attack(config_of(task, **{"budget": 50, **options}))
    assert not (task.parent / "attack").exists()
    assert attack(config_of(task)).report["status"] == "complete"


@pytest.mark.parametrize(
    ("recipe", "package"),
    [("textattack:pwws", "textattack"), ("promptbench:checklist", "promptbench")],
)
def test_a_missing_package_is_said_before_the_model_is_loaded(
    task: Path, monkeypatch: pytest.MonkeyPatch, recipe: str, package: str
) -> None:
    find = importlib.util.find_spec
    hidden = lambda name, *rest: None if name == package else find(name, *rest)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", hidden)
    with pytest.raises(MissingPackageError, match=f"--no-deps {package}"):
        prepare_attack(config_of(task, recipe=recipe, level=None))


def test_the_command_prints_the_outcome(
    task: Path, victim: TouchyModel, capsys: pytest.CaptureFixture[str]
) -> None:
    out = task.parent / "cli"
    arguments = f"attack --model touchy --task {task} --out {out} --level character --budget 300"
    assert run_cli([*arguments.split(), "--search-examples", "30"]) == 0
    printed = capsys.readouterr().out
    assert "search cells" in printed
    assert "label words intact" in printed
    assert str(out) in printed.replace("\n", "")


def test_the_command_prints_json(
    task: Path, victim: TouchyModel, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = f"attack --model touchy --task {task} --out {task.parent / 'json'} --budget 100"
    assert run_cli([*arguments.split(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "complete"


@pytest.mark.skipif(not (DATA / "words").is_dir(), reason="the tables of both are data")
@pytest.mark.parametrize("chosen", ["wordnet", "counterfitted", "all"])
def test_an_attack_says_which_of_its_perturbations_often_ask_for_something_else(
    task: Path, victim: TouchyModel, chosen: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("lemminflect")
    noted = {"all": ("wordnet", "counterfitted")}.get(chosen, (chosen,))
    out = task.parent / chosen
    arguments = f"attack --model touchy --task {task} --out {out} --level word --budget 60"
    arguments += f" --perturbations {chosen} --search-examples 20 --data-dir {DATA}"
    assert run_cli(arguments.split()) == 0
    told = " ".join(capsys.readouterr().err.split())
    kept = json.loads((out / "attack.json").read_text("utf-8"))["notes"]
    for name in noted:
        note = find(name).validity_note
        assert "were judged to ask for something else" in note
        assert f"{name}: {note}" in told
        assert f"{name}: {note}" in kept


@pytest.mark.parametrize("option", ["--budget 0", "--level letter", "--min-similarity 2"])
def test_a_bad_option_ends_in_a_usage_error(task: Path, option: str) -> None:
    arguments = f"attack --model touchy --task {task} --out {task.parent / 'x'} {option}"
    assert run_cli(arguments.split()) == 2
