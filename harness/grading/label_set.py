"""Several labels at once: the set that a text names, against the set that a row has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from harness.grading.answer_text import clean_answer
from harness.grading.grade import UNPARSED, Grade, GraderOptions
from harness.grading.label_mentions import LabelFinder, Mention

_SEPARATORS: Final = re.compile(r"\s*[,;|\n]\s*")
_DENIED: Final = re.compile(r"(?:\b(?:not|no|nor|neither|without)|n't)\s+(?:\w+\s+)?[\"']?$")
_ITEM_BEGINS: Final = re.compile(r"""(?:^|[,;|/&+:.(\[{\n-]|\b(?:and|or))\s*["']?$""")
_ITEM_ENDS: Final = re.compile(r"""["')\]}.]*\s*(?:$|[,;|/&+\n]|(?:and|or)\b)""")


class LabelSet(GraderOptions):
    """F1 of two sets of labels: twice what they share over what both have; 1 where both are empty.

    A text names the labels whose words stand in it and are not denied; a row says its labels as a
    list, or as a text with commas. A text that names none and does not say `none` is unparsed.

    Example:
        >>> grader = LabelSet(labels={"food": "food", "price": "price", "place": "place"})
        >>> grade = grader.grade("Food and price.", ["food", "place"])
        >>> grade.score, grade.answer
        (0.5, 'food, price')
    """

    name: Literal["label_set"] = "label_set"
    labels: Annotated[dict[str, str], Field(min_length=2)]
    """Label -> the word that the model is to say for it."""
    values: dict[str, str] = Field(default_factory=dict)
    """What a row may say -> the label that it means, where that is not the label's name."""
    none: Annotated[str, Field(min_length=1)] = "none"
    """What the model is to say where no label holds."""

    binary: ClassVar[bool] = False

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """F1 of what the text names; the references together are the row's set."""
        said = self.read(text)
        if said is None:
            return UNPARSED
        gold = set(self.gold(references))
        size = len(said) + len(gold)
        score = 2 * len(gold & set(said)) / size if size else 1.0
        return Grade(score, ", ".join(said) or self.none)

    def problem(self, references: Sequence[str]) -> str | None:
        """A row may have no label, and none that is not the task's."""
        unknown = [one for one in self._values(references) if one not in self._meant]
        if not unknown:
            return None
        return f"the label {unknown[0][:60]!r} is not among the labels ({', '.join(self.labels)})"

    def gold(self, references: Sequence[str]) -> tuple[str, ...]:
        """The labels of a row, in the task's order."""
        named = {self._meant.get(value) for value in self._values(references)}
        return tuple(label for label in self.labels if label in named)

    def read(self, text: str) -> tuple[str, ...] | None:
        """The labels that a text names, in the task's order; None where it says nothing."""
        cleaned = clean_answer(text)
        mentions = self._finder.find(cleaned)
        named = {one.label for one in mentions if self._counts(cleaned, one)}
        said = tuple(label for label in self.labels if label in named)
        says_none = re.search(rf"\b{re.escape(self.none)}\b", cleaned, re.IGNORECASE)
        return said if said or says_none else None

    def _counts(self, text: str, mention: Mention) -> bool:
        """Whether a word is not denied; one that means other things too must be an item itself."""
        before, after = text[: mention.start].lower(), text[mention.end :].lower()
        if _DENIED.search(before[-60:]):
            return False
        return not mention.fragile or bool(_ITEM_BEGINS.search(before) and _ITEM_ENDS.match(after))

    def _values(self, references: Sequence[str]) -> Iterator[str]:
        for reference in references:
            if reference in self._meant:
                yield reference
            else:
                yield from filter(None, _SEPARATORS.split(reference.strip()))

    @property
    def _meant(self) -> Mapping[str, str]:
        return {**{label: label for label in self.labels}, **self.values}

    @cached_property
    def _finder(self) -> LabelFinder:
        return LabelFinder(self.labels)
