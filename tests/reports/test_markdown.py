"""report.md: its tables, its marks, and that nothing in a text becomes markup."""

from __future__ import annotations

import re

import pytest

from reports.diff import word_marks
from reports.markdown import render_markdown
from reports.markdown_text import code_block, escape, mark_markdown, table
from reports.view import build_view
from tests.support.make_run import make_run


@pytest.fixture(scope="module")
def report() -> str:
    return render_markdown(build_view([make_run(), make_run("runs/t", model="t", strength=0.2)]))


def test_every_table_is_rectangular(report: str) -> None:
    blocks = re.findall(r"(?:^\|.*\n)+", report, flags=re.MULTILINE)
    assert len(blocks) >= 6
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_it_answers_in_order(report: str) -> None:
    titles = re.findall(r"^## (.*)$", report, flags=re.MULTILINE)
    assert titles == [
        "t against SmolLM2-135M-Instruct",
        "Ranking",
        "Accuracy by level",
        "Drop by task and level (pp)",
        "Drop by perturbation (pp)",
        "Which instruction to use",
        "Worst variants",
        "Flips",
        "What was run",
    ]
    assert report.startswith("# Robustness of SmolLM2-135M-Instruct vs t\n\n**")


def test_five_worst_variants_per_run_with_their_marks(report: str) -> None:
    lines = re.findall(r"^[1-5]\. .* points.*", report, flags=re.MULTILINE)
    assert len(lines) == 10
    for line in lines:  # bold is a finding
        assert ("**" in line) == (", significant drop: " in line)
    assert "<del>" in report
    assert "<ins>" in report


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", "a\\|b"),
        ("<script>", "&lt;script&gt;"),
        ("*bold* _it_ `code`", "\\*bold\\* \\_it\\_ \\`code\\`"),
        ("[x](y)", "\\[x\\](y)"),
        ("line\nbreak", "line ⏎ break"),
        ("https://x.y", "https\\://x.y"),
        ("www.x.y", "www\\.x.y"),
        ("$1 ~2~ #3 @me", "\\$1 \\~2\\~ \\#3 &#64;me"),
        ("Plain words, nothing else.", "Plain words, nothing else."),
        ("&amp;", "&amp;amp;"),
    ],
)
def test_escape(text: str, escaped: str) -> None:
    assert escape(text) == escaped


def test_marks_stand_inside_words_and_beside_punctuation() -> None:
    assert mark_markdown(word_marks("Say 'yes'.", "Say 'yess'!")) == (
        "Say '<del>yes</del><ins>yess</ins><del>'.</del><ins>'!</ins>"
    )


def test_no_fence_in_a_text_closes_its_block() -> None:
    block = code_block("before\n````\n# after")
    assert block[0] == "`````text"
    assert block[-1] == "`````"


def test_table() -> None:
    assert table(["a", "b"], [["1", "2"]]) == ["| a | b |", "| :-- | --: |", "| 1 | 2 |"]
