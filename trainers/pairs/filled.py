"""Pairs out of rows that fill several templates of a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from random import Random

from harness.core.records import stable_hash, stable_id
from trainers.pairs.filters import Drops
from trainers.pairs.record import Pair


@dataclass(frozen=True, slots=True)
class Filled:
    """A whole prompt, the template it was made with, and the answer that the template asks for."""

    template: str
    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One row of a data set in all templates of its task."""

    task: str
    row: int
    filled: tuple[Filled, ...]


def pair_templates(
    instances: Sequence[Instance], *, source: str, file: str, seed: int, drops: Drops
) -> Iterator[Pair]:
    """Pairs of filled templates that ask for the same answer words, one per row and class.

    Two templates go together only if their answers are equal on every row of the task: on a single
    row "Yes" may answer opposite questions. This parts templates with other answer words, those
    that reverse the task, and those that ask something else.
    """
    ordered = sorted(instances, key=lambda instance: instance.task)
    for task, group in groupby(ordered, key=lambda instance: instance.task):
        members = list(group)
        classes = _classes(members)
        for instance in members:
            by_template = {one.template: one for one in instance.filled}
            for templates in classes:
                if len(templates) < 2:
                    drops.add("one template", task)
                    continue
                rng = Random(stable_hash(seed, task, instance.row, templates[0]))
                original, paraphrase = (by_template[t] for t in rng.sample(templates, 2))
                pair = _pair(instance, original, paraphrase, source, file)
                yield replace(pair, request_id=f"{task}/{templates[0]}")


def _classes(instances: Sequence[Instance]) -> list[list[str]]:
    """Templates that ask for equal answers on all rows, by class; sorted, templates of all rows."""
    answers: dict[str, list[str]] = {}
    for instance in instances:
        for one in instance.filled:
            answers.setdefault(one.template, []).append(one.answer)
    classes: dict[tuple[str, ...], list[str]] = {}
    for template, given in answers.items():
        if len(given) == len(instances):
            classes.setdefault(tuple(given), []).append(template)
    return sorted(sorted(templates) for templates in classes.values())


def _pair(instance: Instance, original: Filled, paraphrase: Filled, source: str, file: str) -> Pair:
    return Pair(
        original=original.prompt,
        paraphrase=paraphrase.prompt,
        target=original.answer,
        task=instance.task,
        instruction_id=f"{instance.task}/{original.template}",
        instance_id=stable_id(instance.task, instance.row, original.answer),
        input_id=stable_id(instance.task, instance.row),
        perturbation="template",
        provenance={
            "source": source,
            "file": file,
            "row": instance.row,
            "original": original.template,
            "paraphrase": paraphrase.template,
        },
    )


def complete(instances: Sequence[Instance], drops: Drops) -> list[Instance]:
    """The instances that have every template of their task; the others are counted.

    A template that cannot be filled from one row in twenty is left out instead of those rows.
    """
    kept: list[Instance] = []
    ordered = sorted(instances, key=lambda instance: instance.task)
    for task, group in groupby(ordered, key=lambda instance: instance.task):
        members = list(group)
        counts = Counter(w.template for member in members for w in member.filled)
        common = {name for name, count in counts.items() if count >= 0.95 * len(members)}
        for member in members:
            filled = tuple(w for w in member.filled if w.template in common)
            if len(filled) == len(common):
                kept.append(Instance(task, member.row, filled))
            else:
                drops.add("empty", task)
    return kept
