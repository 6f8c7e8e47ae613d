"""Samples in compact form: one array of cells per task, prompts down and examples across.

Everything that the metrics need is read from the frames once, by integer codes. A cell costs four
bytes of score, two of answer (four where free text has tens of thousands of answers) and one that
says whether it is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import UsageError
from harness.core.records import CLEAN, LEVELS
from harness.metrics.open_answers import fold_answer
from harness.results.scored_samples import likelihood_column, spread_scores
from harness.stats.arrays import Booleans, Floats, Integers, Singles, ratio

if TYPE_CHECKING:
    import pandas as pd

UNPARSED = -1
"""The code of an answer that no label could be read from."""

Answers = NDArray[np.signedinteger]
_ORDER = ("task", "level", "perturbation", "instruction_id", "index", "id")

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Group:
    """The cells of some prompts of a task, and the clean cells that they are compared with."""

    task: str
    rows: Integers  # [K], where the prompts stand in their grid
    variants: tuple[str, ...]  # [K]
    examples: tuple[str, ...]  # [N]
    families: Integers  # [K], the code of each variant's instruction; equal texts are one
    score: Floats  # [K, N], 0 where missing
    answer: Answers  # [K, N], codes of answers
    present: Booleans  # [K, N]
    clean_score: Floats  # [K, N], the same instruction unperturbed, on the same example
    clean_answer: Answers  # [K, N]
    matched: Booleans  # [K, N], where both are there; nowhere for clean prompts themselves
    classes: int
    """How many answers there are, unparsed not counted."""
    planned: int = 0
    """Cells that these prompts would have on all of the task's examples."""
    likelihood: Singles | None = None  # [K, N, labels of the task], in nats; NaN where missing
    label_tokens: tuple[int, ...] | None = None  # [labels of the task], how long each is
    texts: Integers | None = None  # [K], equal where two variants ask the same
    kinds: Integers | None = None  # [K], codes of perturbations
    clean_present: Booleans | None = None  # [K, N], where the clean cells are there
    others: Floats | None = None  # [K, N], mean of the task's other cells of the example
    is_open: bool = False
    """Whether answers are free text, which two prompts seldom word alike."""

    @property
    def has_holes(self) -> bool:
        """Whether some variant was not asked on some example of these."""
        return not bool(self.present.all())


@dataclass(frozen=True, slots=True)
class Grid:
    """All cells of a task under one scorer."""

    task: str
    variants: tuple[str, ...]  # [K]
    levels: tuple[str, ...]  # [K]
    perturbations: tuple[str, ...]  # [K]
    instructions: tuple[str, ...]  # [K]
    families: Integers  # [K], codes of instructions; those with one clean text are one
    texts: Integers  # [K], codes of what variants ask
    examples: tuple[str, ...]  # [N]
    labels: tuple[str, ...]  # the task's, then other answers that were given
    score: Singles  # [K, N]
    answer: Answers  # [K, N]
    present: Booleans  # [K, N]
    clean_row: Integers  # [K], the clean prompt of the same instruction, -1 where there is none
    gold: Integers  # [N], codes of the right answers, -1 where unknown
    likelihood: Singles | None  # [K, N, labels of the task], in nats; NaN where missing
    label_tokens: tuple[int, ...] | None = None  # [labels of the task], None where not known
    is_open: bool = False
    """Whether answers are free text; `labels` are then all answers that were given."""
    strengths: tuple[str, ...] = ()  # [K], empty for variants that know none

    def rows(
        self,
        *,
        level: str | None = None,
        perturbation: str | None = None,
        strength: str | None = None,
    ) -> Integers:
        """The prompts of a level, a perturbation and a strength; what is left out restricts not."""
        fits = np.ones(len(self.variants), dtype=np.bool_)
        if level is not None:
            fits &= np.array(self.levels) == level
        if perturbation is not None:
            fits &= np.array(self.perturbations) == perturbation
        if strength is not None:
            fits &= np.array(self.strengths) == strength
        return np.flatnonzero(fits)

    def group(self, rows: Integers) -> Group | None:
        """The cells of these prompts, without prompts and examples that have none; None if none."""
        planned = len(rows) * len(self.examples)
        rows = rows[self.present[rows].any(axis=1)]
        if not len(rows):
            return None
        columns = np.flatnonzero(self.present[rows].any(axis=0))
        cells = np.ix_(rows, columns)
        clean = self.clean_row[rows]
        of_clean = np.ix_(np.where(clean < 0, rows, clean), columns)
        comparable = (clean >= 0) & (clean != rows)
        present = self.present[cells]
        clean_present = self.present[of_clean] & comparable[:, None]
        return Group(
            task=self.task,
            rows=rows,
            variants=_pick(self.variants, rows),
            examples=_pick(self.examples, columns),
            families=self.families[rows],
            texts=self.texts[rows],
            score=self.score[cells].astype(np.float64),
            answer=self.answer[cells],
            present=present,
            clean_score=self.score[of_clean].astype(np.float64),
            clean_answer=self.answer[of_clean],
            matched=present & clean_present,
            classes=len(self.labels),
            planned=planned,
            likelihood=None if self.likelihood is None else self.likelihood[cells],
            label_tokens=self.label_tokens,
            kinds=_codes(_pick(self.perturbations, rows)),
            clean_present=clean_present,
            others=None if present.all() else self._others(cells, columns),
            is_open=self.is_open,
        )

    def _others(self, cells: tuple[Integers, ...], columns: Integers) -> Floats:
        """Beside each cell the mean of all other cells of its example; NaN where there are none."""
        there = self.present[:, columns].astype(np.float64)
        total = (self.score[:, columns] * there).sum(axis=0)
        own = self.present[cells].astype(np.float64)
        return ratio(total - self.score[cells] * own, there.sum(axis=0) - own)


