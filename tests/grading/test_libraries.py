"""BLEU, chrF and ROUGE are those of sacrebleu and rouge-score."""

from __future__ import annotations

import importlib.util

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from harness.core.errors import MissingPackageError
from tests.support.graders import grader

PAIRS = [
    # text, references
    ("The cat sat on the mat.", ["The cat sat on the mat."]),
    ("the cat sat on the mat", ["The cat sat on the mat."]),
    ("The cat is on the mat.", ["The cat sat on the mat."]),
    ("A cat sat on a mat.", ["The cat sat on the mat.", "A cat was sitting on a mat."]),
    ("The mat sat on the cat.", ["The cat sat on the mat."]),
    ("cat", ["The cat sat on the mat."]),
    ("The cat sat on the mat and then went home to sleep.", ["The cat sat on the mat."]),
    ("dog", ["cat"]),
    ("cat", ["cat"]),
    ("the the the the the the the", ["The cat is on the mat.", "There is a cat on the mat."]),
    ("Israeli officials are responsible for airport security",
     ["Israeli officials are responsible for airport security"]),
    ("airport security Israeli officials are responsible",
     ["Israeli officials are responsible for airport security"]),
    ("police killed the gunman", ["police kill the gunman", "the gunman was shot by police"]),
    ("the gunman kill police", ["police killed the gunman"]),
    ("1,000 people came.", ["1000 people came."]),
    ("It costs $5.50!", ["It costs 5.50 dollars."]),
    ("Don't do that", ["Do not do that"]),
    ("well-known facts", ["well known facts"]),
    ("line one\nline two", ["line one\nline three"]),
    ("UPPER CASE", ["upper case"]),
    ("running runs runner", ["run runs ran"]),
    ("Die Katze sitzt auf der Matte.", ["Die Katze saß auf der Matte."]),
    ("Straße", ["Strasse"]),
    ("café au lait", ["cafe au lait"]),
    ("a b c d e f g h", ["a b c d e f g h i j"]),
    ("a b c d e f g h i j", ["a b c d e f g h"]),
    ("a a b b", ["a b", "b a"]),
    ("x", ["y", "x z"]),
    ("An apple a day keeps the doctor away", ["One apple each day keeps doctors away"]),
    ("To be, or not to be: that is the question.", ["To be or not to be, that is the question."]),
    ("Weather is fine today", ["Today the weather is fine", "The weather today is fine"]),
    ("...", ["cat"]),
    ("", ["cat"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "references"), PAIRS)
def test_bleu_and_chrf_are_sacrebleus(text: str, references: list[str]) -> None:
    bleu = sacrebleu.sentence_bleu(text, references).score / 100
    chrf = sacrebleu.sentence_chrf(text, references).score / 100
    chrf_pp = sacrebleu.sentence_chrf(text, references, word_order=2).score / 100
    assert grader("bleu").grade(text, references).score == pytest.approx(bleu, abs=1e-12)
    assert grader("chrf").grade(text, references).score == pytest.approx(chrf, abs=1e-12)
    plus = grader("chrf", word_order=2).grade(text, references).score
    assert plus == pytest.approx(chrf_pp, abs=1e-12)


@pytest.mark.parametrize(("text", "references"), PAIRS)
@pytest.mark.parametrize("variant", ["rouge1", "rouge2", "rougeL", "rougeLsum"])
@pytest.mark.parametrize("stemmer", [False, True])
def test_rouge_is_rouge_scores(
    text: str, references: list[str], variant: str, stemmer: bool
) -> None:
    theirs = RougeScorer([variant], use_stemmer=stemmer).score_multi(references, text)
    ours = grader("rouge", variant=variant, stemmer=stemmer).grade(text, references)
    assert ours.score == theirs[variant].fmeasure


def test_published_values() -> None:
    # BLEU's paper (Papineni et al. 2002, section 2.1): "the" seven times has a clipped precision of
    # 2/7; ROUGE's (Lin 2004, section 3): LCS of "police killed the gunman" with "police kill the
    # gunman" is 3 of 4 words, with "the gunman kill police" 2 of 4.
    reference = ["police killed the gunman"]
    rouge = grader("rouge")
    assert rouge.grade("police kill the gunman", reference).score == 3 / 4
    assert rouge.grade("the gunman kill police", reference).score == 2 / 4
    words = sacrebleu.sentence_bleu(
        "the the the the the the the", ["the cat is on the mat", "there is a cat on the mat"]
    )
    assert words.precisions[0] == pytest.approx(100 * 2 / 7)


@pytest.mark.parametrize(
    ("options", "text", "reference"),
    [
        ({"lowercase": True}, "UPPER CASE HERE NOW", "upper case here now"),
        ({"tokenize": "char"}, "abcd", "abcd"),
        ({"tokenize": "zh"}, "我在北京工作", "我在北京工作"),
        ({"tokenize": "intl"}, "„a“ b c d", "„a“ b c d"),
    ],
)
def test_options_of_bleu(options: dict[str, object], text: str, reference: str) -> None:
    assert grader("bleu", **options).grade(text, [reference]).score == 1


def test_references_that_rouge_cannot_count_are_a_problem() -> None:
    assert "take chrf" in (grader("rouge").problem(["北京"]) or "")
    assert "fewer than 2 words" in (grader("rouge", variant="rouge2").problem(["Paris"]) or "")
    assert grader("rouge").problem(["Paris"]) is None


@pytest.mark.parametrize("name", ["bleu", "chrf", "rouge"])
def test_a_missing_package_says_what_to_type(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=r'pip install "robustness-harness\[graders\]"'):
        grader(name)
