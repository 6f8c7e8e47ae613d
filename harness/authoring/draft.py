"""A task file as text, with comments that say what was guessed and what to edit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

from harness.authoring.columns import Column
from harness.authoring.guess import DraftLabel, Guess
from harness.tasks.template import template_name


@dataclass(frozen=True, slots=True)
class DraftSource:
    """Where the rows are, as lines below `source:`, each with a comment."""

    lines: tuple[str, ...]
    description: str
    """The file or data set, for the heading."""


def write_draft(name: str, source: DraftSource, guess: Guess) -> str:
    """The text of a commented task file that runs as it is.

    Args:
        name: What the task is called.
        source: Where its rows are.
        guess: What the columns are for.
    """
    parts = [
        _heading(source, guess),
        f"name: {quoted(name)}",
        f'description: ""{_note("one line for reports")}',
        "\n".join(_source(source, guess)),
        *_id(guess),
        *_gold(guess),
        _input(guess),
        _instructions(guess),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def quoted(text: str) -> str:
    """A text as YAML writes it on one line; plain where that reads the same."""
    style = None if re.fullmatch(r"[A-Za-z_][\w./-]*", text) and not _is_taken(text) else '"'
    written: str = yaml.safe_dump(text, default_style=style, allow_unicode=True, width=10**9)
    return written.removesuffix("\n").removesuffix("\n...").strip()


def _is_taken(text: str) -> bool:
    return text.lower() in ("true", "false", "null", "yes", "no", "on", "off", "y", "n", "none")


def _note(text: str) -> str:
    return f"  # {' '.join(text.split())}"


def _heading(source: DraftSource, guess: Guess) -> str:
    return (
        f"# A task over {guess.rows:,} rows of {' '.join(source.description.split())}, guessed.\n"
        "# It runs as it is; what says EDIT is yours to make right."
    )


def _source(source: DraftSource, guess: Guess) -> Iterator[str]:
    yield "source:"
    yield from (f"  {line}" for line in source.lines)
    gold = guess.gold_column
    if gold.missing:
        why = _note(f"rows that hold nothing there: {gold.missing:,}")
        yield f"  require: [{quoted(gold.name)}]{why}"


def _id(guess: Guess) -> Iterator[str]:
    for column in guess.id.columns:
        yield f"id_field: {quoted(column.name)}{_note(guess.id.reason)}"


def _gold(guess: Guess) -> Iterator[str]:
    gold = guess.gold_column
    if guess.kind == "labels":
        yield f"label_field: {quoted(gold.name)}{_note(guess.gold.reason)}"
        yield "\n".join(_labels(guess.labels))


def _labels(labels: Sequence[DraftLabel]) -> Iterator[str]:
    yield "labels:  # `word` is what the model is to say. EDIT where a name says too little"
    for label in labels:
        value = "" if label.name == label.value else f", value: {quoted(label.value)}"
        also = f", also: [{', '.join(map(quoted, label.also))}]" if label.also else ""
        yield (
            f"  - {{name: {quoted(label.name)}{value}, word: {quoted(label.word)}{also}}}"
            f"{_note(f'{label.count:,} rows')}"
        )


def _input(guess: Guess) -> str:
    shown = [f"{_titled(column.name)}: {_place(column)}" for column in guess.texts.columns]
    lines = "\n".join(f"  {line}" for line in shown)
    cue = f"{_titled(guess.gold_column.name)}:"
    return (
        f"input: |-  # the row as the model sees it. EDIT ({guess.texts.reason})\n{lines}\n"
        f"answer_cue: {quoted(cue)}{_note('the line that ends a plain prompt')}"
    )


def _titled(name: str) -> str:
    words = " ".join(re.sub(r"[\W_]+", " ", name).split()) or "Text"
    return words[0].upper() + words[1:]


def _place(column: Column) -> str:
    empty = ' | default("", true)' if None in column.values else ""
    return f"{{{{ {template_name(column.name)}{empty} }}}}"


def _instructions(guess: Guess) -> str:
    texts = _label_requests(guess) if guess.kind == "labels" else ()
    styles = ("task-1", "task-2", "role-1")
    lines = [
        f"  - {{id: {name}, style: {name.split('-')[0]}, text: {quoted(text)}}}"
        for name, text in zip(styles, texts, strict=True)
    ]
    return "\n".join(
        [
            "# EDIT: how your product asks, and other ways to ask the same. Name the labels.",
            "instructions:",
            *lines,
        ]
    )


def _label_requests(guess: Guess) -> tuple[str, str, str]:
    words = [f"'{label.word}'" for label in guess.labels]
    either = f"{', '.join(words[:-1])} or {words[-1]}"
    what = _titled(guess.gold_column.name).lower()
    if {label.word for label in guess.labels} == {"yes", "no"}:
        what = re.sub(r"^(?:is|was|has|are) ", "", what)
        return (
            f"Is the text below {what}? Answer with {either}.",
            f"Read the text and decide: is it {what}? Reply {either} and nothing else.",
            f"You check whether texts are {what}. Say {either} for the one below.",
        )
    return (
        f"Which {what} fits the text below? Answer with {either}.",
        f"Read the text and choose its {what}. Reply with {either} and nothing else.",
        f"You sort texts by their {what}. Give the {what} of the one below: {either}.",
    )
