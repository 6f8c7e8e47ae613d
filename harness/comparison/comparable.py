"""Whether runs asked the same questions: their settings, their tasks, and every example's content.

Answers can be set side by side only where the questions are equal. What decides is the content, not
names or ids: an example is its whole input and its gold label, by hash; a task is its labels, the
words that stand for them, its answer cue and few-shot examples.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from harness.core.errors import UsageError
from harness.core.records import PERTURBED_LEVELS
from harness.results.kinds import own_scorers

if TYPE_CHECKING:
    import pandas as pd

Unlike = Literal["refuse", "leave-out", "note"]
"""What becomes of runs that asked different questions: refused; compared on the part that is equal;
or, where only settings differ, compared all the same with a note."""

_DIFF_LINES: Final = 12
_GREEDY: Final[Mapping[str, object]] = {"temperature": 0, "repeats": 1}
"""What a run that says nothing of draws did."""
_SHOWN: Final = 60
"""Characters of a text that a message shows."""


@dataclass(frozen=True, slots=True)
class ExampleContent:
    """What an example asks."""

    input: str
    """The start of its input, to be shown."""
    gold: str
    hash: str
    """Of its whole input and its gold label."""


class StoredRun(Protocol):
    """What is read of a run directory, as `load_run` returns it."""

    @property
    def path(self) -> Path:
        """The run directory."""
        ...

    @property
    def manifest(self) -> Mapping[str, Any]:
        """run.json."""
        ...

    @property
    def variants(self) -> pd.DataFrame:
        """One row per variant."""
        ...

    @property
    def scored_samples(self) -> pd.DataFrame:
        """One row per cell and scorer, without generated text."""
        ...

    @property
    def examples(self) -> pd.DataFrame:
        """One row per example: its task, id, gold, the start of its input and a hash of it."""
        ...


@dataclass(frozen=True)
class RunData:
    """What a comparison reads of a run."""

    name: str
    manifest: Mapping[str, Any]
    """run.json."""
    variants: pd.DataFrame
    samples: pd.DataFrame
    examples: Mapping[str, Mapping[str, ExampleContent]] = field(default_factory=dict)
    """Task -> example id -> its content."""


@dataclass(frozen=True, slots=True)
class Differences:
    """What makes two runs' answers incomparable, a line (or a small diff) each."""

    settings: tuple[str, ...] = ()
    """Of the whole runs."""
    tasks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By task: what makes it another task."""
    examples: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By task: the ids of shared examples that ask something else."""
    example_lines: tuple[str, ...] = ()
    """The first such example of each task, with both contents."""

    def lines(self) -> list[str]:
        """All of them, the runs' settings first."""
        of_tasks = [line for lines in self.tasks.values() for line in lines]
        return [*self.settings, *of_tasks, *self.example_lines]


def run_data(run: StoredRun, name: str | None = None) -> RunData:
    """A run as comparisons read it, called by its folder's name unless another is given.

    Args:
        run: a finished run; `load_run` has checked that it is whole.
        name: what to call it.

    Raises:
        UsageError: one of its files is damaged.
    """
    if run.manifest.get("status") != "complete":
        raise UsageError(f"{run.path} is not finished, so it cannot be compared.")
    return RunData(
        name=name or run.path.name,
        manifest=run.manifest,
        variants=run.variants,
        samples=run.scored_samples,
        examples=read_contents(run.examples),
    )


def find_differences(first: RunData, second: RunData) -> Differences:
    """What makes two runs' answers incomparable; empty where they asked the same questions."""
    settings = tuple(
        f"{what}: {first.name} has {ours!r}, {second.name} has {theirs!r}"
        for what, ours, theirs in _settings(first, second)
        if ours != theirs
    )
    tasks = {task: tuple(_task_lines(task, first, second)) for task in shared_tasks(first, second)}
    examples = {task: _other_examples(task, first, second) for task in tasks}
    return Differences(
        settings=settings,
        tasks={task: lines for task, lines in tasks.items() if lines},
        examples={task: ids for task, ids in examples.items() if ids},
        example_lines=tuple(
            _example_line(task, ids, first, second) for task, ids in examples.items() if ids
        ),
    )


