"""Labelled rows as instruction data: each row under wordings, with what is to be answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Final, TypeVar

from harness.core.errors import NothingToEvaluateError, UsageError
from harness.core.records import Example, stable_hash, stable_id
from harness.hardening.split import Wording
from harness.tasks import Task
from harness.tasks.paraphrase_bank import Bank
from trainers.pairs import Pair

T = TypeVar("T")

FEWEST_ROWS: Final = 8
"""Fewer rows teach their own answers."""


def target_of(task: Task, example: Example) -> str:
    """What the model is to say: a label's word, an option's letter or text, the first reference.

    It is what a few-shot example would be answered with.
    """
    return {**task.verbalizer_of, **example.words}.get(example.gold, example.gold)


def check_rows(task: Task, examples: Sequence[Example], *, given: int, batch: int) -> None:
    """Validate that rows can be trained on.

    Args:
        task: what they are rows of.
        examples: those that no test holds.
        given: how many there were before.
        batch: pairs of a step, which are about different inputs.

    Raises:
        NothingToEvaluateError: too few are left, or all have one answer.
        UsageError: fewer different inputs than a batch needs.
    """
    if len(examples) < FEWEST_ROWS:
        tested = given - len(examples)
        raise NothingToEvaluateError(
            f"{len(examples)} of {given} rows are left to train on, and {FEWEST_ROWS} are needed"
            f"{f'; the task evaluates the other {tested}' if tested else ''}.",
            hint="Part the table in two: one for the task's `source:`, the other for --train.",
        )
    inputs = len({example.input for example in examples})
    if inputs < batch:
        raise UsageError(
            f"--batch {batch} needs as many different inputs, and the rows have {inputs}.",
            hint=f"Type: --batch {inputs - inputs % 2}, or give more rows.",
        )
    answers = {target_of(task, one) for one in examples}
    if len(answers) == 1:
        raise NothingToEvaluateError(
            f"all {len(examples)} rows have the answer {min(answers)!r}, and teach only to say it.",
            hint="Give rows of every answer.",
        )


def make_requests(
    task: Task, examples: Sequence[Example], wordings: Sequence[Wording], number: int, *, seed: int
) -> list[dict[str, str]]:
    """Instruction data for `harness pairs`: every row equally often, under wordings drawn evenly.

    Args:
        task: what the rows are of.
        examples: the rows.
        wordings: those to train on.
        number: how many requests.
        seed: decides which row gets which wording.
    """
    rng = Random(stable_hash(seed, "requests"))
    frame = {"system": task.system, "prefill": task.prefill, "placement": task.placement}
    frame = {name: text for name, text in {**frame, "gap": task.gap}.items() if text}
    rows, texts = _cycle(examples, number, rng), _cycle(wordings, number, rng)
    return [
        {
            "task": task.name,
            "instruction": wording.text,
            "input": example.input,
            "answer_cue": task.answer_cue,
            **frame,
            "output": target_of(task, example),
        }
        for example, wording in zip(rows, texts, strict=True)
    ]


def make_siblings(wordings: Sequence[Wording]) -> Bank:
    """A bank in which each wording has all others as its paraphrases."""
    texts = [one.text for one in wordings]
    return Bank(
        task=None,
        instructions={stable_id(text): text for text in texts},
        paraphrases={
            stable_id(text): tuple(other for other in texts if other != text) for text in texts
        },
    )


def control_wordings(wordings: Sequence[Wording]) -> tuple[Wording, Wording]:
    """The two that plain tuning would use: the first instructions, or one and its rewording."""
    heads = {one.family: one for one in reversed(wordings)}
    first, second = sorted(wordings, key=lambda one: heads[one.family] is not one)[:2]
    return first, second


def make_control(pairs: Iterable[Pair], wordings: tuple[Wording, Wording]) -> Iterator[Pair]:
    """The same rows in the same order, each under the same two wordings."""
    first, second = wordings
    for pair in pairs:
        yield replace(
            pair,
            original=first.text,
            paraphrase=second.text,
            instruction_id=stable_id(first.text),
            level="semantic",
            perturbation="paraphrase",
        )


def without_tested(examples: Iterable[Example], tested: Iterable[Example]) -> tuple[Example, ...]:
    """The examples whose input no tested one has, whatever case and white space."""
    known = {_fold(one.input) for one in tested}
    return tuple(one for one in examples if _fold(one.input) not in known)


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _cycle(things: Sequence[T], number: int, rng: Random) -> list[T]:
    """So many of them, all equally often, in a new order in each round."""
    drawn: list[T] = []
    while len(drawn) < number:
        drawn += rng.sample(list(things), len(things))
    return drawn[:number]