def build_grids(
    samples: pd.DataFrame,
    variants: pd.DataFrame,
    labels: Mapping[str, Sequence[str]],
    *,
    scorer: str,
    label_tokens: Mapping[str, Sequence[int]] | None = None,
    own_scorers: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Grid]:
    """A grid for each task of `labels` that has samples, in the order of `labels`.

    Neither the order of the samples' rows nor that of the variants' changes anything.

    Args:
        samples: one row per cell and scorer; its likelihoods are read from the columns
            that `harness.results.scored_samples` writes, or else from the mappings of the column
            `scores`.
        variants: one row per variant.
        labels: task -> its labels; none for free text.
        scorer: whose samples to use.
        label_tokens: task -> how many tokens each of its labels has, where that is known.
        own_scorers: task -> whose samples to use instead, the first that there are, where the
            scorer cannot read such answers.

    Raises:
        UsageError: samples of unknown variants, or two samples of one cell.
    """
    variants = _in_order(variants)
    positions = _positions(samples["variant_id"], variants["id"].tolist())
    if (positions < 0).any():
        unknown = samples["variant_id"].to_numpy()[positions < 0][0]
        raise UsageError(f"the samples name the variant {unknown!r}, which is not in the run.")
    task_of = variants["task"].to_numpy()
    grids = {}
    tokens, instead = label_tokens or {}, own_scorers or {}
    for task, names in labels.items():
        chosen = np.flatnonzero(task_of == task)
        place = np.full(len(task_of), -1)
        place[chosen] = np.arange(len(chosen))
        rows = place[positions]
        mine = np.flatnonzero(rows >= 0)
        mine = mine[_read_by(samples["scorer"].iloc[mine], (scorer, *instead.get(task, ())))]
        if len(mine):
            own = _keep(samples, mine)
            grid = _build(task, variants.iloc[chosen], own, rows[mine], tuple(names))
            lengths = tuple(tokens[task]) if task in tokens else None
            grids[task] = replace(grid, label_tokens=lengths)
    return grids


def _read_by(scorers: pd.Series[str], wanted: Sequence[str]) -> Booleans:
    """Which samples of a task are those of the first of the wanted scorers that it has any of."""
    given = set(map(str, scorers.unique()))
    chosen = next((one for one in wanted if one in given), wanted[0])
    return (scorers == chosen).to_numpy()


def _build(
    task: str,
    variants: pd.DataFrame,
    samples: pd.DataFrame,
    rows: Integers,
    task_labels: tuple[str, ...],
) -> Grid:
    examples = _distinct(samples["example_id"])
    shape = (len(variants), len(examples))
    cells = rows * shape[1] + _positions(samples["example_id"], examples)
    present = _mark(cells, shape, samples)
    given = samples["prediction"] if task_labels else _folded(samples["prediction"])
    labels = (*task_labels, *sorted(set(_distinct(given)) - set(task_labels)))
    answers = np.where(samples["parsed"], _positions(given, labels), UNPARSED)
    golds = np.full(shape[1], -1)
    known = labels if task_labels else _distinct(samples["gold"])
    golds[cells % shape[1]] = _positions(samples["gold"], known)
    return Grid(
        task=task,
        variants=tuple(variants["id"]),
        levels=tuple(variants["level"]),
        perturbations=tuple(variants["perturbation"]),
        instructions=tuple(variants["instruction_id"]),
        families=_families(variants),
        texts=_texts(variants),
        examples=tuple(examples),
        labels=labels,
        score=_fill(cells, shape, samples["score"].to_numpy().astype(np.float32)),
        answer=_fill(cells, shape, as_answers(answers, labels)),
        present=present,
        clean_row=_clean_rows(variants),
        gold=golds,
        strengths=_strengths(variants),
        likelihood=_likelihood(samples, cells, shape, task_labels),
        is_open=not task_labels,
    )


def as_answers(codes: Integers, labels: Sequence[str]) -> Answers:
    """Codes of answers in as few bytes as so many take."""
    if len(labels) <= np.iinfo(np.int16).max:
        return codes.astype(np.int16)
    return codes.astype(np.int32)


def _folded(answers: pd.Series[str]) -> pd.Series[str]:
    """Free text as agreement compares it; missing stays missing."""
    forms = {answer: fold_answer(answer) for answer in _distinct(answers)}
    return answers.astype(object).map(forms)


