"""The shipped examples and wordings of sentiment, topic and acceptability, read as plain files."""

from __future__ import annotations

import json
from collections import Counter
from difflib import SequenceMatcher
from functools import cache
from itertools import combinations, pairwise
from typing import Any

import pytest
import yaml

from tests.support.paths import ROOT

FOLDER = ROOT / "harness" / "tasks" / "shipped" / "starter"
pytestmark = pytest.mark.parametrize("name", ["sentiment", "topic", "acceptability"])


@cache
def read_spec(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return spec


@cache
def read_rows(file: str) -> list[dict[str, str]]:
    lines = (FOLDER / file).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def examples(name: str) -> list[dict[str, str]]:
    return read_rows(read_spec(name)["source"]["file"])


def shots(name: str) -> list[dict[str, str]]:
    return read_rows(read_spec(name)["few_shot"]["file"])


def wordings(name: str) -> list[str]:
    spec = read_spec(name)
    clean = [instruction["text"] for instruction in spec["instructions"]]
    return clean + [text for bank in spec["paraphrases"].values() for text in bank]


def plain(text: str) -> str:
    return " ".join("".join(c for c in text.casefold() if c.isalnum() or c == " ").split())


def test_examples_are_enough_and_balanced(name: str) -> None:
    counts = Counter(row["label"] for row in examples(name))
    assert sum(counts.values()) >= 80
    assert len(set(counts.values())) == 1
    assert set(counts) == {label["name"] for label in read_spec(name)["labels"]}


def test_few_shot_rows_are_eight_and_balanced(name: str) -> None:
    counts = Counter(row["label"] for row in shots(name))
    assert sum(counts.values()) == 8
    assert counts.keys() == {label["name"] for label in read_spec(name)["labels"]}
    assert len(set(counts.values())) == 1


def test_rows_have_the_same_fields_and_a_sensible_length(name: str) -> None:
    for row in examples(name) + shots(name):
        assert list(row) == ["id", "text", "label"]
        assert row["text"] == " ".join(row["text"].split())
        assert 6 <= len(row["text"].split()) <= 40, row["id"]


def test_ids_texts_and_beginnings_are_unique(name: str) -> None:
    rows = examples(name) + shots(name)
    beginnings = [" ".join(plain(row["text"]).split()[:3]) for row in rows]
    for values in ([row["id"] for row in rows], [plain(row["text"]) for row in rows], beginnings):
        assert [value for value, count in Counter(values).items() if count > 1] == []


def test_no_two_examples_are_near_duplicates(name: str) -> None:
    texts = [plain(row["text"]) for row in examples(name) + shots(name)]
    assert [pair for pair in combinations(texts, 2) if is_close(*pair)] == []


def test_labels_come_in_no_regular_order(name: str) -> None:
    labels = [row["label"] for row in examples(name)]
    longest = run = 1
    for before, after in pairwise(labels):
        run = run + 1 if before == after else 1
        longest = max(longest, run)
    changes = sum(a != b for a, b in pairwise(labels))
    assert longest <= 4
    assert changes < len(labels) - 1


def test_every_label_has_texts_of_like_length(name: str) -> None:
    words: dict[str, list[int]] = {}
    for row in examples(name):
        words.setdefault(row["label"], []).append(len(row["text"].split()))
    means = [sum(lengths) / len(lengths) for lengths in words.values()]
    assert max(means) / min(means) < 1.2


def test_instructions_come_in_both_styles(name: str) -> None:
    instructions = read_spec(name)["instructions"]
    ids = [instruction["id"] for instruction in instructions]
    assert ids == ["task-1", "task-2", "task-3", "role-1", "role-2", "role-3"]
    for instruction in instructions:
        assert instruction["id"].startswith(instruction["style"])
        assert instruction["text"].startswith("You are a") == (instruction["style"] == "role")


def test_each_instruction_has_at_least_three_paraphrases(name: str) -> None:
    spec = read_spec(name)
    assert list(spec["paraphrases"]) == [instruction["id"] for instruction in spec["instructions"]]
    assert min(len(bank) for bank in spec["paraphrases"].values()) >= 3


def test_every_wording_quotes_the_label_words_once_and_in_order(name: str) -> None:
    quoted = [f"'{label['word']}'" for label in read_spec(name)["labels"]]
    for text in wordings(name):
        assert [text.count(word) for word in quoted] == [1] * len(quoted), text
        places = [text.index(word) for word in quoted]
        assert places == sorted(places), text


def test_no_wording_repeats_another(name: str) -> None:
    texts = [plain(text) for text in wordings(name)]
    assert len(set(texts)) == len(texts)
    without_labels = [strip_labels(text, name) for text in wordings(name)]
    assert [pair for pair in combinations(without_labels, 2) if is_close(*pair)] == []


def strip_labels(text: str, name: str) -> str:
    for label in read_spec(name)["labels"]:
        text = text.replace(f"'{label['word']}'", "")
    return plain(text)


def is_close(first: str, second: str, limit: float = 0.8) -> bool:
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    bounds = (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio)
    return all(bound() >= limit for bound in bounds)
