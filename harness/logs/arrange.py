"""One task of a run, from the logs of its prompts: examples, variants and samples."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from harness.core.errors import NothingToEvaluateError, UsageError
from harness.core.records import CLEAN, Example, Sample, Scorer, Variant, stable_id
from harness.logs.record import Answer, Log, Row

Kind = Literal["labels", "choices", "answer"]
_LETTERS: Final = string.ascii_uppercase
MAX_LABELS: Final = 64


@dataclass(frozen=True, slots=True)
class ImportedTask:
    """A task as a run keeps it, and everything that was answered in it."""

    name: str
    kind: Kind
    scorer: Scorer
    metric: str
    labels: tuple[str, ...]
    chance: float
    examples: tuple[Example, ...]
    variants: tuple[Variant, ...]
    samples: tuple[Sample, ...]
    prompt: str
    """Of the first cell, as the model saw it."""
    notes: tuple[str, ...]
    """What was left out on the way."""


def arrange_task(task: str, logs: Sequence[Log], metric: str) -> ImportedTask:
    """The task of these logs, the clean prompt first.

    Args:
        task: what it is called.
        logs: one per prompt.
        metric: whose values become scores in [0, 1].

    Returns:
        Examples, variants and samples as a run of ours has them.

    Raises:
        UsageError: the prompts were asked on other examples, or answers of another kind.
        NothingToEvaluateError: no example is in two logs, or no row has a score.
    """
    kind = _kind_of(logs)
    examples = _examples(task, logs, kind)
    variants = _variants(task, logs)
    by_id = {example.id: example for example in examples}
    labels = _labels(logs, kind)
    samples = tuple(
        _sample(row, variant, by_id[row.example], metric, labels, _scorer(row))
        for log, variant in zip(logs, variants, strict=True)
        for row in log.rows
        if _is_scored(row, metric)
    )
    if not samples:
        raise NothingToEvaluateError(f"{task}: no row of the logs has a number for {metric}.")
    scored = {sample.example_id for sample in samples}
    return ImportedTask(
        name=task,
        kind=kind,
        scorer=_scorer(logs[0].rows[0]),
        metric=metric,
        labels=labels,
        chance=_chance(logs[0], kind),
        examples=tuple(example for example in examples if example.id in scored),
        variants=variants,
        samples=samples,
        prompt=next((row.prompt for row in logs[0].rows if row.prompt), ""),
        notes=tuple(_notes(task, logs, metric)),
    )


def _is_scored(row: Row, metric: str) -> bool:
    return metric in row.scored and row.scored[metric].value is not None


def _kind_of(logs: Sequence[Log]) -> Kind:
    """Labels where all rows have the same options, choices where they have options."""
    rows = [row for log in logs for row in log.rows]
    if not all(isinstance(row.gold, int) and 2 <= len(row.options) <= MAX_LABELS for row in rows):
        return "answer"
    same = all(len({row.options for row in log.rows}) == 1 for log in logs)
    texts = logs[0].rows[0].options
    counts = {len(row.options) for row in rows}
    if same and len(counts) == 1 and all(texts) and len(set(texts)) == len(texts):
        return "labels"
    return "choices" if max(counts) <= len(_LETTERS) else "answer"


def _labels(logs: Sequence[Log], kind: Kind) -> tuple[str, ...]:
    if kind == "labels":  # of the clean prompt, where prompts say them in other words
        return tuple(text.strip() or text for text in logs[0].rows[0].options)
    if kind == "choices":
        return tuple(_LETTERS[: max(len(row.options) for log in logs for row in log.rows)])
    return ()


def _chance(log: Log, kind: Kind) -> float:
    if kind == "answer":
        return 0.0
    return sum(1 / len(row.options) for row in log.rows) / len(log.rows)


def _scorer(row: Row) -> Scorer:
    return "loglik" if row.likelihoods else "generate"


def _examples(task: str, logs: Sequence[Log], kind: Kind) -> tuple[Example, ...]:
    """Every example of the logs; those that stand in several must be equal."""
    labels = _labels(logs, kind)
    found: dict[str, Example] = {}
    for log in logs:
        own = [row.example for row in log.rows]
        if found and not found.keys() & set(own):
            raise NothingToEvaluateError(
                f"{task}: {log.name} shares no example with {logs[0].name}: they are not one task "
                "under different prompts.",
                hint="Leave --as-variants out, or import them apart.",
            )
        twice = [example for example, count in Counter(own).items() if count > 1]
        if twice:
            raise UsageError(f"{log.files[0].name}: the example {twice[0]!r} stands there twice.")
        for row in log.rows:
            example = _example(row, labels, kind)
            known = found.setdefault(row.example, example)
            if log.target == "instruction" and known != example:
                raise UsageError(_unlike(task, logs[0].name, log.name, known, example))
    return tuple(found.values())


def _example(row: Row, labels: Sequence[str], kind: Kind) -> Example:
    options = dict(zip(_LETTERS, row.options, strict=False)) if kind == "choices" else {}
    gold = _said(row.gold, row, labels) or ""
    references = (gold,) if kind == "answer" else ()
    return Example(row.example, {}, row.input, gold, options, options, references)


def _unlike(task: str, first: str, second: str, known: Example, other: Example) -> str:
    what = "gold answer" if known.input == other.input else "content"
    return (
        f"{task}: the example {known.id!r} has another {what} in {second} than in {first} "
        f"({_shown(other)} and {_shown(known)}): they are not one task under different prompts."
    )


def _shown(example: Example) -> str:
    text = " ".join(example.input.split())
    return f"{text[:60]!r} with {example.gold[:30]!r}"


def _variants(task: str, logs: Sequence[Log]) -> tuple[Variant, ...]:
    """A variant per log; the clean prompt is what perturbed ones are made of."""
    texts = _texts(logs)
    clean = logs[0]
    perturbed = any(log.level != CLEAN for log in logs)
    return tuple(
        Variant(
            id=stable_id("log", task, log.level, log.name, text),
            task=task,
            level=log.level or CLEAN,
            perturbation=CLEAN if log.level == CLEAN else log.name,
            instruction_id=clean.name if perturbed else log.name,
            index=0,
            seed=0,
            text=text,
            original=texts[0] if perturbed else text,
            target=log.target,
        )
        for log, text in zip(logs, texts, strict=True)
    )


def _texts(logs: Sequence[Log]) -> list[str]:
    """The prompts' words; where two have the same, what they are called stands beside them.

    What perturbs inputs does not show in the prompt's words, and is told apart by its name anyway.
    """
    counts = Counter(log.text for log in logs if log.target == "instruction")
    alike = [log.target == "instruction" and counts[log.text] > 1 for log in logs]
    return [
        f"{log.text}\n[{log.name}]" if same else log.text
        for log, same in zip(logs, alike, strict=True)
    ]


def _sample(
    row: Row,
    variant: Variant,
    example: Example,
    metric: str,
    labels: Sequence[str],
    scorer: Scorer,
) -> Sample:
    scored = row.scored[metric]
    return Sample.of(
        variant,
        example,
        prediction=_said(scored.answer, row, labels),
        score=scored.value or 0.0,
        scorer=scorer,
        scores=dict(zip(labels, row.likelihoods, strict=False)) if row.likelihoods else None,
        text=row.text,
    )


def _said(answer: Answer, row: Row, labels: Sequence[str]) -> str | None:
    """An answer's text: of an option the label or letter of its place."""
    if not isinstance(answer, int):
        return answer
    if labels:
        return labels[answer] if answer < len(labels) else None
    return row.options[answer] if answer < len(row.options) else str(answer)


def _notes(task: str, logs: Sequence[Log], metric: str) -> Iterator[str]:
    """What was left out: rows without a score, examples that a prompt was not asked on."""
    every = {row.example for log in logs for row in log.rows}
    for log in logs:
        missing = [row.example for row in log.rows if not _is_scored(row, metric)]
        if missing:
            yield (
                f"{task}: {len(missing):,} of {len(log.rows):,} rows of {log.name} have no number "
                f"for {metric} and are left out, the first with the id {missing[0]!r}."
            )
        if len(log.rows) < len(every):
            yield (
                f"{task}: {log.name} was asked on {len(log.rows):,} of {len(every):,} examples; "
                "drops are measured on those that both have."
            )
