"""PromptBench's published adversarial prompts, from its files to variants that can be replayed.

Its repository holds one Markdown file a model: `# task`, `## attack`, then blocks of three lines
(`Original prompt:`, `Attacked prompt: b"…"`, accuracies), single lines `Acc: 81.00%, prompt: …` for
clean prompts and `Language: french, acc: 17.00%, prompt: …` for those translated there and back.
The same as rows of JSON: `kind` (clean, attack, translation), `task`, `attack`, `prompt` and, for
an attack, `original_prompt`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.core.errors import UsageError, nearest_hint
from harness.core.records import CLEAN, Instruction, Level, Variant, stable_id
from perturbations.apply import clean_variant
from perturbations.base import Draft
from perturbations.diff import draft_of
from perturbations.validity import measure

LEVEL_OF: Final[Mapping[str, Level]] = {
    "textbugger": "character",
    "deepwordbug": "character",
    "textfooler": "word",
    "bertattack": "word",
    "checklist": "sentence",
    "stresstest": "sentence",
    "semantic": "semantic",
    "translation": "semantic",
}
"""Attack -> level, as PromptBench groups them (arXiv 2306.04528, section 3.2)."""

_CLEAN_LINE: Final = re.compile(r"Acc: [\d.]+%, prompt: (.+)")
_TRANSLATED_LINE: Final = re.compile(r"Language: \w+, acc: [\d.]+%, prompt: (.+)")
_ORIGINAL_LINE: Final = re.compile(r"Original prompt: (.+)")
_ATTACKED_LINE: Final = re.compile(r"Attacked prompt: (.+)")


@dataclass(frozen=True, slots=True)
class PublishedPrompt:
    """One prompt of a published file."""

    task: str
    attack: str
    """`clean`, or a key of `LEVEL_OF`."""
    text: str
    original: str | None = None
    """The clean prompt that was attacked, where the file says which."""


def parse_rows(rows: Iterable[Mapping[str, object]]) -> Iterator[PublishedPrompt]:
    """The prompts of JSON rows.

    Raises:
        UsageError: a row without a task, a prompt or a known attack, with its number.
    """
    for number, row in enumerate(rows, 1):
        task, text, original = row.get("task"), row.get("prompt"), row.get("original_prompt")
        if not isinstance(task, str) or not isinstance(text, str):
            raise UsageError(
                f"row {number}: a published prompt needs `task` and `prompt`; it has "
                f"{', '.join(row) or 'nothing'}."
            )
        attack = str(row.get("attack") or row.get("kind"))
        _check_attack(attack, f"row {number}")
        yield PublishedPrompt(task, attack, text, str(original) if original else None)


def parse_markdown(text: str) -> Iterator[PublishedPrompt]:
    """The prompts of a Markdown file.

    Raises:
        UsageError: an attack that is not known, or an attacked prompt that cannot be read, with
            the line.
    """
    task, attack, original = "", CLEAN, ""
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("## "):
            name = line[3:].strip()
            attack = CLEAN if name.endswith("prompts") else name
            _check_attack(attack, f"line {number}")
        elif line.startswith("# "):
            # The first heading names the model; each later one replaces the task.
            task, attack = line[2:].strip(), CLEAN
        elif found := _ORIGINAL_LINE.match(line):
            original = found[1]
        elif found := _ATTACKED_LINE.match(line):
            yield PublishedPrompt(task, attack, _read_bytes(found[1], number), original)
        elif found := _CLEAN_LINE.match(line) or _TRANSLATED_LINE.match(line):
            yield PublishedPrompt(task, attack, found[1])


def make_published_variants(
    prompts: Iterable[PublishedPrompt], label_words: Mapping[str, Sequence[str]]
) -> list[Variant]:
    """Variants of the prompts whose task is a key of `label_words`, each text once.

    Every clean prompt is one, also those that stand in the file only as an attack's original, so
    that a drop can be measured. A translated prompt does not say which one it was; it is its own
    original.
    """
    variants: dict[str, Variant] = {}
    for prompt in prompts:
        if prompt.task not in label_words:
            continue
        clean = _clean(prompt)
        if clean is not None:
            variants.setdefault(clean.id, clean)
        if prompt.attack != CLEAN:
            made = _attacked(prompt, clean, label_words[prompt.task])
            variants.setdefault(made.id, made)
    return sorted(variants.values(), key=lambda variant: variant.level != CLEAN)


def _clean(prompt: PublishedPrompt) -> Variant | None:
    text = (prompt.text if prompt.attack == CLEAN else prompt.original or "").strip()
    if not text:
        return None
    name = f"promptbench-{stable_id(prompt.task, text)[:8]}"
    return clean_variant(prompt.task, Instruction(name, "task", text))


def _attacked(
    prompt: PublishedPrompt, clean: Variant | None, label_words: Sequence[str]
) -> Variant:
    original = clean.text if clean else prompt.text
    draft = draft_of(original, prompt.text) or Draft(prompt.text, ())
    name = f"promptbench:{prompt.attack}"
    instruction = clean.instruction_id if clean else ""
    return Variant(
        id=stable_id(prompt.task, name, instruction, prompt.text),
        task=prompt.task,
        level=LEVEL_OF[prompt.attack],
        perturbation=name,
        instruction_id=instruction,
        index=0,
        seed=0,
        text=prompt.text,
        original=original,
        edits=draft.edits,
        validity=measure(original, draft, label_words),
    )


def _check_attack(attack: str, where: str) -> None:
    if attack != CLEAN and attack not in LEVEL_OF:
        known = f" Known: {', '.join(LEVEL_OF)}."
        raise UsageError(
            f"{where}: {attack!r} is no attack of PromptBench."
            f"{nearest_hint(attack, LEVEL_OF) or known}"
        )


def _read_bytes(written: str, number: int) -> str:
    """The text of a prompt that was printed as Python bytes, or as it is."""
    if not written.startswith(("b'", 'b"')):
        return written
    try:
        value = ast.literal_eval(written)
        text: str = value.decode("utf-8")
    except (ValueError, SyntaxError, AttributeError) as error:
        raise UsageError(f"line {number}: the attacked prompt cannot be read: {error}.") from None
    return text
