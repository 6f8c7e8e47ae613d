"""From what a model wrote to its answer and what that is worth, by what an answer of the task is.

A reader is what generation and judging need to know of a task: when a text is enough, what was
answered, and its score.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final, Protocol

from harness.core.records import Example
from harness.grading import AnswerSpec, Grade, Grader, Judge, Judged, JudgeModel, read_answer
from harness.grading.answer_text import strip_reasoning
from harness.grading.grade import UNPARSED
from harness.prompting.answers import LabelParser

_SEAM: Final = "\ue000"
"""Stands between a prefill and what follows while reasoning is taken out around them."""


class Reader(Protocol):
    """Reads generated text of one task, what it was begun with included."""

    @property
    def settings(self) -> str:
        """What texts depend on beside their prompts: it keeps cached ones apart."""
        ...

    @property
    def max_new_tokens(self) -> int | None:
        """Tokens after which a text ends; None: as the run says."""
        ...

    @property
    def stop(self) -> tuple[str, ...]:
        """Texts that end an answer wherever they stand, so that a server can be told of them."""
        ...

    @property
    def ending(self) -> Callable[[str], bool]:
        """Whether a text so far is enough; it can be sent to another machine."""
        ...

    def read_all(self, texts: Sequence[str], examples: Sequence[Example]) -> list[Grade]:
        """For each text the answer in it, and its score on its example."""
        ...


class _ReadsEach(ABC):
    """Reads one text at a time."""

    @abstractmethod
    def read(self, text: str, example: Example) -> Grade:
        """The answer in a text, and its score on this example."""

    def read_all(self, texts: Sequence[str], examples: Sequence[Example]) -> list[Grade]:
        """See `Reader`."""
        return [self.read(*pair) for pair in zip(texts, examples, strict=True)]


@dataclass(frozen=True, slots=True)
class StopTexts:
    """Texts of which each ends an answer."""

    stop: tuple[str, ...]
    strip_reasoning: bool
    """Whether one counts only outside of reasoning."""
    begun: str = ""
    """The prefill, which the model did not write: it ends nothing."""

    def is_in(self, text: str) -> bool:
        """Whether an answer holds one."""
        return self.before(text) is not None

    def before(self, text: str) -> str | None:
        """The answer up to the first of them; None where it holds none."""
        if not any(stop in text for stop in self.stop):
            return None
        said = f"{self.begun}{_SEAM}{text[len(self.begun) :]}" if self.begun else text
        if self.strip_reasoning:
            said = strip_reasoning(said)
        start = said.find(_SEAM) + 1  # 0 where the prefill opens reasoning that was taken out
        places = [place for stop in self.stop if (place := said.find(stop, start)) >= 0]
        return said[: min(places)].replace(_SEAM, "") if places else None


@dataclass(frozen=True, slots=True)
class AfterPrefill:
    """Whether a text is enough after what its answer was begun with."""

    begun: str
    ending: Callable[[str], bool]

    def __call__(self, text: str) -> bool:
        """Whether the answer so far is enough."""
        return self.ending(self.begun + text)


def _never(text: str) -> bool:
    """No text can be known to be enough."""
    del text
    return False


class LabelReader(_ReadsEach):
    """Reads one of a task's labels.

    Args:
        verbalizer_of: Label name -> the word the model should say.
    """

    max_new_tokens = None
    stop = ()

    def __init__(self, verbalizer_of: Mapping[str, str]) -> None:
        self.settings = json.dumps(list(verbalizer_of.values()))
        self._parser = LabelParser(verbalizer_of)

    @property
    def ending(self) -> Callable[[str], bool]:
        """See `Reader`."""
        return self._parser.is_decided

    def read(self, text: str, example: Example) -> Grade:
        """See `Reader`."""
        label = self._parser.parse(text)
        return Grade(float(label == example.gold), label)


class ChoiceReader(_ReadsEach):
    """Reads one of a row's options: what it was to say first, else the option's text or letter.

    Args:
        letters: All letters that options of the task may stand under; none where the model is to
            say the text of an option, which no text that is still growing can be known to be.
    """

    max_new_tokens = None
    stop = ()

    def __init__(self, letters: tuple[str, ...]) -> None:
        self.settings = json.dumps(["choices", *letters])
        self._decided = LabelParser({letter: letter for letter in letters}) if letters else None

    @property
    def ending(self) -> Callable[[str], bool]:
        """See `Reader`."""
        return _never if self._decided is None else self._decided.is_decided

    def read(self, text: str, example: Example) -> Grade:
        """See `Reader`."""
        said = _parser(tuple(example.words.items())).parse(text)
        if said is None and example.options != example.words:
            said = _parser(_told_apart(example.options)).parse(text)
        return Grade(float(said == example.gold), said)


def _told_apart(options: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The options whose texts say which they are: of two that are the same, none does."""
    counts = Counter(options.values())
    return tuple((name, text) for name, text in options.items() if counts[text] == 1)


@lru_cache(maxsize=4096)
def _parser(words: tuple[tuple[str, str], ...]) -> LabelParser:
    """The parser of a row's words, which its variants share."""
    return LabelParser(dict(words))


@dataclass(frozen=True)
class AnswerReader(_ReadsEach):
    """Reads free text, up to a stop text that stands outside of reasoning."""

    spec: AnswerSpec
    grader: Grader = field(repr=False)
    begun: str = field(default="", kw_only=True)
    """The prefill, with which every text begins."""

    @cached_property
    def settings(self) -> str:
        """See `Reader`."""
        return json.dumps(["answer", self.spec.strip_reasoning, *self.spec.stop])

    @property
    def max_new_tokens(self) -> int | None:
        """See `Reader`."""
        return self.spec.max_new_tokens

    @property
    def stop(self) -> tuple[str, ...]:
        """See `Reader`; none where one may stand in reasoning, which goes on after it."""
        return () if self.spec.strip_reasoning else self.spec.stop

    @property
    def ending(self) -> Callable[[str], bool]:
        """See `Reader`."""
        return self._stops.is_in

    def read(self, text: str, example: Example) -> Grade:
        """See `Reader`."""
        return self.grader.grade(self._before_stop(text), example.references)

    @property
    def _stops(self) -> StopTexts:
        return StopTexts(self.spec.stop, self.spec.strip_reasoning, self.begun)

    def _before_stop(self, text: str) -> str:
        before = self._stops.before(text)
        return text if before is None else before


@dataclass(frozen=True)
class JudgedReader(AnswerReader):
    """Reads free text that a judge scores, all texts of a window at once."""

    judge: Judge
    model: JudgeModel = field(repr=False)

    def read(self, text: str, example: Example) -> Grade:
        """See `Reader`."""
        return self.read_all([text], [example])[0]

    def read_all(self, texts: Sequence[str], examples: Sequence[Example]) -> list[Grade]:
        """See `Reader`. What holds no answer is not judged."""
        answers = [
            read_answer(self.spec, self._before_stop(text), example.references)
            for text, example in zip(texts, examples, strict=True)
        ]
        judged = [
            Judged(example.input, answer, example.references)
            for answer, example in zip(answers, examples, strict=True)
            if answer is not None
        ]
        grades = iter(self.judge.grade_all(judged, self.model))
        return [UNPARSED if answer is None else next(grades) for answer in answers]
