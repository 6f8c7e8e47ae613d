"""Where a label word stands in a text: alone, with an ending, or in a script without spaces."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

# Scripts in which a word's neighbours may be letters: no spaces (Han, Kana, Thai, Lao, Khmer,
# Burmese), particles that follow (Hangul), prefixes that are joined (Arabic, Hebrew).
_JOINED: Final = (
    "\u0590-\u05ff\u0600-\u06ff\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff"
    "\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
)
JOINED_SCRIPT: Final = re.compile(f"[{_JOINED}]")
"""A letter of a script in which other letters may touch a word."""

_LETTER: Final = r"[^\W\d_]"
# Finnish -nen: -se-; English -y: -ies; Turkish k, p, ç, t soften; Slavic and Romance endings vary.
_STEMS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"(?<=\w{4})nen$"), "(?:nen|s)"),
    (re.compile(r"(?<=[^aeiou\W])y$"), "(?:y|ie)"),
    (re.compile(r"(?<=\w{2})k$"), "[kğ]"),
    (re.compile(r"(?<=\w{2})p$"), "[pb]"),
    (re.compile(r"(?<=\w{2})ç$"), "[çc]"),
    (re.compile(r"(?<=[а-яё]{4})(?:[ыио]й|[ая]я|[ое]е|[ыи]е)$"), ""),
    (re.compile(r"(?<=\w{4})[oa]$"), "[oaei]"),
)


@lru_cache(maxsize=256)
def label_pattern(label_words: tuple[str, ...]) -> re.Pattern[str] | None:
    """A pattern for all forms of the label words, the longest first; None without label words."""
    words = {
        form
        for word in label_words
        for form in (unicodedata.normalize(n, " ".join(word.split())) for n in ("NFC", "NFD"))
    }
    longest_first = sorted(words - {""}, key=lambda word: (-len(word), word))
    if not longest_first:
        return None
    return re.compile("|".join(map(inflected_word, longest_first)), re.IGNORECASE)


def whole_word(word: str) -> str:
    """A regular expression for `word` that no letter or digit may touch; any space fits a space.

    An underscore is no part of a word here, so that `_positive_` holds the word `positive`. In
    scripts without spaces between words letters may touch.
    """
    before = r"(?<![^\W_])" if _is_bounded(word[0]) else ""
    after = r"(?![^\W_])" if _is_bounded(word[-1]) else ""
    return before + _spaced(word) + after


def inflected_word(word: str) -> str:
    """A regular expression for `word` as a whole word or with an ending (`olumlu`, `olumluysa`)."""
    whole = whole_word(word)
    if not word[-1].isalpha() or not _is_bounded(word[-1]) or len(word) < 3:
        return whole
    longest = 3 if len(word) == 3 else 12
    stem = _spaced(word)
    for ending, others in _STEMS:
        if ending.search(word):
            stem = _spaced(ending.sub("", word)) + others
            break
    before = r"(?<![^\W_])" if _is_bounded(word[0]) else ""
    return f"{whole}|{before}{stem}{_LETTER}{{0,{longest}}}(?![^\\W_])"


def _is_bounded(char: str) -> bool:
    """Whether a letter or digit next to this character would make it part of another word."""
    return char.isalnum() and JOINED_SCRIPT.match(char) is None


def _spaced(word: str) -> str:
    return r"\s+".join(re.escape(part) for part in word.split())
