"""The rows and wordings of the starter tasks `inference` and `paraphrase`, read as plain files."""

from __future__ import annotations

import difflib
import itertools
import json
import re
from collections import Counter
from functools import cache
from importlib import resources
from typing import Any

import pytest
import yaml

SUITES = resources.files("harness.tasks") / "shipped"
FIELDS = {"inference": ("premise", "hypothesis"), "paraphrase": ("first", "second")}
Row = dict[str, str]

pytestmark = pytest.mark.parametrize("task", sorted(FIELDS))


@cache
def read_task(task: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(
        (SUITES / "starter" / f"{task}.yaml").read_text(encoding="utf-8")
    )
    return content


@cache
def read_rows(file: str) -> list[Row]:
    text = (SUITES / "starter" / file).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def evaluated(task: str) -> list[Row]:
    return read_rows(read_task(task)["source"]["file"])


def shots(task: str) -> list[Row]:
    return read_rows(read_task(task)["few_shot"]["file"])


def joined(row: Row, task: str) -> str:
    return " / ".join(row[field] for field in FIELDS[task]).lower()


def words(text: str) -> set[str]:
    return set(re.findall(r"[\w']+", text.lower()))


def wordings(task: str) -> list[str]:
    content = read_task(task)
    texts = [instruction["text"] for instruction in content["instructions"]]
    return texts + [text for bank in content["paraphrases"].values() for text in bank]


def too_alike(left: str, right: str, limit: float) -> bool:
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    # The quick bounds spare nearly every pair the full comparison.
    return (
        matcher.real_quick_ratio() >= limit
        and matcher.quick_ratio() >= limit
        and matcher.ratio() >= limit
    )


def test_suite_lists_the_task(task: str) -> None:
    suite = yaml.safe_load((SUITES / "starter.yaml").read_text(encoding="utf-8"))
    assert suite["name"] == "starter"
    assert task in suite["tasks"]
    assert read_task(task)["name"] == task


def test_rows_have_the_fields_and_nothing_else(task: str) -> None:
    for row in evaluated(task) + shots(task):
        assert list(row) == ["id", *FIELDS[task], "label"]
        for value in row.values():
            assert isinstance(value, str)
            assert value == value.strip() != ""


def test_counts_and_balance(task: str) -> None:
    labels = {label["name"] for label in read_task(task)["labels"]}
    rows = evaluated(task)
    assert len(rows) >= 90
    assert Counter(row["label"] for row in rows) == dict.fromkeys(labels, len(rows) // 2)
    assert Counter(row["label"] for row in shots(task)) == dict.fromkeys(labels, 4)


def test_ids_are_unique(task: str) -> None:
    ids = [row["id"] for row in evaluated(task) + shots(task)]
    assert len(set(ids)) == len(ids)


def test_sentences_are_unique(task: str) -> None:
    sentences = [
        row[field].lower() for row in evaluated(task) + shots(task) for field in FIELDS[task]
    ]
    assert [text for text, count in Counter(sentences).items() if count > 1] == []


def test_no_near_duplicate_pairs(task: str) -> None:
    texts = [joined(row, task) for row in evaluated(task) + shots(task)]
    alike = [pair for pair in itertools.combinations(texts, 2) if too_alike(*pair, 0.85)]
    assert alike == []


def test_order_is_irregular(task: str) -> None:
    runs = [len(list(run)) for _, run in itertools.groupby(row["label"] for row in evaluated(task))]
    assert max(runs) <= 4, "long stretches of one label"
    share = len(runs) / len(evaluated(task))
    assert 1 / 3 <= share <= 2 / 3, "neither sorted nor alternating"


def test_word_overlap_does_not_give_the_answer_away(task: str) -> None:
    first, second = FIELDS[task]
    rows = evaluated(task)
    shares = [len(words(row[first]) & words(row[second])) / len(words(row[second])) for row in rows]
    gold = [row["label"] == rows[0]["label"] for row in rows]
    for threshold in sorted(set(shares)):
        right = sum(
            (share >= threshold) == label for share, label in zip(shares, gold, strict=True)
        )
        assert 0.25 < right / len(rows) < 0.75


def test_length_does_not_give_the_answer_away(task: str) -> None:
    rows = evaluated(task)
    lengths = [len(row[FIELDS[task][1]].split()) for row in rows]
    gold = [row["label"] == rows[0]["label"] for row in rows]
    for threshold in sorted(set(lengths)):
        right = sum(
            (length >= threshold) == label for length, label in zip(lengths, gold, strict=True)
        )
        assert 0.3 < right / len(rows) < 0.7


def test_three_instructions_of_each_style(task: str) -> None:
    instructions = read_task(task)["instructions"]
    assert [i["id"] for i in instructions] == [
        f"{style}-{number}" for style in ("task", "role") for number in (1, 2, 3)
    ]
    for instruction in instructions:
        assert instruction["id"].startswith(instruction["style"])
        assert instruction["text"].startswith("You are ") == (instruction["style"] == "role")


def test_every_instruction_has_paraphrases(task: str) -> None:
    content = read_task(task)
    assert list(content["paraphrases"]) == [i["id"] for i in content["instructions"]]
    assert min(len(bank) for bank in content["paraphrases"].values()) >= 3


def test_every_wording_names_the_label_words_in_quotes(task: str) -> None:
    answers = [label["word"] for label in read_task(task)["labels"]]
    assert all(isinstance(answer, str) for answer in answers)
    for text in wordings(task):
        # Apostrophes within words (isn't, months') do not open or close a quoted word.
        assert set(re.findall(r"(?<!\w)'(\w+)'(?!\w)", text)) == set(answers), text


def test_wordings_differ(task: str) -> None:
    texts = [" ".join(text.lower().split()) for text in wordings(task)]
    assert len(set(texts)) == len(texts) >= 24
    alike = [pair for pair in itertools.combinations(texts, 2) if too_alike(*pair, 0.85)]
    assert alike == []


def test_wordings_are_one_line(task: str) -> None:
    for text in wordings(task):
        assert text == " ".join(text.split())