def find_level_differences(first: RunData, second: RunData) -> list[str]:
    """Say which levels are made of other perturbations in one run than in the other.

    Cells are matched by their text, so the comparison itself stays fair: its level holds what both
    have. But a level of three is not the level of five that either run's own summary speaks of.

    Returns:
        One sentence per level that differs, in the order of levels.
    """
    ours, theirs = _perturbations(first, second), _perturbations(second, first)
    found = []
    for level in PERTURBED_LEVELS:
        one, other = ours.get(level, set()), theirs.get(level, set())
        if one != other and one and other:
            found.append(
                f"level {level}: {first.name} has {len(one)} perturbations{_lacks(other - one)}, "
                f"{second.name} has {len(other)}{_lacks(one - other)}; only what both have is "
                "compared"
            )
    return found


def _lacks(names: Set[str]) -> str:
    return f" (not {', '.join(sorted(names))})" if names else ""


def _perturbations(run: RunData, other: RunData) -> dict[str, set[str]]:
    """Level -> the perturbations of a run's variants, in the tasks that both runs have."""
    shared = run.variants[run.variants["task"].isin(shared_tasks(run, other))]
    return {
        str(level): {str(name) for name in group}
        for level, group in shared.groupby("level")["perturbation"]
    }


def shared_tasks(first: RunData, second: RunData) -> list[str]:
    """The tasks that both manifests have, in the first one's order."""
    others = _mapping(second.manifest.get("tasks"))
    return [name for name in _mapping(first.manifest.get("tasks")) if name in others]


def named_scorers(run: RunData) -> tuple[str, ...]:
    """The scorers that the manifest names, the primary one first."""
    named = _mapping(run.manifest.get("config")).get("scorers")
    return tuple(map(str, named)) if isinstance(named, list | tuple) else ()


def all_labels(run: RunData) -> dict[str, list[str]]:
    """Task -> its label names, in the manifest's order."""
    return {name: task_labels(run, name) for name in _mapping(run.manifest.get("tasks"))}


def all_label_tokens(run: RunData) -> dict[str, list[int]]:
    """Task -> how many tokens each of its labels has, for the tasks whose manifest says so."""
    found = {name: _task(run, name).get("label_tokens") for name in all_labels(run)}
    return {name: list(counts) for name, counts in found.items() if isinstance(counts, list)}


def all_own_scorers(run: RunData) -> dict[str, tuple[str, ...]]:
    """Task -> by which scorers it is read where the one asked for cannot."""
    return own_scorers(_mapping(run.manifest.get("tasks")))


def task_labels(run: RunData, task: str) -> list[str]:
    """A task's label names, as the manifest has them."""
    labels = _task(run, task).get("labels")
    return [str(label) for label in labels] if isinstance(labels, list | tuple) else []


def read_contents(examples: pd.DataFrame) -> dict[str, dict[str, ExampleContent]]:
    """Task -> example id -> what it asks; empty for an empty table."""
    if examples.empty:
        return {}
    found: dict[str, dict[str, ExampleContent]] = {}
    columns = [examples[name] for name in ("task", "id", "input", "gold", "hash")]
    for task, example_id, text, gold, digest in zip(*columns, strict=True):
        found.setdefault(task, {})[example_id] = ExampleContent(text, gold, digest)
    return found


def _settings(first: RunData, second: RunData) -> Iterator[tuple[str, object, object]]:
    """Name and both values of each setting on which answers depend."""
    one, other = first.manifest, second.manifest
    yield "prompt format", one.get("prompt_format"), other.get("prompt_format")
    configs = [_mapping(run.manifest.get("config")) for run in (first, second)]
    scorers = [named_scorers(run) for run in (first, second)]
    shared = set(scorers[0]).intersection(scorers[1])
    if not shared:
        yield "--scorer", ", ".join(scorers[0]), ", ".join(scorers[1])
    keys = ["few_shot", "target", "temperature", "repeats"]
    if shared <= {"generate"}:
        keys.append("max_new_tokens")
    for key in keys:
        ours, theirs = (config.get(key, _GREEDY.get(key)) for config in configs)
        yield f"--{key.replace('_', '-')}", ours, theirs


def _task_lines(task: str, first: RunData, second: RunData) -> Iterator[str]:
    """What makes a task of two runs another task."""
    alike = True
    for what, ours, theirs in _task_parts(task, first, second):
        if ours != theirs:
            alike = False
            sides = f"{first.name} has {_show(ours)}; {second.name} has {_show(theirs)}"
            yield f"{what} of {task}: {sides}"
    if alike and _renders_same_cell(first, second, task):
        yield from _prompt_difference(task, first, second)


