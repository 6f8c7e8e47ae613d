"""The data of a cell: rows and instructions drawn by seed, pairs until the tokens are used up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

import yaml
from form import HERE, Arm, BankSpec, Form, TaskSpec
from others import fold

from harness.core.errors import UsageError
from harness.core.records import Instruction, Level, stable_hash, stable_id
from harness.evaluation.selection import choose_perturbations
from harness.tasks.rows import read_file
from harness.tasks.template import compile_template
from perturbations import Perturbation, make_variants
from trainers.pairs import Pair

POOL: Final = 6000
"""Rows of a file that are drawn from."""
NOISE_LEVELS: Final[tuple[Level, ...]] = ("character", "word", "sentence")


@dataclass(frozen=True)
class Row:
    """An input as a prompt shows it, and its answer word."""

    text: str
    answer: str


@dataclass(frozen=True)
class Rows:
    """The rows of a task: no text is in two of these."""

    start: list[Row]
    arms: list[Row]
    test: list[Row]


def draw_rows(form: Form, task: str, data: Path, *, seed: int) -> Rows:
    """Rows for the start, for the arms and for the test; the test's are the same for every seed.

    Raises:
        UsageError: a file has too few rows.
    """
    spec = form.tasks[task]
    usable = _usable(data / spec.train, spec, form.max_words)
    tested = _usable(data / spec.test, spec, form.max_words) if spec.test else usable
    _, held = _part(tested, form.test.rows, Random(stable_hash("test", task)))
    texts = {fold(row.text) for row in held}
    free = [row for row in usable if fold(row.text) not in texts]
    rest, arms = _part(free, form.rows, Random(stable_hash("rows", task, seed)))
    _, start = _part(rest, form.start.rows, Random(stable_hash("start", task, seed)))
    return Rows(start, arms, held)


def read_bank(spec: TaskSpec) -> list[str]:
    """The instructions to train on in the task's answer words."""
    texts: list[str] = []
    for name in spec.bank.files:
        content = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))[spec.bank.task]
        if isinstance(content, dict):
            groups = [one for one in content["groups"] if set(one["words"]) == set(spec.labels)]
            texts += [text for group in groups for text in group["texts"]]
        else:
            texts += [_fill(text, spec.bank, spec.labels, n) for n, text in enumerate(content)]
    return texts


def draw_instructions(spec: TaskSpec, number: int, *, seed: int) -> list[str]:
    """So many of the bank; of one seed the fewer are among the more.

    Raises:
        UsageError: the bank has fewer.
    """
    bank = read_bank(spec)
    if number > len(bank):
        raise UsageError(f"{number} instructions are asked for, and the bank has {len(bank)}.")
    return Random(stable_hash("bank", seed)).sample(bank, len(bank))[:number]


def make_pairs(
    rows: Sequence[Row],
    spec: TaskSpec,
    arm: Arm,
    tokens: int,
    length: Callable[[Pair], int],
    noise: Sequence[Perturbation] = (),
    *,
    seed: int,
) -> list[Pair]:
    """Pairs of an arm, row after row in new orders, until their texts have so many tokens."""
    pairs: list[Pair] = []
    texts = draw_instructions(spec, arm.wordings, seed=seed)
    other = _noisy(texts, spec, noise) if arm.noisy else _another(texts)
    for round_number in count():
        rng = Random(stable_hash("pairs", seed, round_number))
        for row in rng.sample(list(rows), len(rows)):
            if tokens <= 0:
                return pairs
            for original in _without_repeats(texts, arm.pairs_per_row, rng):
                pairs.append(_pair(row, original, other(original, rng), spec))
                tokens -= length(pairs[-1])
    raise AssertionError("a count has no end")


def _pair(row: Row, original: str, paraphrase: str, spec: TaskSpec) -> Pair:
    return Pair(
        original=original,
        paraphrase=paraphrase,
        target=row.answer,
        input=row.text,
        answer_cue=spec.cue,
        task="task",
        request_id="task",
        instruction_id=stable_id(original),
        instance_id=stable_id(row.text, row.answer),
        input_id=stable_id(row.text),
    )


def noise_of(form: Form, data: Path) -> tuple[Perturbation, ...]:
    """The perturbations of three levels that no test has."""
    chosen = choose_perturbations(levels=NOISE_LEVELS, names=(), stacks=(), data_dir=data)
    tested = set(form.test.perturbations)
    return tuple(one for one in chosen.perturbations if one.name not in tested)


def _without_repeats(texts: Sequence[str], number: int, rng: Random) -> list[str]:
    """So many, each instruction once before any comes again."""
    drawn: list[str] = []
    while len(drawn) < number:
        drawn += rng.sample(list(texts), len(texts))
    return drawn[:number]


def _another(texts: Sequence[str]) -> Callable[[str, Random], str]:
    def draw(text: str, rng: Random) -> str:
        others = [other for other in texts if other != text]
        return rng.choice(others) if others else text

    return draw


def _noisy(
    texts: Sequence[str], spec: TaskSpec, noise: Sequence[Perturbation]
) -> Callable[[str, Random], str]:
    @cache
    def forms(text: str) -> tuple[str, ...]:
        made = make_variants(
            "task",
            Instruction(id=stable_id(text), style="task", text=text),
            perturbations=noise,
            label_words=spec.labels,
            paraphrases=(),
            seed=0,
        )
        return tuple(one.text for one in made.variants) or (text,)

    return lambda text, rng: rng.choice(forms(text))


def _usable(path: Path, spec: TaskSpec, max_words: int) -> list[Row]:
    """The rows with a known label that are short enough, each text once."""
    render = compile_template(spec.input, where="the form").render
    found: dict[str, Row] = {}
    for row in _pool(path):
        label = row["label"]
        if isinstance(label, int | str) and label in spec.words:
            text = render(row)
            if len(text.split()) <= max_words:
                found.setdefault(fold(text), Row(text, spec.words[label]))
    return list(found.values())


@cache
def _pool(path: Path) -> list[Mapping[str, object]]:
    """A file's rows, of a long one some thousands, always the same."""
    rows = list(read_file(path))
    return Random(stable_hash("pool", path.name)).sample(rows, min(POOL, len(rows)))


def _part(rows: Sequence[Row], number: int, rng: Random) -> tuple[list[Row], list[Row]]:
    """The others, and so many drawn at random."""
    if number > len(rows):
        raise UsageError(f"{number} rows are asked for, and {len(rows)} are there.")
    mixed = rng.sample(list(rows), len(rows))
    return mixed[number:], mixed[:number]


def _fill(text: str, spec: BankSpec, labels: Sequence[str], number: int) -> str:
    """An instruction of a bank for many tasks, the answer words in another order in each."""
    turned = [*labels[number % len(labels) :], *labels[: number % len(labels)]]
    quoted = [f"'{label}'" for label in turned]
    listed = f"{', '.join(quoted[:-1])} or {quoted[-1]}"
    return text.format(labels=listed, thing=spec.thing, kind=spec.kind)
