"""What every tool's log says, in one shape: one prompt of a task, asked on its examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from types import MappingProxyType
from typing import Literal

from harness.core.records import CLEAN, Level, Target

Tool = Literal["lm-eval", "inspect", "HELM", "promptfoo"]
Answer = str | int | None
"""A text, or the place of an option among its row's, from 0; None where nothing was read."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What one metric made of a response."""

    value: float | None
    """As the log has it; None where it has no number."""
    answer: Answer


def mean_of(repeats: Sequence[Scored]) -> Scored:
    """What was asked several times as one: the mean score and the most frequent answer."""
    values = [one.value for one in repeats if one.value is not None]
    answers = Counter(one.answer for one in repeats)
    return Scored(fmean(values) if values else None, answers.most_common(1)[0][0])


@dataclass(frozen=True, slots=True)
class Row:
    """One example of a log, and what became of it."""

    example: str
    """The id that the tool gives the example, whatever the prompt."""
    input: str
    """What differs from example to example, without the prompt's own words."""
    gold: str | int
    """The right answer: a text, or the place of an option."""
    scored: Mapping[str, Scored]
    """Metric -> its value and the answer that it judged."""
    prompt: str = ""
    """What the model saw, where the log says it."""
    text: str | None = None
    """What the model said."""
    options: tuple[str, ...] = ()
    """Of a choice: what could be answered."""
    likelihoods: tuple[float, ...] = ()
    """Of a choice by likelihood: each option's log-likelihood in nats."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file that a log was read from."""

    name: str
    size: int
    """In bytes."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Log:
    """One prompt of a task in a log: what our runs call a variant, with its cells."""

    tool: Tool
    version: str
    """Of the tool; empty where the log does not say it."""
    model: str
    """Empty where the log does not say it."""
    task: str
    name: str
    """Of the prompt; of the task where a task has one prompt."""
    text: str
    """The prompt's own words, or its template."""
    metrics: tuple[str, ...]
    """In the tool's order, its main one first."""
    rows: tuple[Row, ...]
    files: tuple[LogFile, ...]
    few_shot: int | None = None
    temperature: float | None = None
    level: Level | None = CLEAN
    """None: perturbed, at a level that nobody has said."""
    target: Target = "instruction"
    worse_when_higher: frozenset[str] = frozenset()
    """Metrics of which less is better."""
    lost: tuple[str, ...] = ()
    """What could not be carried, a sentence each."""
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What else decides the answers, such as a system text: runs that differ in it cannot be
    compared."""
