"""The second experiment: its texts are apart, and in miniature it runs from data to a verdict."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from harness.core.errors import UnknownNameError, UsageError
from tests.support.paths import ROOT
from tests.support.trainers_tiny import save_tiny

FOLDER = ROOT / "experiments" / "second"
MODULES = ("form", "others", "draw", "cells", "experiment", "analyse")


@pytest.fixture(scope="module")
def scripts() -> Iterator[SimpleNamespace]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield SimpleNamespace(**{name: __import__(name) for name in MODULES})
    for name in MODULES:
        sys.modules.pop(name)


def test_the_forms_are_of_the_protocol(scripts: SimpleNamespace) -> None:
    small, full = (scripts.form.read_form(FOLDER / f"{name}.yaml") for name in ("small", "full"))
    assert small.primary == full.primary
    assert all(full.arms[name] == arm for name, arm in small.arms.items())
    assert len(full.tasks) >= 4
    assert len(full.seeds) >= 3
    assert full.primary in full.contrasts
    protocol = (FOLDER / "PROTOCOL.md").read_text(encoding="utf-8")
    for arm in full.arms:
        assert f"`{arm}`" in protocol, arm
    assert f"{len(full.contrasts)} contrasts" in protocol


def test_every_bank_has_27_instructions_that_name_every_answer_word(
    scripts: SimpleNamespace,
) -> None:
    form = scripts.form.read_form(FOLDER / "full.yaml")
    for task, spec in form.tasks.items():
        bank = scripts.draw.read_bank(spec)
        assert len({scripts.others.fold(text) for text in bank}) >= 27, task
        for text in bank:
            assert all(f"'{word}'" in text for word in spec.labels), text
        few = scripts.draw.draw_instructions(spec, 3, seed=1)
        assert few == scripts.draw.draw_instructions(spec, 27, seed=1)[:3]


def test_instructions_of_others_are_none_of_the_bank(
    scripts: SimpleNamespace, data_dir: Path
) -> None:
    form = scripts.form.read_form(FOLDER / "full.yaml")
    for task, spec in form.tasks.items():
        texts = scripts.others.instructions_of_others(spec, data_dir, number=24)
        assert len(texts) >= 3, task
        fold = scripts.others.fold
        assert not {fold(one) for one in texts.values()} & {
            fold(one) for one in scripts.draw.read_bank(spec)
        }
        for text in texts.values():
            assert "{" not in text
            assert "\u2402" not in text


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Review:\n\u2402\nIs it good or bad?", "Is it good or bad?"),
        ("\u2402 Did they like it, yes or no?", "Did they like it, yes or no?"),
        ("Q: \u2402\n\nYes or no?\n\nOPTIONS:\n- yes", "Yes or no?\n\nOPTIONS:\n- yes"),
        ("\u2402\nQuestion: yes or no? Answer:", "Question: yes or no?"),
        ('Is the question "\u2402" about a or b?', None),
        ("\u2402", None),
    ],
)
def test_an_instruction_is_a_template_without_its_input(
    scripts: SimpleNamespace, template: str, expected: str | None
) -> None:
    assert scripts.others.without_input(template) == expected


def test_rows_of_start_arms_and_test_are_apart(scripts: SimpleNamespace, data_dir: Path) -> None:
    form = scripts.form.read_form(FOLDER / "full.yaml")
    draws = [scripts.draw.draw_rows(form, "yelp", data_dir, seed=seed) for seed in (0, 1)]
    for rows in draws:
        texts = [row.text for part in (rows.start, rows.arms, rows.test) for row in part]
        assert len(set(texts)) == len(texts)
    assert draws[0].test == draws[1].test
    assert draws[0].arms != draws[1].arms


def test_arms_see_as_many_tokens_and_only_noise_of_their_own(
    scripts: SimpleNamespace, data_dir: Path
) -> None:
    form = scripts.form.read_form(FOLDER / "full.yaml")
    spec = form.tasks["sst2"]
    rows = [scripts.draw.Row(f"Review: film {n}", "positive") for n in range(20)]
    noise = scripts.draw.noise_of(form, data_dir)
    assert not {one.name for one in noise} & set(form.test.perturbations)

    def length(pair: Any) -> int:
        return len(f"{pair.original} {pair.paraphrase}".split())

    for name in ("n1", "n3", "n1-noisy", "n27-rows"):
        arm = form.arms[name]
        pairs = scripts.draw.make_pairs(rows, spec, arm, 2000, length, noise, seed=0)
        total = sum(map(length, pairs))
        assert 2000 <= total < 2000 + arm.pairs_per_row * 150
        assert len({pair.original for pair in pairs}) <= arm.wordings
        if name == "n1":
            assert all(pair.original == pair.paraphrase for pair in pairs)
        if name == "n1-noisy":
            assert len({pair.paraphrase for pair in pairs}) > 5


def miniature(folder: Path) -> Path:
    form = yaml.safe_load((FOLDER / "small.yaml").read_text(encoding="utf-8"))
    form |= {
        "model": str(save_tiny(folder / "tiny")),
        "seeds": [0, 1],
        "start": {"rows": 16, "tokens": 2000, "train": {"tuning": "full", "batch": 4}},
        "rows": 16,
        "tokens": 2000,
        "max_words": 5,
        "published": [],
        "train": {"batch": 4, "micro_batch": 4, "lora_r": 2, "hard_negatives": False},
        "test": {"rows": 2, "instructions": 3, "perturbations": ["scramble"]},
    }
    form["start"]["train"] |= {"hard_negatives": False}
    grouped = {"pairs_per_row": 2, "objective": "group", "train": {"instructions": 4}}
    form["arms"]["n27"] |= grouped
    path = folder / "form.yaml"
    path.write_text(yaml.safe_dump(form), encoding="utf-8")
    return path


def test_in_miniature_from_data_to_a_verdict(
    scripts: SimpleNamespace,
    tmp_path: Path,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HARNESS_HISTORY_DIR", str(tmp_path / "history"))
    torch.set_num_threads(1)
    form, out = miniature(tmp_path), tmp_path / "out"
    common = [str(form), "--data-dir", str(data_dir), "--out", str(out)]
    run, analyse = scripts.experiment.main, [str(form), "--out", str(out)]
    assert run([*common, "--dry-run"]) == 0
    assert "6 cells are left" in capsys.readouterr().out
    assert run([*common, "--only", "n1/sst3/*"]) == 2
    assert "names no cell" in capsys.readouterr().err
    assert run([*common, "--only", "n*/sst2/0"]) == 0
    assert scripts.analyse.main(analyse) == 0
    shown = capsys.readouterr().out
    assert "2 of 6 cells are finished" in shown
    assert "(a part: 4 cells are missing)" in shown
    assert "undecided: cells are missing" in shown
    assert run([*common, "--only", "n*/sst2/0"]) == 0
    assert "2 of 2 cells are done" in capsys.readouterr().out
    found = json.loads((out / "analysis.others.json").read_text())["contrasts"]
    assert [(one["scorer"], one["level"]) for one in found] == [
        (scorer, level) for scorer in ("loglik", "generate") for level in ("four levels", "clean")
    ]
    lacking = ("start/sst2/0", "n27/sst2/1", "n1/sst2/1", "start/sst2/1")
    assert {tuple(one["missing"]) for one in found} == {lacking}
    pairs = [json.loads(line) for line in (out / "sst2/seed-0/pairs/n27.jsonl").open()]
    assert len({pair["original"] for pair in pairs}) > 5


def test_a_task_that_the_start_cannot_do_is_in_no_mean(
    scripts: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyse = scripts.analyse
    form = scripts.form.read_form(FOLDER / "full.yaml")
    place = scripts.cells.Place(form, Path(), Path("nowhere"))

    def part(_place: Any, _test: str, _contrast: Any, task: str, *_: str) -> Any:
        value = {"sst2": 0.02, "trec": 0.06}.get(task, 0.5)
        return analyse._Part(analyse.OfTask(value, 0.0004, {}, 10.0), value, value, ())

    monkeypatch.setattr(analyse, "_part", part)
    # Exactly at the limit counts.
    known = {"sst2": analyse.TAUGHT, "trec": 0.3, "ag_news": 0.099, "dbpedia": -0.1, "yelp": 0.0}
    monkeypatch.setattr(analyse, "margins", lambda _: known)
    found = analyse.analyse(place)[0]
    assert (found.value, found.worst, found.consistency) == pytest.approx((0.04, 0.04, 0.04))
    assert found.tasks == {"sst2": 0.02, "trec": 0.06}
    assert set(found.untaught) == {"ag_news", "dbpedia", "yelp"}
    assert found.over_tasks[0] == pytest.approx(
        analyse._task_interval([analyse.OfTask(v, 0, {}, 1) for v in (0.02, 0.06)], 0.04, 16)[0]
    )


def test_before_any_cell_nothing_is_said(
    scripts: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scripts.analyse.main([str(FOLDER / "small.yaml"), "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "0 of 3 cells are finished" in shown
    assert "undecided: cells are missing" in shown


def test_a_task_s_variance_adds_the_luck_of_seeds(scripts: SimpleNamespace) -> None:
    of_task, analyse = scripts.analyse.OfTask, scripts.analyse
    tasks = [of_task(0.02, 0.0004, {}, 10.0), of_task(0.06, 0.0004, {}, 10.0)]
    low, high = analyse._fixed_interval(tasks, 0.04, 1)
    # V = (.0004 + .0004) / 4, 20 degrees of freedom: t = 2.086
    assert (high - low) / 2 == pytest.approx(2.086 * np.sqrt(0.0002), rel=1e-3)
    low, high = analyse._task_interval(tasks, 0.04, 1)
    # Two tasks: V = .0008 / 2, one degree of freedom: t = 12.706
    assert (high - low) / 2 == pytest.approx(12.706 * 0.02, rel=1e-3)
    # Sixteen contrasts: t at 1 - .05 / 32 with 20 degrees of freedom is 3.359.
    low, high = analyse._fixed_interval(tasks, 0.04, 16)
    assert (high - low) / 2 == pytest.approx(3.359 * np.sqrt(0.0002), rel=1e-3)
    assert analyse._task_interval(tasks[:1], 0.02, 1) is None


def test_a_form_that_cannot_be(scripts: SimpleNamespace, tmp_path: Path) -> None:
    form = yaml.safe_load((FOLDER / "small.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "form.yaml"
    for wrong, kind, said in (
        ({"primary": ["n28", "n1"]}, UnknownNameError, "n27"),
        ({"published": ["sst3"]}, UnknownNameError, "sst2"),
        ({"armss": {}}, UsageError, "armss"),
        ({"arms": {"n1": {"wordings": 0}}}, UsageError, "wordings"),
    ):
        path.write_text(yaml.safe_dump({**form, **wrong}), encoding="utf-8")
        with pytest.raises(kind, match=re.escape(said)):
            scripts.form.read_form(path)
    for content, said in ((b"", "mapping of keys"), (b"a: [", "YAML"), (b"\xff", "UTF-8")):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=said):
            scripts.form.read_form(path)
