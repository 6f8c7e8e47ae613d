"""A task file as text, with comments that say what was guessed and what to edit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import yaml

from harness.authoring.columns import Column, as_text
from harness.authoring.graders import guess_grader
from harness.authoring.guess import Because, DraftLabel, Guess
from harness.tasks.template import template_name

_SAID: Final = frozenset(("reply", "response", "summary", "translation", "title", "headline"))
"""Names of columns that say what is to be written; any other is an answer."""


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
    elif guess.choices is not None:
        yield "\n".join(_choices(guess, guess.choices))
    else:
        yield "\n".join(_answer(guess))


def _choices(guess: Guess, options: Because) -> Iterator[str]:
    gold, names = guess.gold_column.name, [column.name for column in options.columns]
    fields = ", ".join(f"{quoted(name.strip())}: {quoted(name)}" for name in names)
    right = gold
    if guess.counts_from_one:
        right = "right_option"
        yield f"derive:{_note('the right option is counted from 1; here from 0')}"
        yield f'  {right}: "{{{{ ({template_name(gold)} | int - 1) | tojson }}}}"'
    yield "choices:"
    where = quoted(names[0]) if len(names) == 1 else f"{{{fields}}}"
    yield f"  field: {where}{_note(options.reason)}"
    yield f"  gold: {quoted(right)}{_note(guess.gold.reason)}"
    yield f"  by: letter{_note('or text: the model then says the option itself')}"


def _answer(guess: Guess) -> Iterator[str]:
    grader = guess_grader(guess.gold_column)
    yield "answer:"
    yield f"  field: {quoted(guess.gold_column.name)}{_note(guess.gold.reason)}"
    yield f"  grader: {grader.yaml}{_note(grader.reason)}"
    yield f"  max_new_tokens: {grader.max_new_tokens}{_note('the length of an answer. EDIT')}"


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
    if guess.choices is not None:
        lines += "\n  {{ options_block }}"
    is_json = guess.kind == "answer" and _keys(guess.gold_column)
    cue = "JSON:" if is_json else f"{_titled(guess.gold_column.name)}:"
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
    texts = _requests(guess)
    styles = ("task-1", "task-2", "role-1")
    naming = " Name the labels." if guess.labels else ""
    lines = [
        f"  - {{id: {name}, style: {name.split('-')[0]}, text: {quoted(text)}}}"
        for name, text in zip(styles, texts, strict=True)
    ]
    return "\n".join(
        [
            f"# EDIT: how your product asks, and other ways to ask the same.{naming}",
            "instructions:",
            *lines,
        ]
    )


def _requests(guess: Guess) -> tuple[str, str, str]:
    if guess.kind == "labels":
        return _label_requests(guess)
    if guess.kind == "choices":
        return (
            "Answer the question below with the letter of the correct option.",
            "Read the question and its options, and reply with the letter of the right one.",
            "You take an exam. Give the letter of the option that answers the question below.",
        )
    what = _titled(guess.gold_column.name).lower()
    what = what if what in _SAID else "answer"
    asked = [_titled(column.name).lower() for column in guess.texts.columns]
    about = "question" if "question" in asked else "text"
    keys = _keys(guess.gold_column)
    form = f" as a JSON object with the keys {keys}" if keys else ""
    return (
        f"Give the {what} for the {about} below{form}. Write nothing else.",
        f"Read the {about}, then write its {what}{form} and no other words.",
        f"You are an assistant who writes the {what} for a {about}. Do so for the one below{form}.",
    )


def _keys(column: Column) -> str:
    """The keys of a column of JSON objects, quoted, so that no perturbation changes them."""
    if not guess_grader(column).yaml.startswith("{name: json_fields"):
        return ""
    first = column.present[0]
    keys = list(first if isinstance(first, dict) else json.loads(as_text(first)))
    named = [f"'{key}'" for key in keys]
    return f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else named[0]


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
