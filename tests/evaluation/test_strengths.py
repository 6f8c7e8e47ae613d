"""Several strengths of noise in one run: variants carry theirs, reports show the curve."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest

from harness.api.results import Run
from harness.api.running import run
from harness.core.errors import UnknownNameError
from harness.core.names import parse_strengths
from harness.core.records import Instruction
from harness.evaluation.config import RunConfig
from harness.metrics.summary import summarize
from harness.metrics.task_facts import TaskFacts
from harness.results.rundir import load_run
from perturbations import REGISTRY, Subject, find, find_protected, make_variants, select
from perturbations.strength import STRENGTHS
from reports import render
from tests.support.checkpoints import save_tiny_llama

TASK = {
    "name": "parity",
    "labels": ["even", "odd"],
    "label_field": "label",
    "input": "Number: {{ text }}",
    "answer_cue": "Answer:",
    "instructions": [
        "Read the number below with great care and then decide whether it is 'even' or 'odd'.",
        "Somebody wrote down a number for you, please tell whether that is 'even' or 'odd'.",
    ],
    "source": {"rows": [{"text": str(n), "label": ("even", "odd")[n % 2]} for n in range(6)]},
}
LONG = "Read the following review carefully and decide which answer describes the writer best. " * 4


def test_what_is_graded_changes_more_at_a_higher_strength() -> None:
    for name in REGISTRY.names():
        perturbation = find(name)
        if perturbation.needs or name.startswith("promptbench") or perturbation.bind:
            continue
        subject = Subject(LONG, find_protected(LONG))
        texts = {
            strength.name: [
                replace(perturbation, strength=strength).draft(subject, Random(seed))
                for seed in range(3)
            ]
            for strength in STRENGTHS.values()
        }
        differ = texts["low"] != texts["high"]
        # Some tables have no word of this text.
        assert differ == perturbation.graded or texts["high"] == [None] * 3, name


def test_variants_carry_their_strength_and_a_text_of_their_own() -> None:
    chosen = select(names=["keyboard", "politeness"], strengths=("high", "low", "medium"))
    assert [(one.name, one.strength.name) for one in chosen.perturbations] == [
        ("keyboard", "low"), ("keyboard", "medium"), ("keyboard", "high"), ("politeness", "low"),
    ]  # fmt: skip
    made = make_variants(
        "t",
        Instruction("i", "task", "Is it good?"),
        perturbations=chosen.perturbations,
        label_words=(),
        paraphrases=(),
        seed=0,
    ).variants
    # One word is all that can change here, so the strengths are alike and the texts are not.
    assert [one.strength for one in made] == ["low", "medium", "high", None]
    assert len({one.text for one in made}) == 4
    assert len({one.id for one in made}) == 4


def test_one_strength_makes_the_variants_that_it_makes_among_several() -> None:
    def texts(*strengths: str) -> list[str]:
        chosen = select(levels=["character"], strengths=strengths).perturbations  # type: ignore[arg-type]
        made = make_variants(
            "t", Instruction("i", "task", LONG), perturbations=chosen, label_words=(),
            paraphrases=(), seed=3,
        ).variants  # fmt: skip
        return [one.text for one in made if one.strength == strengths[-1]]

    assert texts("medium") == texts("low", "medium")


@pytest.mark.parametrize("given", ["high,low", ["low", "high"], ("high", "low,low")])
def test_strengths_are_read_as_lists_are(given: object) -> None:
    assert RunConfig(model="m", strength=given).strength == ("low", "high")  # type: ignore[arg-type]
    assert RunConfig(model="m").strength == ("medium",)


def test_an_unknown_strength_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown strength 'hihg'"):
        parse_strengths("low,hihg")


def _samples(right: dict[str, float], examples: int = 200) -> pd.DataFrame:
    rows = [
        {
            "variant_id": variant, "example_id": f"e{n:03d}", "gold": "a", "scorer": "loglik",
            "prediction": "a" if n < share * examples else "b", "parsed": True,
            "score": float(n < share * examples),
        }
        for variant, share in right.items()
        for n in range(examples)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_curve_is_the_accuracy_at_each_strength() -> None:
    right = {"c": 0.9, "low": 0.8, "medium": 0.7, "high": 0.5, "plain": 0.85}
    levels = {"c": "clean", "plain": "sentence"}
    variants = pd.DataFrame(
        [
            {
                "id": name, "task": "t", "level": levels.get(name, "character"),
                "perturbation": {"c": "clean", "plain": "politeness"}.get(name, "keyboard"),
                "instruction_id": "i", "index": 0, "text": name, "target": "instruction",
                "strength": name if name in STRENGTHS else None,
            }
            for name in right
        ]
    )  # fmt: skip
    facts = {"t": TaskFacts(0.5, ["a", "b"])}
    summary = summarize(_samples(right), variants, facts, seed=0, resamples=100)
    curves = summary.strengths
    assert curves is not None
    assert list(curves.levels) == ["character"]
    assert list(curves.perturbations) == ["keyboard"]
    for groups in (curves.levels["character"], curves.perturbations["keyboard"]):
        assert list(groups) == ["low", "medium", "high"]
        for name, group in groups.items():
            assert group.accuracy is not None
            assert group.drop is not None
            assert np.isclose(group.accuracy.value, right[name])
            assert np.isclose(group.drop.value, 0.9 - right[name])
            assert group.prompts == 1
    # Three drops are one family: the smallest p value counts threefold.
    low = curves.levels["character"]["low"]
    assert low.drop_p is not None
    assert low.drop_p_adjusted is not None
    assert low.drop_p_adjusted >= low.drop_p
    one = variants[variants["strength"].isna() | (variants["strength"] == "low")]
    kept = _samples({name: right[name] for name in one["id"]})
    assert summarize(kept, one, facts, seed=0, resamples=100).strengths is None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("strengths")
    return run(
        str(save_tiny_llama(folder / "tiny")), tasks=TASK, levels="character,sentence",
        strength=["high", "low"], device="cpu", cache=False, scorers="loglik", full=True,
        out=folder / "run",
    )  # fmt: skip


def test_a_run_at_several_strengths_shows_them(made: Run) -> None:
    counts = made.variants.groupby(["level", "strength"], dropna=False).size().to_dict()
    assert counts["character", "low"] == counts["character", "high"] == 10
    curves = made.summary.strengths
    assert curves is not None
    assert list(curves.levels["character"]) == ["low", "high"]
    markdown = (made.path / "report.md").read_text("utf-8")
    assert "## Accuracy against strength" in markdown
    assert len(re.findall(r"^\| character \| (?:low|high) \|", markdown, re.MULTILINE)) == 2
    page = (made.path / "report.html").read_text("utf-8")
    assert 'data-chart="strengths"' in page
    assert '"strengths":{' in page
    assert not (made.path / "summary.json").read_text("utf-8").count("NaN")


def test_the_csv_names_the_strength_of_a_row(made: Run, tmp_path: Path) -> None:
    render([load_run(made.path)], ["csv"], tmp_path)
    rows = list(csv.DictReader((tmp_path / "report.csv").read_text("utf-8").splitlines()))
    assert list(rows[0])[-1] == "strength"
    assert {row["strength"] for row in rows} == {"", "low", "high"}
    curves = made.summary.strengths
    assert curves is not None
    graded = [row for row in rows if row["strength"]]
    levels = [row for row in graded if not row["perturbation"]]
    assert [(row["level"], row["strength"]) for row in levels] == [
        ("character", "low"), ("character", "high"),
    ]  # fmt: skip
    for row, group in zip(levels, curves.levels["character"].values(), strict=True):
        assert group.accuracy is not None
        assert np.isclose(float(row["accuracy"]), group.accuracy.value, atol=1e-6)
    assert {row["level"] for row in graded} == {"character"}
    assert len(graded) == 2 + sum(map(len, curves.perturbations.values()))


def test_a_run_at_one_strength_says_nothing_of_it(tmp_path: Path) -> None:
    plain = run(
        str(save_tiny_llama(tmp_path / "tiny")), tasks=TASK, levels="character", device="cpu",
        cache=False, scorers="loglik", full=True, out=tmp_path / "run",
    )  # fmt: skip
    assert plain.summary.strengths is None
    assert '"strengths"' not in (plain.path / "summary.json").read_text("utf-8")
    markdown = (plain.path / "report.md").read_text("utf-8")
    assert "Accuracy against strength" not in markdown
    assert "strength=" not in markdown
    render([load_run(plain.path)], ["csv"], tmp_path / "again")
    table = (tmp_path / "again" / "report.csv").read_text("utf-8")
    assert "strength" not in table.partition("\n")[0].split(",")


def test_a_strength_belongs_to_an_input_too(tmp_path: Path) -> None:
    rows = [{"text": f"{LONG} {n}", "label": ("even", "odd")[n % 2]} for n in range(2)]
    again = run(
        str(save_tiny_llama(tmp_path / "tiny")), tasks={**TASK, "source": {"rows": rows}},
        perturbations="keyboard", target="input", strength=("low", "high"), device="cpu",
        cache=False, scorers="loglik", full=True, out=tmp_path / "run",
    )  # fmt: skip
    perturbed = again.variants[again.variants["level"] != "clean"]
    assert perturbed["strength"].value_counts().to_dict() == {"low": 2, "high": 2}
    prompts = again.samples.merge(
        perturbed[["id", "strength"]], left_on="variant_id", right_on="id"
    )
    assert len(prompts) == 8