def _task_parts(task: str, first: RunData, second: RunData) -> Iterator[tuple[str, object, object]]:
    one, other = _task(first, task), _task(second, task)
    yield "labels", task_labels(first, task), task_labels(second, task)
    yield "label words", one.get("label_words"), other.get("label_words")
    yield "order of labels", one.get("order") or [], other.get("order") or []
    yield "answer cue", one.get("answer_cue"), other.get("answer_cue")
    yield "prefill", one.get("prefill") or "", other.get("prefill") or ""
    yield "placement of the instruction", one.get("placement"), other.get("placement")
    yield "system text", one.get("system") or "", other.get("system") or ""
    yield "gap between instruction and input", one.get("gap"), other.get("gap")
    yield "few-shot examples (hashes)", one.get("few_shot"), other.get("few_shot")
    yield from _scoring_parts(one.get("scoring"), other.get("scoring"))


def _scoring_parts(ours: object, theirs: object) -> Iterator[tuple[str, object, object]]:
    one, other = (part if isinstance(part, Mapping) else {} for part in (ours, theirs))
    for key in {**one, **other}:
        yield f"{key} (how answers are scored)", one.get(key), other.get(key)


def _other_examples(task: str, first: RunData, second: RunData) -> frozenset[str]:
    """The ids of examples that both runs have and that ask something else."""
    ours, theirs = first.examples.get(task, {}), second.examples.get(task, {})
    shared = ours.keys() & theirs.keys()
    return frozenset(name for name in shared if ours[name].hash != theirs[name].hash)


def _example_line(task: str, ids: frozenset[str], first: RunData, second: RunData) -> str:
    shown = next(name for name in first.examples[task] if name in ids)
    shared = first.examples[task].keys() & second.examples[task].keys()
    contents = [run.examples[task][shown] for run in (first, second)]
    start = _start_of_difference(contents[0].input, contents[1].input)
    texts = [
        f"{run.name} has {_show(content.input[start:])} (gold {content.gold!r})"
        for run, content in zip((first, second), contents, strict=True)
    ]
    beyond = (
        " (the texts differ further on)"
        if len({(content.input, content.gold) for content in contents}) == 1
        else ""
    )
    return (
        f"{len(ids):,} of {len(shared):,} shared examples of {task}, the first with id {shown!r}: "
        f"{'; '.join(texts)}{beyond}"
    )


def _start_of_difference(ours: str, theirs: str) -> int:
    """Where to begin to show two texts, so that their first difference is in sight."""
    same = next(
        (n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
        min(len(ours), len(theirs)),
    )
    return max(0, same - _SHOWN // 2) if ours != theirs else 0


def _show(value: object) -> str:
    if isinstance(value, list | tuple):
        value = ", ".join(str(one) for one in value) or "none"
    elif isinstance(value, str):
        value = repr(value)
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _renders_same_cell(first: RunData, second: RunData, task: str) -> bool:
    """Whether the manifests' rendered prompts are of one cell, in one chat template."""
    templates = {
        str(_mapping(run.manifest.get("model")).get("chat_template_hash"))
        for run in (first, second)
    }
    if first.manifest.get("prompt_format") == "chat" and len(templates) > 1:
        return False
    return _first_cell(first, task) == _first_cell(second, task)


def _first_cell(run: RunData, task: str) -> tuple[object, ...]:
    texts = run.variants.loc[run.variants["task"] == task, "text"]
    ids = _task(run, task).get("example_ids")
    first_example = ids[0] if isinstance(ids, list) and ids else None
    content = run.examples.get(task, {}).get(str(first_example))
    text = texts.iloc[0] if len(texts) else None
    return text, first_example, content.hash if content else None


def _prompt_difference(task: str, first: RunData, second: RunData) -> list[str]:
    ours, theirs = (str(_task(run, task).get("rendered_prompt", "")) for run in (first, second))
    if ours == theirs:
        return []
    lines = difflib.unified_diff(
        ours.splitlines(), theirs.splitlines(), first.name, second.name, lineterm="", n=1
    )
    shown = [f"    {line}" for line in lines][:_DIFF_LINES]
    return ["\n".join([f"rendered prompt of {task}:", *shown])]


def _task(run: RunData, name: str) -> Mapping[str, object]:
    return _mapping(_mapping(run.manifest.get("tasks")).get(name))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
