"""Texts that must not be trained on: those of the rows a model is evaluated on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.tasks.rows import iter_fields, read_file

_WORD = re.compile(r"\w+")
_SEED = 8
"""Texts of fewer words are found in others by chance, in templates above all."""
_LABEL_SHARE = 0.2
"""A field with fewer distinct texts than this share of its rows holds labels, if they are short."""

Words = tuple[str, ...]


class Held:
    """Held-out texts, to look for in others.

    A text of eight words or more is found anywhere in another one, whatever the case and the
    punctuation; a shorter one only where it is the whole of the other.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._short: set[Words] = set()
        self._by_seed: dict[Words, set[Words]] = {}
        for text in texts:
            words = _words(text)
            if len(words) >= _SEED:
                self._by_seed.setdefault(words[:_SEED], set()).add(words)
            elif words:
                self._short.add(words)

    def __len__(self) -> int:
        return len(self._short) + sum(map(len, self._by_seed.values()))

    def is_in(self, text: str) -> bool:
        """Whether the text holds a held-out one."""
        words = _words(text)
        if words in self._short:
            return True
        for start in range(len(words) - _SEED + 1):
            for held in self._by_seed.get(words[start : start + _SEED], ()):
                if words[start : start + len(held)] == held:
                    return True
        return False


def read_held(paths: Sequence[Path]) -> Held:
    """The texts of all fields of the files' rows, but for ids, labels and numbers.

    Raises:
        UsageError: a file that cannot be read.
    """
    return Held(text for path in paths for text in _texts(path))


def _texts(path: Path) -> Iterator[str]:
    by_field: dict[str, list[str]] = {}
    for row in read_file(path):
        for name, text in iter_fields(row):
            by_field.setdefault(name, []).append(text)
    for texts in by_field.values():
        labels = len(set(texts)) < _LABEL_SHARE * len(texts)
        for text in texts:
            words = len(_words(text))
            # One word is a label or an id far more often than an input.
            if words >= _SEED or (words > 1 and not labels):
                yield text


def _words(text: str) -> Words:
    return tuple(_WORD.findall(text.casefold()))
