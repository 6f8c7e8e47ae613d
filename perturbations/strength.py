"""How strong noise is: how many words a perturbation changes and how much in each.

`medium` is what published attacks do to prompts: of the words of PromptBench's attacked prompts
DeepWordBug changed .205 and TextBugger .178 on average, DeepWordBug by 1.2 characters a word in the
median (docs/perturbations.md has the command). `low` is half of that; `high` is the tenth of
DeepWordBug's prompts that were changed most (.36 of the words), at two places in a long word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness.core.records import StrengthName


@dataclass(frozen=True, slots=True)
class Strength:
    """How many words are changed and how much.

    Example:
        >>> STRENGTHS["high"].edits_in("classification"), STRENGTHS["high"].edits_in("text")
        (2, 1)
    """

    name: StrengthName
    noisy_words: float
    """Share of a text's words that character noise changes."""
    changed_words: float
    """Share of a text's words that a word-level perturbation changes."""
    edits: int
    """Places that character noise changes in a long word; a short one is changed in one."""

    def edits_in(self, word: str) -> int:
        """Return how many places of a word character noise changes."""
        return self.edits if len(word) >= _LONG_WORD else 1


_LONG_WORD: Final = 7
LOW: Final = Strength("low", noisy_words=0.1, changed_words=0.0625, edits=1)
MEDIUM: Final = Strength("medium", noisy_words=0.2, changed_words=0.125, edits=1)
HIGH: Final = Strength("high", noisy_words=0.36, changed_words=0.25, edits=2)
STRENGTHS: Final[Mapping[StrengthName, Strength]] = {one.name: one for one in (LOW, MEDIUM, HIGH)}
"""Every strength by name."""
