"""Token F1 after SQuAD's normalisation (Rajpurkar et al. 2016)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Final, Literal

from harness.grading.grade import Grade, GraderOptions
from harness.grading.normalize import Language, normalize_answer

_UNSPACED: Final = re.compile("([\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")
"""Thai, kana and Chinese characters."""


class TokenF1(GraderOptions):
    """The harmonic mean of the shares of words that text and reference have in common.

    F1 = 2PR / (P + R), where P is the share of the text's words that stand in the reference, R the
    share of the reference's words that stand in the text, repeated words counted as often as they
    stand in both. The best over the references counts.

    Source: `f1_score` of SQuAD v1.1's evaluation script. Where normalisation leaves nothing of text
    and reference the score is 1, as in the script of SQuAD 2.0 (v1.1 has no such answers).

    Example:
        >>> TokenF1().grade("in the city of Paris", ["Paris"]).score
        0.4
    """

    name: Literal["token_f1"] = "token_f1"
    language: Language = "en"
    """`en`: SQuAD's own normalisation; `other`: articles count, all Unicode punctuation goes."""
    tokens: Literal["words", "characters"] = "words"
    """`characters`: every Chinese, Japanese and Thai character is a token, as these languages put
    no spaces between words (MLQA's way, Lewis et al. 2020, arXiv:1910.07475)."""

    binary: ClassVar[bool] = False

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """The highest F1 over the references."""
        said = self._tokens(text)
        scores = (token_f1(said, self._tokens(one)) for one in references)
        return Grade(max(scores, default=0.0), text.strip())

    def _tokens(self, text: str) -> list[str]:
        if self.tokens == "characters":
            text = _UNSPACED.sub(r" \1 ", text)
        return normalize_answer(text, self.language).split()


def token_f1(said: Sequence[str], expected: Sequence[str]) -> float:
    """F1 of two bags of tokens.

    Example:
        >>> token_f1(["a", "b"], ["b", "c"])
        0.5
    """
    if not said or not expected:
        return float(len(said) == len(expected))
    common = sum((Counter(said) & Counter(expected)).values())
    if not common:
        return 0.0
    precision, recall = common / len(said), common / len(expected)
    return 2 * precision * recall / (precision + recall)
