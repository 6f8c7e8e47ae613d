"""JSON Lines of samples: inspect's (input, target, choices), OpenAI's chats and its evals' (ideal).

The rows stay where they are; the task reads them through derived fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.authoring.importers.carried import Carried, TaskContent
from harness.authoring.init import task_name
from harness.core.errors import UsageError
from harness.tasks.conversation import read_turns
from harness.tasks.rows import numbered_rows

_KNOWN: Final = frozenset(("id", "input", "target", "ideal", "choices", "messages"))
_TURNS: Final = "conversation"
"""The derived field of the turns that are asked."""
_DEFAULT: Final = "Answer the question below."


def import_samples(path: Path) -> Carried:
    """The task of a file of samples, and what of it is not carried over."""
    numbered = list(numbered_rows(path))
    if not numbered:
        raise UsageError(f"{path}: the file has no rows.")
    rows = [row for _, row in numbered]
    if all("messages" in row for row in rows):
        return _chats(path, numbered)
    return _samples(path, rows, [number for number, _ in numbered])


def _samples(path: Path, rows: Sequence[Mapping[str, Any]], lines: Sequence[int]) -> Carried:
    target = "ideal" if "ideal" in rows[0] else "target"
    carried = Carried("inspect" if target == "target" else "openai-evals")
    spoken = isinstance(rows[0].get("input"), list)
    for line, row in zip(lines, rows, strict=True):
        problem = _sample_problem(row, target, spoken=spoken)
        if problem:
            carried.block(line, "row", problem)
    _name_fields(carried, rows, lines)
    if carried.blocking:
        return carried
    task = _frame(path, rows)
    if spoken:
        _add_turns(task, carried, [row["input"] for row in rows], "input")
    else:
        task["input"] = "{{ input }}"
    if all(isinstance(row.get("choices"), list) and row["choices"] for row in rows):
        task["choices"] = {"field": "choices", "gold": target, "by": "letter"}
    else:
        task["answer"] = {"field": target, "grader": "contains", "max_new_tokens": 256}
        carried.lose(0, "scorer", "the file names none; graded is whether the target is contained")
    _add_instruction(task, carried)
    carried.tasks.append(task)
    return carried


def _chats(path: Path, numbered: Sequence[tuple[int, Mapping[str, Any]]]) -> Carried:
    carried = Carried("openai-chat")
    for line, row in numbered:
        problem = _chat_problem(row["messages"])
        if problem:
            carried.block(line, "messages", problem)
    rows = [row for _, row in numbered]
    _name_fields(carried, rows, [line for line, _ in numbered])
    if carried.blocking:
        return carried
    task = _frame(path, rows)
    task["derive"] = {"reference": "{{ messages[-1].content }}"}
    _add_turns(task, carried, [row["messages"][:-1] for row in rows], "messages", end="-1")
    answers = [str(row["messages"][-1]["content"]) for row in rows]
    _add_gold(task, carried, answers)
    _add_instruction(task, carried)
    carried.tasks.append(task)
    return carried


def _add_gold(task: TaskContent, carried: Carried, answers: Sequence[str]) -> None:
    """Answers that are few, short and come again are labels; others are free text."""
    kinds = list(dict.fromkeys(answers))
    if 2 <= len(kinds) <= min(20, len(answers) // 2) and all(len(one) <= 40 for one in kinds):
        task["label_field"] = "reference"
        task["labels"] = kinds
        return
    grader = "token_f1"
    length = min(512, 16 + 3 * max(len(one.split()) for one in answers))
    task["answer"] = {"field": "reference", "grader": grader, "max_new_tokens": length}
    carried.lose(0, "grader", f"a chat names none; {grader} compares with the assistant's answer")


def _sample_problem(row: Mapping[str, Any], target: str, *, spoken: bool) -> str | None:
    """Why a row is no sample; `spoken` says that the first one's input is a list of messages."""
    if row.get("input") is None or row.get(target) is None:
        return f"it has no input or no {target}"
    if spoken:
        return _turns_problem(row["input"], 1) or _conversation_problem(row["input"])
    if isinstance(row["input"], list):
        return "its input is a list of messages, and that of the first row is not"
    return None


def _chat_problem(messages: object) -> str | None:
    problem = _turns_problem(messages, 2)
    if problem is not None or not isinstance(messages, list):
        return problem
    if messages[-1]["role"] != "assistant":
        return "the last message is not the assistant's, so that nothing is right"
    return _conversation_problem(messages[:-1])


def _conversation_problem(turns: object) -> str | None:
    try:
        read_turns(turns, "messages")
    except ValueError as error:
        return f"the conversation {error}"
    return None


def _turns_problem(messages: object, least: int) -> str | None:
    if not isinstance(messages, list) or len(messages) < least:
        return f"a list of {least} or more messages was expected"
    for turn in messages:
        parts = (turn.get("role"), turn.get("content")) if isinstance(turn, Mapping) else (None,)
        if not all(isinstance(part, str) for part in parts):
            return "every message needs a role and a text as content (no tools, no pictures)"
    return None


def _frame(path: Path, rows: Sequence[Mapping[str, Any]]) -> TaskContent:
    task: TaskContent = {"name": task_name(path), "source": {"file": path.name}}
    ids = [str(row["id"]) for row in rows if row.get("id") is not None]
    if len(set(ids)) == len(rows):
        task["id_field"] = "id"
    return task


def _add_turns(
    task: TaskContent,
    carried: Carried,
    chats: Sequence[Sequence[Mapping[str, Any]]],
    field: str,
    end: str = "",
) -> None:
    """The system text, where all rows share it, and the other turns: a single one is text."""
    systems = {str(chat[0]["content"]) if chat[0]["role"] == "system" else "" for chat in chats}
    start = 0
    if len(systems) > 1:
        why = "they differ between rows: each stays with its row, and none is perturbed"
        carried.lose(0, "system messages", why)
    elif system := systems.pop().strip():
        task["system"], start = system, 1
    if all(len(chat) == start + 1 for chat in chats):
        task["input"] = f"{{{{ {field}[{start}].content }}}}"
    elif start or end:
        turns = f"{field}[{start or ''}:{end}]"
        task["derive"] = {**task.get("derive", {}), _TURNS: f"{{{{ {turns} | tojson }}}}"}
        task["messages"] = _TURNS
    else:
        task["messages"] = field


def _add_instruction(task: TaskContent, carried: Carried) -> None:
    if "instructions" not in task:
        text = _DEFAULT
        if "labels" in task:
            words = [f"'{word}'" for word in task["labels"]]
            text = f"Answer with {', '.join(words[:-1])} or {words[-1]}."
        task["instructions"] = [{"id": "task-1", "style": "task", "text": text}]
        why = f"the file has none, which is what is perturbed; added: {text!r}"
        if "system" in task:
            why += ", and the system text is perturbed by --target system"
        carried.lose(0, "instruction", why)


def _name_fields(carried: Carried, rows: Sequence[Mapping[str, Any]], lines: Sequence[int]) -> None:
    """Fields that the task does not read, each once, with the first line that has it."""
    seen: set[str] = set()
    for line, row in zip(lines, rows, strict=True):
        for name in row:
            if name not in _KNOWN and name not in seen:
                seen.add(name)
                carried.lose(line, name, "the task does not read it; a template may show it")
