"""Instructions by other authors, read from the data folder: FLAN, promptsource, PromptBench.

Their templates have a place for the input. What is left without it is an instruction, if that place
is a line of its own or the end or beginning of one; and if it names every answer word, so that an
answer can be expected to be one of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

from form import TaskSpec

from harness.core.errors import HarnessError
from harness.core.records import stable_hash
from harness.tasks.rows import Row, read_file
from harness.tasks.template import compile_template

FLAN = "instructions/flan_v1_templates.json"
PROMPTSOURCE = "instructions/promptsource_templates.jsonl.gz"
PROMPTBENCH = "prompts/promptbench_adv_prompts.jsonl.xz"
_INPUT = "\u2402"
_INPUTS = re.compile(rf"{_INPUT}(?:\W*{_INPUT})*")
"""Several fields side by side, such as a title and a text."""
_FIELD = re.compile(r"\{\w+\}")
_LEAD = re.compile(r"^\W*(?:[\w']+\W+){0,2}[\w']*:?\s*$")
"""What may stand before an input on its line, as in "Movie review:"."""


def instructions_of_others(spec: TaskSpec, data: Path, *, number: int) -> dict[str, str]:
    """Id -> text of at most so many, evenly of the authors, the same for every arm and seed."""
    found = [dict(_fit(texts, spec)) for texts in _sources(spec, data)]
    queues = [_shuffled(own) for own in found if own]
    drawn: dict[str, str] = {}
    seen: set[str] = set()
    while any(queues) and len(drawn) < number:
        for queue in filter(None, queues):
            name, text = queue.pop()
            # PromptBench has most of its texts with and without a last word.
            key = fold(text).removesuffix(" classify")
            if key not in seen and len(drawn) < number:
                drawn[name] = text
                seen.add(key)
    return drawn


def fold(text: str) -> str:
    """What two texts that say the same have in common."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def _sources(spec: TaskSpec, data: Path) -> Iterator[Iterator[tuple[str, str]]]:
    if spec.others.flan:
        yield _flan(data / FLAN, spec.others.flan, spec.labels)
    if spec.others.promptsource:
        yield _promptsource(data / PROMPTSOURCE, spec.others.promptsource, spec.labels)
    if spec.others.promptbench:
        yield _promptbench(data / PROMPTBENCH, spec.others.promptbench)


def _flan(path: Path, task: str, labels: list[str]) -> Iterator[tuple[str, str]]:
    options = "OPTIONS:\n" + "\n".join(f"- {label}" for label in labels)
    for number, one in enumerate(json.loads(path.read_text(encoding="utf-8"))[task]):
        if one["target"] == "{answer}":  # others ask for a text with that label
            yield f"flan-{number}", _FIELD.sub(_INPUT, one["input"].replace("{options_}", options))


def _promptsource(path: Path, task: str, labels: list[str]) -> Iterator[tuple[str, str]]:
    for row in read_file(path):
        name = "/".join(str(row[key]) for key in ("dataset", "subset") if row.get(key))
        if name == task and row.get("original_task"):
            text = _render(row, labels)
            if text is not None:
                yield f"promptsource-{fold(str(row['name'])).replace(' ', '-')}", text


def _render(row: Row, labels: list[str]) -> str | None:
    prompt = str(row["jinja"]).partition("|||")[0]
    try:
        template = compile_template(prompt, where=str(row["name"]))
        fields = {name: _INPUT for name in template.fields if name != "answer_choices"}
        return template.render({**fields, "answer_choices": labels})
    except HarnessError:
        return None  # a template of one label alone, or one that needs more than texts


def _promptbench(path: Path, task: str) -> Iterator[tuple[str, str]]:
    texts = (
        str(row["prompt"])
        for row in read_file(path)
        if row["kind"] == "clean" and row["task"] == task
    )
    for number, text in enumerate(dict.fromkeys(texts)):
        yield f"promptbench-{number}", text


def _fit(texts: Iterator[tuple[str, str]], spec: TaskSpec) -> Iterator[tuple[str, str]]:
    for name, text in texts:
        instruction = without_input(text)
        if instruction and all(word in instruction.casefold() for word in spec.labels):
            yield name, instruction


def without_input(text: str) -> str | None:
    """The template without its input's place; None where that is within a sentence."""
    kept: list[str] = []
    for line in text.replace(f'"{_INPUT}"', _INPUT).splitlines():
        if _INPUT not in line:
            kept.append(line)
            continue
        bare = _INPUTS.sub(_INPUT, line.strip())
        if not (bare.startswith(_INPUT) or bare.endswith(_INPUT)):
            return None
        rest = bare.replace(_INPUT, "").strip()
        if rest.startswith(","):
            return None  # the rest of a sentence that the input begins
        if _INPUT in bare[1:-1] and not _LEAD.match(rest):
            return None
        if kept and kept[-1].rstrip().endswith(":") and _LEAD.match(kept[-1]):
            kept.pop()
        kept += [] if _LEAD.match(rest) else [rest]
    joined = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in kept)).strip()
    return joined.removesuffix("Answer:").strip() or None


def _shuffled(texts: dict[str, str]) -> list[tuple[str, str]]:
    rng = Random(stable_hash("others", *texts))
    return rng.sample(list(texts.items()), len(texts))
