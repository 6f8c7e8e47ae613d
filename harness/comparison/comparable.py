"""Whether two runs asked the same question: their labels, prompts, prompt format and scorer."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.records import PERTURBED_LEVELS

if TYPE_CHECKING:
    import pandas as pd

    from harness.results.rundir import Run

_DIFF_LINES = 12


@dataclass(frozen=True)
class RunData:
    """What a comparison reads of a run."""

    name: str
    manifest: Mapping[str, object]
    variants: pd.DataFrame
    samples: pd.DataFrame


def run_data(run: Run, name: str | None = None) -> RunData:
    """A run as comparisons read it, called by its folder's name unless another is given.

    Raises:
        UsageError: the run is not finished: what is missing would be left out unnoticed.
    """
    status = run.manifest.get("status")
    if status != "complete":
        raise UsageError(
            f"{run.path} is not finished: its status is {status!r}.",
            hint=f"It resumes by its own command: {run.manifest.get('command')}",
        )
    return RunData(name or run.path.name, run.manifest, run.variants, run.scored_samples)


def find_differences(first: RunData, second: RunData) -> list[str]:
    """What makes two runs' answers incomparable, a line (or a small diff) each."""
    found = [
        f"{what}: {first.name} has {ours!r}, {second.name} has {theirs!r}"
        for what, ours, theirs in _settings(first, second)
        if ours != theirs
    ]
    for task in shared_tasks(first, second):
        ours, theirs = task_labels(first, task), task_labels(second, task)
        if ours != theirs:
            found.append(
                f"labels of {task}: {first.name} has {', '.join(ours)}; "
                f"{second.name} has {', '.join(theirs)}"
            )
        elif _renders_same_cell(first, second, task):
            found += _prompt_difference(task, first, second)
    return found


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


def all_labels(run: RunData) -> dict[str, list[str]]:
    """Task -> its label names, in the manifest's order."""
    return {name: task_labels(run, name) for name in _mapping(run.manifest.get("tasks"))}


def all_label_tokens(run: RunData) -> dict[str, list[int]]:
    """Task -> how many tokens each of its labels has, for the tasks whose manifest says so."""
    found = {name: _task(run, name).get("label_tokens") for name in all_labels(run)}
    return {name: list(counts) for name, counts in found.items() if isinstance(counts, list)}


def task_labels(run: RunData, task: str) -> list[str]:
    """A task's label names, as the manifest has them."""
    labels = _task(run, task).get("labels")
    return [str(label) for label in labels] if isinstance(labels, list | tuple) else []


def _settings(first: RunData, second: RunData) -> Iterator[tuple[str, object, object]]:
    """Name and both values of each setting on which answers depend."""
    one, other = first.manifest, second.manifest
    yield "prompt format", one.get("prompt_format"), other.get("prompt_format")
    configs = [_mapping(run.manifest.get("config")) for run in (first, second)]
    for key in ("scorer", "calibrate", "few_shot"):
        ours, theirs = (config.get(key) for config in configs)
        both_scorers = key == "scorer" and "both" in {ours, theirs}
        if not both_scorers:
            yield key.replace("_", "-"), ours, theirs


def _renders_same_cell(first: RunData, second: RunData, task: str) -> bool:
    """Whether the manifests' rendered prompts are of one cell, in one chat template."""
    templates = {
        str(_mapping(run.manifest.get("model")).get("chat_template_hash"))
        for run in (first, second)
    }
    if first.manifest.get("prompt_format") == "chat" and len(templates) > 1:
        return False
    return _first_cell(first, task) == _first_cell(second, task)


def _first_cell(run: RunData, task: str) -> tuple[object, object]:
    texts = run.variants.loc[run.variants["task"] == task, "text"]
    examples = _task(run, task).get("example_ids")
    first_example = examples[0] if isinstance(examples, list) and examples else None
    return (texts.iloc[0] if len(texts) else None, first_example)


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
