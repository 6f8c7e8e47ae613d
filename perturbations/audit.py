"""Whether a variant still says what must not change, found out from the two texts alone.

This is the check on `perturbations.protect`, so it shares nothing with it: no patterns, no spans
and no edits. It reads characters and words by rules of its own, counts label words, numbers,
negations, quotations, code and placeholders in the original and in the variant, and names what
the variant lacks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from perturbations.audit_blocks import take_blocks
from perturbations.audit_names import find_names, find_units

Kind = Literal["label word", "number", "negation", "quotation", "code"]


@dataclass(frozen=True, slots=True)
class Loss:
    """Something of the original that the variant lacks."""

    kind: Kind
    what: str
    expected: int
    found: int


def find_losses(original: str, text: str, label_words: Sequence[str] = ()) -> tuple[Loss, ...]:
    """What of the original's label words, numbers, code, ... the variant says too seldom.

    An edited text must say each as often as the original. A rewritten one, which has kept less
    than half of the original's words, must say each at least once: a sentence may be rebuilt.
    A capital at the beginning, other quotation marks and additions are no losses.

    Args:
        original: The instruction before the perturbation.
        text: The variant.
        label_words: What the task's answers are called.

    Returns:
        The losses, sorted by kind and text; empty where the variant asks for the same.

    Example:
        >>> find_losses("Say 'yes' twice.", "Say 'yse' twice.", ["yes"])[0].what
        'yes'
    """
    labels = tuple(label_words)
    old, new = _count(original, labels), _count(text, labels)
    rewritten = _is_rewritten(original, text)
    losses = []
    for (kind, what), count in old.items():
        expected = 1 if rewritten else count
        found = new[kind, what]
        if found < expected and kind in _SAID_ANYWHERE:
            found = max(found, _said(text, what))
        if found < expected and not (rewritten and kind == "label word" and what not in labels):
            losses.append(Loss(kind, what, expected, found))
    return tuple(sorted(losses, key=lambda loss: (loss.kind, loss.what)))


def protected_intact(original: str, text: str, label_words: Sequence[str] = ()) -> bool:
    """Whether nothing that must stay is lost; see `find_losses`."""
    return original == text or not find_losses(original, text, label_words)


@lru_cache(maxsize=64)
def _count(text: str, label_words: tuple[str, ...]) -> Counter[tuple[Kind, str]]:
    counts: Counter[tuple[Kind, str]] = Counter()
    prose, blocks = take_blocks(text)
    counts.update(("code", block) for block in blocks)
    counts.update(("code", name) for name in find_names(prose))
    counts.update(("number", unit) for unit in find_units(prose))
    counts.update(("quotation", quoted) for quoted in _quotations(prose))
    counts.update(("number", number) for number in _numbers(text))
    counts.update(("negation", "") for _ in _negations(text))
    for word in label_words:
        counts.update(("label word", said) for said in _mentions(text, word))
    return counts


def _is_rewritten(original: str, text: str) -> bool:
    old, new = Counter(_words(original)), Counter(_words(text))
    return 2 * (old & new).total() < old.total()


def _words(text: str) -> list[str]:
    """The runs of letters of a text, in lower case."""
    return "".join(c if c.isalpha() or c in "'’" else " " for c in text).lower().split()


def _quotations(text: str) -> Iterator[str]:
    place = 0
    while place < len(text):
        end = _quotation_end(text, place) if text[place] in _CLOSING else 0
        if end:
            yield text[place + 1 : end].strip().rstrip(".,;:!?")
        place = (end or place) + 1


def _quotation_end(text: str, start: int) -> int:
    """Where the quotation that begins at `start` is closed in its line; 0 where it is not."""
    before, after = text[start - 1 : start], text[start + 1 : start + 2]
    if before.isalnum() or not after or after.isspace():
        return 0
    for place in range(start + 2, min(len(text), start + _LONGEST_QUOTE)):
        if text[place] == "\n":
            return 0
        closes = text[place] in _CLOSING[text[start]] and not text[place - 1].isspace()
        if closes and not text[place + 1 : place + 2].isalnum():
            return place
    return 0


def _numbers(text: str) -> Iterator[str]:
    yield from "".join(char if char.isdigit() else " " for char in text).split()
    yield from (word for word in _words(text) if word in _NUMBER_WORDS)


def _negations(text: str) -> Iterator[str]:
    for word in _words(text):
        if word in _NEGATIONS or word.replace("’", "'") in _CONTRACTED:
            yield word
    yield from (char for char in text if char in "不没無无非未勿")


def _mentions(text: str, label: str) -> Iterator[str]:
    """Every mention of a label word with its ending, its first letter in lower case."""
    text, label = " ".join(text.split()), " ".join(label.split())
    folded, wanted = _fold(text), _fold(label)
    place = folded.find(wanted) if wanted else -1
    while place >= 0:
        end = stop = place + len(wanted)
        while stop < len(text) and text[stop].isalpha() and not _is_joined(label[-1]):
            stop += 1
        if _stands(text, place, stop, label):
            yield text[place].lower() + text[place + 1 : stop]
        place = folded.find(wanted, end)


def _stands(text: str, start: int, stop: int, label: str) -> bool:
    """Whether what begins like a label word at `start` is that word, with an ending at most."""
    if not _is_joined(label[0]) and label[0].isalnum() and text[start - 1 : start].isalnum():
        return False
    if _is_joined(label[-1]) or not label[-1].isalnum():
        return True
    longest = 12 if len(label) > 3 else 3 if len(label) == 3 else 0
    return stop - start - len(label) <= longest and not text[stop : stop + 1].isalnum()


def _said(text: str, what: str) -> int:
    """How often a string stands in the text with no letter or digit beside it."""
    found, place = 0, text.find(what) if what else -1
    while place >= 0:
        before, after = text[place - 1 : place], text[place + len(what) : place + len(what) + 1]
        opened = before.isalnum() and what[0].isalnum()
        found += not (opened or (after.isalnum() and what[-1].isalnum()))
        place = text.find(what, place + len(what))
    return found


def _fold(text: str) -> str:
    """The text in lower case, character by character, so that places stay the same."""
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)


def _is_joined(char: str) -> bool:
    """Whether words of the character's script may touch each other (Chinese, Thai, Korean, ...)."""
    return any(low <= ord(char) <= high for low, high in _JOINED_BLOCKS)


