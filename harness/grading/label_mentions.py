"""Where a text says a label word: the longest word at each place, whole words and whole numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from harness.grading.answer_text import BOLD_END, BOLD_START, fold_writing

SPACELESS: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u30ff\u3130-\u318f"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
)
"""Scripts that write words without spaces between them, or endings without a break."""
_LETTER: Final = rf"[^\W{SPACELESS}]"
_JOINT: Final = rf"[\s_{BOLD_START}{BOLD_END}-]+"
_SLASH: Final = r"(?<=[^\W\d])\s*/\s*(?=[^\W\d])"
_BY_A_SLASH: Final = rf"(?:{_SLASH}|{_JOINT})"
"""Between the parts of a word such as "Sci/Tech", which is written "sci-tech", too."""
_SUFFIX: Final = r"(?:'?[dt][ıiuü]r)?"
"""The Turkish copula, which is written onto the word."""
_NUMBER: Final = re.compile(
    rf"(?<!{_LETTER})(?<![.,])(?<!\d[-/:])[-+]?\d+(?:[.,]\d+)*(?!{_LETTER}|%|[-/:.,]\d)"
)
_UNIT: Final = re.compile(
    r"[ \t-]*(?:kg|km|cm|mm|lbs?|oz|ml|kb|mb|gb|°|percent|dollars?|euros?|cents?|seconds?|secs?|"
    r"min(?:ute)?s?|hours?|hrs?|days?|weeks?|months?|years?|people|persons?|times|pages?|words?|"
    r"sentences?|paragraphs?)\b",
    re.IGNORECASE,
)
_FUNCTION_WORDS: Final = frozenset(
    {"an", "no", "not", "none", "or", "so", "in", "on", "it", "is", "to", "do", "ne", "non"}
    | {"nein", "nicht", "pas", "là"}
)
_ONE_LETTER_WORDS: Final = frozenset("AIEOYUaieoyu")
_A_WORD_FOLLOWS: Final = re.compile(r"[ \t]+(?!(?:because|since|as|is|or|and|but|nor)\b)\w")


@dataclass(frozen=True, slots=True)
class Mention:
    """A place where a label word stands."""

    label: str
    start: int
    end: int
    fragile: bool
    """Whether the word also means other things, so that it counts only as an answer."""
    spaceless: bool = False
    """Whether its script writes words without spaces between them."""


class LabelFinder:
    """Finds the words of labels in cleaned text.

    A word stands where no letter touches it; scripts without spaces need no border. Spaces, hyphens
    and underscores within a word are one. A number is read whole: 1 is not in 10, 1,000 or 1.5, but
    1.0 is 1. At each place the longest word wins.
    """

    def __init__(self, verbalizer_of: Mapping[str, str]) -> None:
        folded = {label: fold_writing(word).strip() for label, word in verbalizer_of.items()}
        self._numbers = {
            value: label for label, word in folded.items() if (value := _value_of(word)) is not None
        }
        self.words = {label: normal_form(word) for label, word in folded.items()}
        self._case = folded
        self._label_of = {word: label for label, word in self.words.items()}
        numbers = set(self._numbers.values())
        words = [_spaced(folded[label]) for label in self.words if label not in numbers]
        words = [word for word in words if word]
        self._pattern = _alternation(words) if words else None
        self.largest = max(self._numbers, default=None)

    def find(self, text: str) -> list[Mention]:
        """All mentions in `text`, in order, none within another."""
        mentions = [*self._find_words(text), *self._find_numbers(text)]
        mentions.sort(key=lambda mention: (mention.start, -mention.end))
        kept: list[Mention] = []
        for mention in mentions:
            if not kept or mention.start >= kept[-1].end:
                kept.append(mention)
            elif mention.end - mention.start > kept[-1].end - kept[-1].start:
                kept[-1] = mention
        return kept

    def negated(self, label: str) -> str | None:
        """The label that says "not" before this label's word, where there is one."""
        return self._label_of.get(f"not {self.words[label]}")

    def can_grow(self, said: str, label: str) -> bool:
        """Whether another label's word begins with all that was said so far."""
        start = normal_form(said) + (" " if said[-1:].isspace() else "")
        return any(w.startswith(start) for name, w in self.words.items() if name != label)

    def _find_words(self, text: str) -> Iterator[Mention]:
        if self._pattern is None:
            return
        for match in self._pattern.finditer(text.lower()):
            said = match[match.lastgroup or 0]
            label = self._label_of[normal_form(said)]
            word = self.words[label]
            mention = Mention(
                label=label,
                start=match.start(),
                end=match.start() + len(said),
                fragile=len(word) == 1 or word in _FUNCTION_WORDS,
                spaceless=match.lastgroup == "free",
            )
            if len(word) > 1 or not self._is_other_word(text, mention):
                yield mention

    def _is_other_word(self, text: str, mention: Mention) -> bool:
        """Whether a letter is no label but an article, a pronoun or an elided word."""
        said, after = text[mention.start : mention.end], text[mention.end :]
        if re.match(r"'\w|[+#]", after):
            return True
        if said == self._case[mention.label] and said not in _ONE_LETTER_WORDS:
            return False
        return said.isascii() and bool(_A_WORD_FOLLOWS.match(after))

    def _find_numbers(self, text: str) -> Iterator[Mention]:
        if not self._numbers:
            return
        for match in _NUMBER.finditer(text):
            value = _value_of(match[0])
            if value in self._numbers and not _is_amount(text, match):
                yield Mention(self._numbers[value], match.start(), match.end(), fragile=False)


def normal_form(word: str) -> str:
    """A word in lower case, its parts apart by single spaces, also where a slash stood."""
    return " ".join(re.split(_BY_A_SLASH, word.lower())).strip()


def _spaced(word: str) -> str:
    """A word in lower case, its parts apart by single spaces or slashes."""
    return " ".join(re.split(_JOINT, word.lower())).strip()


def _alternation(words: list[str]) -> re.Pattern[str]:
    """A pattern of all words, the longest first, bordered where their script has borders."""
    ordered = sorted(set(words), key=len, reverse=True)
    bordered = [word for word in ordered if re.match(_LETTER, word)]
    free = [word for word in ordered if not re.match(_LETTER, word)]
    parts = []
    if bordered:
        parts.append(
            rf"(?<!{_LETTER})(?P<word>{_either(bordered)}){_SUFFIX}(?!{_LETTER}|-(?:ish|like|free)\b)"
        )
    if free:
        # Looked at, not taken: in はいいえ (は, いいえ) the longer word begins within the shorter.
        parts.append(rf"(?=(?P<free>{_either(free)}))")
    return re.compile("|".join(parts))


def _either(words: list[str]) -> str:
    return "|".join(map(_written, words))


def _written(word: str) -> str:
    """A pattern of the ways to write a label word's inner spaces and slashes."""
    parts = (map(re.escape, part.split()) for part in re.split(_SLASH, word))
    return _BY_A_SLASH.join(_JOINT.join(part) for part in parts)


def _is_amount(text: str, number: re.Match[str]) -> bool:
    """Whether a currency stands before the number or a unit behind it; $5$ is mathematics."""
    if _UNIT.match(text, number.end()):
        return True
    before, after = text[number.start() - 1 : number.start()], text[number.end() :][:1]
    return before in {"€", "£", "¥"} or (before == "$" and after != "$")


def _value_of(text: str) -> Decimal | None:
    if not re.fullmatch(r"[-+]?(0|[1-9]\d*)(\.\d+)?", text, re.ASCII):
        return None
    try:
        return Decimal(text).normalize()
    except InvalidOperation:
        return None
