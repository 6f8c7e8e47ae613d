"""A loaded task: examples with rendered inputs and gold labels, instructions, label words."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal

from harness.core.errors import UsageError
from harness.core.records import (
    BLANK_LINE,
    SCORERS,
    Example,
    Instruction,
    Placement,
    Scorer,
    stable_hash,
)
from harness.grading import AnswerSpec, LabelSet
from harness.tasks.schema import ChoicesSpec, LabelSpec, Metric
from harness.tasks.template import Template, map_texts

Kind = Literal["labels", "choices", "answer"]

_FILLERS = ("N/A", "", "[MASK]")
_METRIC_NAMES: Final[Mapping[str, str]] = {
    "exact": "exact match",
    "contains": "answers that hold the reference",
    "token_f1": "token F1",
    "numeric": "numeric accuracy",
    "regex": "pattern matches",
    "json_fields": "JSON fields",
    "json_schema": "valid JSON",
    "judge": "judge's score",
    "bleu": "BLEU",
    "chrf": "chrF",
    "rouge": "ROUGE",
    "label_set": "set F1",
}
"""Grader -> what reports call its mean score, where that is more than its name."""
_SCORERS_OF: Final[Mapping[Kind, tuple[Scorer, ...]]] = {
    "labels": SCORERS,
    "choices": ("loglik", "generate"),
    "answer": ("generate",),
}


@dataclass(frozen=True, slots=True)
class Task:
    """What the rest of the harness knows about a task."""

    name: str
    description: str
    labels: tuple[LabelSpec, ...]
    chance: float
    answer_cue: str
    template: Template
    instructions: tuple[Instruction, ...]
    paraphrases: Mapping[str, tuple[str, ...]]
    examples: tuple[Example, ...]
    placement: Placement = "first"
    """Where the instruction stands beside the input."""
    gap: str = BLANK_LINE
    """What stands between the two."""
    scorer: Scorer | None = None
    """How answers are read unless the user says otherwise; None: as the harness decides."""
    few_shot: tuple[Example, ...] = ()
    few_shot_left_out: int = 0
    """Few-shot rows whose input is an evaluated example's, and that are not shown for it."""
    source: str = ""
    drawn: tuple[int, ...] = ()
    """The places of the examples in the seeded order in which they were drawn; see `draw_order`."""
    model_written: frozenset[str] = frozenset()
    """Those of the paraphrases that a model wrote, not a person."""
    choices: ChoicesSpec | None = None
    """What is said of the options of each row, where an answer is one of them; `labels` are then
    their letters."""
    answer: AnswerSpec | None = None
    """How free text is graded, where an answer is free text; there are then no `labels`."""
    metrics: tuple[Metric, ...] = ("accuracy",)
    order: tuple[str, ...] = ()
    """The names of ordinal labels from one end of their scale to the other."""
    system: str = ""
    """The system text; empty where there is none."""
    messages: str | None = None
    """The field that holds a conversation."""
    prefill: str = ""
    """What every answer begins with; empty where the model begins it."""

    @property
    def kind(self) -> Kind:
        """What an answer is."""
        return "choices" if self.choices else "answer" if self.answer else "labels"

    @property
    def scorers(self) -> tuple[Scorer, ...]:
        """How answers can be read, the one to read them by where the run names none first.

        Options differ from row to row, so no input without content tells what they are worth
        beforehand, and free text has no likelihood to compare.
        """
        return _SCORERS_OF[self.kind]

    @property
    def metric_name(self) -> str:
        """What reports call the mean score."""
        if self.answer is None:
            return "accuracy"
        name = self.answer.grader.name
        return _METRIC_NAMES.get(name, name.replace("_", " "))

    @property
    def label_names(self) -> tuple[str, ...]:
        """Label names, in the task file's order."""
        return tuple(label.name for label in self.labels)

    @property
    def label_words(self) -> tuple[str, ...]:
        """What the model should say, in the order of `label_names`; empty where rows differ.

        Of several labels at once, what it may say.
        """
        if self.answer and isinstance(self.answer.grader, LabelSet):
            return tuple(self.answer.grader.labels.values())
        return () if self.choices else tuple(label.answer for label in self.labels)

    @property
    def verbalizer_of(self) -> dict[str, str]:
        """Label name -> label word."""
        return {label.name: label.answer for label in self.labels}

    @property
    def draw_order(self) -> tuple[int, ...]:
        """The places of the examples, in the order in which a smaller sample would hold them."""
        return self.drawn or tuple(range(len(self.examples)))

    def content_free_inputs(self) -> tuple[str, ...]:
        """The input with "N/A", nothing and "[MASK]" in place of the fields that it shows.

        They are the content-free inputs of Zhao et al. 2021, arXiv 2102.09690, section 4. Fields
        take them in rotation: two equal fillers would not be free of content where the question is
        whether two fields mean the same. Objects and lists keep their form; numbers become fillers
        too, unless the template can only show a number.

        Raises:
            UsageError: the template fails on a filler.
        """
        return tuple(self._content_free_input(turn) for turn in range(len(_FILLERS)))

    def _content_free_input(self, turn: int) -> str:
        rows = (self._filled(turn, numbers=numbers) for numbers in (True, False))
        problems: list[UsageError] = []
        for row in rows:
            try:
                return self.template.render(row, row=f"the filler {_FILLERS[turn]!r}")
            except UsageError as error:
                problems.append(error)
        raise UsageError(
            f"calibration shows {_FILLERS[turn]!r} in place of a row's fields, and "
            f"{problems[-1].message}",
            hint="Type: --scorer loglik, or show the fields in the template as they are.",
        )

    def _filled(self, turn: int, *, numbers: bool) -> dict[str, object]:
        """A row whose texts are fillers, and with `numbers` its plain numbers too."""
        row: dict[str, object] = {}
        for place, name in enumerate(self.template.fields):
            filler = _FILLERS[(turn + place) % len(_FILLERS)]
            value = self.examples[0].fields.get(name)
            if value is None or (numbers and isinstance(value, int | float)):
                row[name] = filler
            else:
                row[name] = _with_texts(value, filler)
        return row

    def with_examples(self, limit: int | None, *, seed: int) -> Task:
        """This task with `limit` examples, a seeded sample that keeps the file's order.

        Samples are nested: the sample of 50 lies within the sample of 100.
        """
        places = draw_places(len(self.examples), limit, seed=seed, name=self.name)
        kept = tuple(self.examples[place] for place in sorted(places))
        return replace(self, examples=kept, drawn=rank_places(places))

    def with_instructions(self, limit: int | None) -> Task:
        """This task with `limit` instructions, styles taken in turn."""
        if limit is None or limit >= len(self.instructions):
            return self
        styles = list(dict.fromkeys(instruction.style for instruction in self.instructions))
        by_style = {s: [i for i in self.instructions if i.style == s] for s in styles}
        longest = max(len(group) for group in by_style.values())
        turns = [g[n] for n in range(longest) for g in by_style.values() if n < len(g)]
        return replace(self, instructions=tuple(turns[:limit]))

    def shots(self, count: int, *, seed: int) -> tuple[Example, ...]:
        """`count` few-shot examples, spread over the labels, in a seeded order."""
        rng = Random(stable_hash(seed, self.name, "few-shot"))
        pools = {name: [e for e in self.few_shot if e.gold == name] for name in self.label_names}
        if self.answer:
            pools = {"": list(self.few_shot)}
        for pool in pools.values():
            rng.shuffle(pool)
        turns = [p[n] for n in range(count) for p in pools.values() if n < len(p)]
        chosen = turns[:count]
        rng.shuffle(chosen)
        return tuple(chosen)


def draw_places(count: int, limit: int | None, *, seed: int, name: str) -> Sequence[int]:
    """`limit` places of `count` examples of the task `name`, in a seeded order."""
    order = array("Q", range(count))
    Random(stable_hash(seed, name, "examples")).shuffle(order)
    return order[:limit]


def rank_places(places: Sequence[int]) -> tuple[int, ...]:
    """Of each place its rank among all, counted from 0.

    Example:
        >>> rank_places([30, 10, 20])
        (2, 0, 1)
    """
    rank = {place: number for number, place in enumerate(sorted(places))}
    return tuple(rank[place] for place in places)


def _with_texts(value: object, text: str) -> object:
    """The value with `text` in place of every text in it."""
    return map_texts(value, lambda _place, _text: text)