def _strengths(variants: pd.DataFrame) -> tuple[str, ...]:
    """Each variant's strength [K], empty where it knows none."""
    if "strength" not in variants:
        return ("",) * len(variants)
    return tuple(one if isinstance(one, str) else "" for one in variants["strength"])


def _keep(samples: pd.DataFrame, rows: Integers) -> pd.DataFrame:
    """These rows; the frame itself where they are all, as a million cells are not copied twice."""
    return samples if len(rows) == len(samples) else samples.iloc[rows]


def _in_order(variants: pd.DataFrame) -> pd.DataFrame:
    """Variants by task, level, perturbation, instruction, index and id."""
    known = {level: place for place, level in enumerate(LEVELS)}
    columns = [variants[name] for name in _ORDER]
    keys = [
        (task, known.get(level, len(known)), *rest)
        for task, level, *rest in zip(*columns, strict=True)
    ]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return variants.iloc[order].drop_duplicates("id")


def _positions(values: pd.Series[str], names: Iterable[str]) -> Integers:
    """Where each value stands among `names`; -1 for a missing value and for no such name."""
    import pandas as pd

    codes, distinct = pd.factorize(values)
    found = pd.Index(list(names), dtype=object).get_indexer(pd.Index(distinct, dtype=object))
    return np.where(codes >= 0, np.append(found, -1)[codes], -1).astype(np.int64)


def _distinct(values: pd.Series[str]) -> list[str]:
    """The values there are, sorted, missing ones left out."""
    import pandas as pd

    return sorted(str(value) for value in pd.unique(values.dropna()))


def _mark(cells: Integers, shape: tuple[int, int], samples: pd.DataFrame) -> Booleans:
    counts = np.bincount(cells, minlength=shape[0] * shape[1])
    if counts.max() > 1:
        row = samples.iloc[int(np.flatnonzero(counts[cells] > 1)[0])]
        raise UsageError(
            f"the cell of variant {row['variant_id']!r} and example {row['example_id']!r} has "
            f"{counts.max()} samples of one scorer; one was expected."
        )
    return (counts > 0).reshape(shape)


def _fill(cells: Integers, shape: tuple[int, int], values: NDArray[T]) -> NDArray[T]:
    grid = np.zeros(shape, dtype=values.dtype)
    grid.ravel()[cells] = values
    return grid


def _clean_rows(variants: pd.DataFrame) -> Integers:
    instructions, levels = variants["instruction_id"].tolist(), variants["level"].tolist()
    clean: dict[str, int] = {}
    for row, (instruction, level) in enumerate(zip(instructions, levels, strict=True)):
        if level == CLEAN:
            clean.setdefault(instruction, row)
    return np.array([clean.get(instruction, -1) for instruction in instructions])


def _families(variants: pd.DataFrame) -> Integers:
    """The code of each variant's instruction [K].

    Instructions with the same clean text are one draw from the population of instructions, whatever
    their ids.
    """
    instructions = variants["instruction_id"].tolist()
    if "text" not in variants:
        return _codes(instructions)
    own = {
        instruction: text
        for instruction, text, level in zip(
            instructions, variants["text"].tolist(), variants["level"].tolist(), strict=True
        )
        if level == CLEAN
    }
    first = {text: instruction for instruction, text in reversed(own.items())}
    return _codes([first[own[one]] if one in own else one for one in instructions])


def _texts(variants: pd.DataFrame) -> Integers:
    """A code for each variant [K], the same for those that ask the same."""
    names = [name for name in ("text", "target", "perturbation", "seed") if name in variants]
    if "text" not in names:
        return np.arange(len(variants))
    # Lists, for pandas' own texts cannot hold half a surrogate pair.
    rows = list(zip(*(variants[name].tolist() for name in names), strict=True))
    if "target" not in names:
        return _codes([str(text) for text, *_ in rows])
    # What is drawn for an example's input does not show in the text; its generator tells it apart.
    asked = ["\n".join(map(str, row)) if row[1] != "instruction" else str(row[0]) for row in rows]
    return _codes(asked)


def _codes(names: Sequence[str]) -> Integers:
    return np.unique(np.array(names, dtype=str), return_inverse=True)[1]


def _likelihood(
    samples: pd.DataFrame, cells: Integers, shape: tuple[int, int], labels: tuple[str, ...]
) -> Singles | None:
    scores = _label_scores(samples, labels)
    if scores is None or np.isnan(scores).all():
        return None
    grid = np.full((shape[0] * shape[1], len(labels)), np.nan, dtype=np.float32)
    grid[cells] = scores
    return grid.reshape(*shape, len(labels))


def _label_scores(samples: pd.DataFrame, labels: tuple[str, ...]) -> Singles | None:
    """The labels' log-likelihoods [rows, labels]; None where the frame has none."""
    columns = [likelihood_column(place) for place in range(len(labels))]
    if columns and columns[-1] in samples:
        return samples[columns].to_numpy(dtype=np.float32)
    if "scores" in samples:
        mappings = cast("list[Mapping[str, float] | None]", samples["scores"].tolist())
        return spread_scores(mappings, labels)
    return None


def _pick(names: tuple[str, ...], places: Integers) -> tuple[str, ...]:
    return tuple(names[place] for place in places)