def _number_words() -> frozenset[str]:
    units = _words("zero one two three four five six seven eight nine ten eleven twelve")
    stems = _words("thir four fif six seven eigh nine")
    tens = ["twenty", "forty", *(f"{stem}ty" for stem in stems if stem != "four")]
    large = _words("hundred thousand million billion dozen")
    ordinals = _words("first second third fifth eighth ninth twelfth")
    ordinals += [f"{word}th" for word in units[4:] + large] + [f"{ten[:-1]}ieth" for ten in tens]
    ordinals += [f"{stem}teenth" for stem in stems]
    cardinals = [*units, *tens, *large, *(f"{stem}teen" for stem in stems)]
    return frozenset([*cardinals, *ordinals, *(f"{word}s" for word in large), "once", "twice"])


_LONGEST_QUOTE: Final = 200
_CLOSING: Final = dict(zip("'\"`“‘«„「", ("'", '"', "`", "”", "’", "»", "“”", "」"), strict=True))
_SAID_ANYWHERE: Final = ("quotation", "code")
_NUMBER_WORDS: Final = _number_words()
_NEGATIONS: Final = frozenset(
    _words(
        "no not never neither nor none nobody nothing nowhere without cannot unless except dont"
        " doesnt didnt isnt cant wont nicht kein keine nie ohne jamais sans nunca senza não değil"
        " не нет без"
    )
)
_CONTRACTED: Final = frozenset(
    f"{verb}n't"
    for verb in _words(
        "do does did is are was were ca wo has have had could should would must might need sha ai"
    )
)
_JOINED_BLOCKS: Final = (
    (0x0590, 0x06FF), (0x0E00, 0x0EFF), (0x1000, 0x11FF), (0x1780, 0x17FF), (0x3040, 0x30FF),
    (0x3400, 0x9FFF), (0xAC00, 0xD7AF),
)  # fmt: skip
