"""What a perturbation is: a named, pure function from a subject and a generator to a draft."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Final

from harness.core.records import Edit, Level
from harness.core.registry import Registry
from perturbations.strength import MEDIUM, Strength


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start:end` of a text that must stay as they are, and why."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The text to perturb and what a perturbation may know about it."""

    text: str
    protected: tuple[Span, ...] = ()
    """Label words, placeholders, quoted strings, numbers and negations, sorted, disjoint."""
    label_words: tuple[str, ...] = ()
    paraphrases: tuple[str, ...] = ()
    """The paraphrase bank of this very instruction."""
    others: tuple[str, ...] = ()
    """Other things a perturbation of this task may draw from (the task's other instructions)."""
    task: str = ""
    """The task's name, for perturbations that draw on what was published for it."""
    strength: Strength = MEDIUM
    """How many words to change, and how much in each."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A perturbed text and the edits, in coordinates of the subject's text, that lead to it."""

    text: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How the options of a choice are shown: in which order, under which letters.

    Example:
        >>> options = Arrangement(order=(1, 0), mark="({})", lower_case=True)
        >>> options.line(0, "Paris")
        '(a) Paris'
    """

    order: tuple[int, ...]
    """For each place, which of the row's options stands there, from 0."""
    mark: str = "{}."
    """How a letter is set off; `{}` is the letter."""
    lower_case: bool = False

    @classmethod
    def of(cls, count: int) -> Arrangement:
        """So many options as the row has them, under `A.`, `B.` and so on."""
        return cls(tuple(range(count)))

    def letter(self, place: int) -> str:
        """The letter of a place."""
        return chr(ord("a" if self.lower_case else "A") + place)

    def line(self, place: int, text: str) -> str:
        """The line on which an option stands."""
        return f"{self.mark.format(self.letter(place))} {text}"


Apply = Callable[[Subject, Random], Draft | None]
"""Returns a draft, or None where the subject offers nothing to change."""


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One way to make a variant of an instruction, with what a reader must know to judge it."""

    name: str
    level: Level
    description: str
    """One line: what changes, by how much, and after which source."""
    apply: Apply
    languages: tuple[str, ...] = ("en",)
    amount: str = "1 edit"
    """How much one variant changes at medium strength, in words a person understands."""
    on_input: bool = True
    """Whether it may also be applied to an example's input text (`--target input`)."""
    needs: tuple[str, ...] = field(default=())
    """Optional packages, and files of the data folder (those with a slash), that it reads."""
    bind: Callable[[Path | None], Apply] | None = None
    """For one that reads files of the data folder: makes its `apply` for a folder."""

    arrange: Callable[[Arrangement, Random], Arrangement] | None = None
    """For one that changes no text but how the options of a choice are shown."""

    validity_note: str = ""
    """What to know before trusting its drop, where many variants ask for something else."""
    strength: Strength = MEDIUM
    """How strong the noise is, where it is graded."""
    graded: bool = False
    """Whether it changes more at a higher strength; what adds or rebuilds a sentence does not."""

    def draft(self, subject: Subject, rng: Random) -> Draft | None:
        """Return a draft of the subject at this perturbation's strength.

        Args:
            subject: The text and what may be known about it.
            rng: The only source of chance; the same state returns the same draft.
        """
        return self.apply(replace(subject, strength=self.strength), rng)

    def with_data(self, data_dir: Path | None) -> Perturbation:
        """Return this perturbation, reading its tables from that data folder from now on."""
        return self if self.bind is None else replace(self, apply=self.bind(data_dir))


REGISTRY: Final[Registry[Perturbation]] = Registry("perturbation", group="harness.perturbations")
"""Every perturbation by name; filled lazily by `perturbations.catalogue`."""
