"""Shipped paraphrases for common types of task, for instructions that have none of their own.

An instruction of a user's own task gets them only where nothing can be lost: its task's labels
are those of the type, the instruction itself speaks of what the type is about, and nothing but
its verbalizers would have to be kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any, Final

import yaml

from harness.core.records import Instruction
from harness.tasks.task import Task
from perturbations.audit import protected_intact

_FILE: Final = Path(__file__).with_name("task_types.yaml")
_ITEMS: Final = (
    "review", "tweet", "comment", "post", "message", "headline", "email", "e-mail", "article",
    "passage", "paragraph", "document", "context", "statement", "utterance", "query", "question",
    "sentence", "text",
)  # fmt: skip
_PAIRS: Final = (("premise", "hypothesis"), ("first sentence", "second sentence"))
_MAX_WORDS: Final = 60
# What narrows a request in ways that a general paraphrase would lose, or is to be kept as it is.
_NARROWS: Final = re.compile(
    r"\b(?:aspects?|towards?|regarding|concerning|with respect to|only|explain|reason(?:s|ing)?"
    r"|step by step|first|then|json|format|except|unless|ignor\w+|language other)\b|[{}<>\[\]`]|\d",
    re.IGNORECASE,
)

_ONE_WORD: Final = re.compile(r"\b(?:one|single) (?:single )?word\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TaskType:
    """A common type of task: how to know it, and texts that ask for it."""

    name: str
    cues: tuple[re.Pattern[str], ...]
    unless: re.Pattern[str] | None
    roles: Mapping[str, frozenset[str]]
    """Role -> the names that a label of that role may have; empty for labels of any kind."""
    optional: frozenset[str]
    """Roles that a task may lack."""
    quality: Mapping[str, re.Pattern[str]]
    texts: tuple[str, ...]


def add_type_paraphrases(task: Task) -> Task:
    """The task, with the shipped paraphrases of its type for instructions that have none.

    Args:
        task: any task.

    Returns:
        A task whose `paraphrases` are filled up; the same task where no type fits.
    """
    if task.kind != "labels":
        return task
    added = {
        one.id: texts
        for one in task.instructions
        if not task.paraphrases.get(one.id) and (texts := tuple(_paraphrase(task, one)))
    }
    return replace(task, paraphrases={**task.paraphrases, **added}) if added else task


def find_type(task: Task, instruction: str) -> TaskType | None:
    """The first type that fits the task's labels and the instruction's words, or None."""
    if len(instruction.split()) > _MAX_WORDS or _NARROWS.search(instruction):
        return None
    for kind in read_types():
        said = all(cue.search(instruction) for cue in kind.cues)
        unlike = kind.unless is not None and kind.unless.search(instruction)
        if said and not unlike and match_roles(kind, task) is not None:
            return kind
    return None


def match_roles(kind: TaskType, task: Task) -> dict[str, str] | None:
    """Role -> the verbalizer of the task's label that has it; None where they do not fit.

    A label is known by its name, or by its verbalizer where that says what it means: `yes` and
    `no` alone never tell which of two answers is which.
    """
    if not kind.roles:
        return {} if len(task.labels) >= 3 else None
    found: dict[str, str] = {}
    for label in task.labels:
        names = {_plain(label.name), _plain(label.answer)}
        roles = [role for role, known in kind.roles.items() if names & known]
        if len(roles) != 1 or roles[0] in found:
            return None
        found[roles[0]] = label.answer
    return found if set(kind.roles) - set(found) <= kind.optional else None


@lru_cache(maxsize=1)
def read_types() -> tuple[TaskType, ...]:
    """The shipped types, in the file's order."""
    content = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return tuple(_read_type(name, spec) for name, spec in content.items())


def _read_type(name: str, spec: Mapping[str, Any]) -> TaskType:
    roles = {role: frozenset(names) for role, names in spec.get("roles", {}).items()}
    return TaskType(
        name=name,
        cues=tuple(re.compile(cue, re.IGNORECASE) for cue in spec["cues"]),
        unless=re.compile(spec["not"], re.IGNORECASE) if "not" in spec else None,
        roles={role.rstrip("?"): names for role, names in roles.items()},
        optional=frozenset(role.rstrip("?") for role in roles if role.endswith("?")),
        quality={
            word: re.compile(cue, re.IGNORECASE) for word, cue in spec.get("quality", {}).items()
        },
        texts=tuple(spec["texts"]),
    )


def _paraphrase(task: Task, instruction: Instruction) -> Iterator[str]:
    kind = find_type(task, instruction.text)
    roles = match_roles(kind, task) if kind else None
    if kind is None or roles is None:
        return
    quote = _quote(instruction.text, task.label_words)
    slots = _slots(kind, instruction.text, [f"{quote}{word}{quote}" for word in task.label_words])
    slots |= {role: f"{quote}{word}{quote}" for role, word in roles.items()}
    ending = " Reply with one word." if _ONE_WORD.search(instruction.text) else ""
    for text in kind.texts:
        names = {name for _, name, _, _ in Formatter().parse(text) if name}
        all_named = names & {"either", "both"} or set(roles) <= names
        if names <= set(slots) and all_named:
            said = f"{text.format_map(slots)}{ending}"
            if protected_intact(instruction.text, said, task.label_words):
                yield said


def _slots(kind: TaskType, instruction: str, words: Sequence[str]) -> dict[str, str]:
    low = instruction.casefold()
    item = next((noun for noun in _ITEMS if re.search(rf"\b{noun}s?\b", low)), "text")
    slots = {
        "either": f"{', '.join(words[:-1])} or {words[-1]}",
        "both": f"{', '.join(words[:-1])} and {words[-1]}",
        "item": item,
        "items": {"query": "queries"}.get(item, f"{item}s"),
    }
    pair = next((pair for pair in _PAIRS if all(noun in low for noun in pair)), None)
    if pair:
        slots |= {"first": pair[0], "second": pair[1]}
    quality = next((word for word, cue in kind.quality.items() if cue.search(low)), None)
    return slots | ({"quality": quality} if quality else {})


def _quote(instruction: str, words: Sequence[str]) -> str:
    """The quotation mark that the instruction puts around its verbalizers; a plain one."""
    for mark in ("'", '"'):
        if any(f"{mark}{word}{mark}" in instruction for word in words):
            return mark
    return "" if any(word in instruction for word in words) else "'"


def _plain(name: str) -> str:
    return " ".join(re.split(r"[\W_]+", name.casefold())).strip()
