"""Single wordings: the worst ones with their marks, and every one as a dot on an accuracy scale."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.diff import Mark, word_marks
from reports.formatting import Estimate
from reports.measures_view import Group, Reading, read_drop, read_estimate
from reports.source import Run, count_at, number_at, section, text_at

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Phrasing:
    """A wording that did badly: where it comes from, what changed, what it cost."""

    variant_id: str
    task: str
    level: str
    perturbation: str
    instruction_id: str
    accuracy: float | None
    clean_accuracy: float | None
    drop: Estimate | None
    reading: Reading
    examples: int
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """One wording's accuracy."""

    accuracy: float
    perturbation: str
    instruction_id: str
    text: str


@dataclass(frozen=True, slots=True)
class DotRow:
    """The wordings of one task and level, worst first."""

    task: str
    level: str
    dots: tuple[Dot, ...]

    @property
    def worst(self) -> Dot:
        """The wording with the lowest accuracy."""
        return self.dots[0]

    @property
    def best(self) -> Dot:
        """The wording with the highest accuracy."""
        return self.dots[-1]


@dataclass(frozen=True, slots=True)
class Instructions:
    """The extremes of a task's clean instructions, and whether they differ at all."""

    worst: Dot
    best: Dot
    group: Group
    """The clean measures of the task."""
    judged: bool

    @property
    def differ(self) -> bool:
        """Whether the instructions differ by more than chance explains."""
        return self.judged and self.group.spread_is_clear

    @property
    def reading(self) -> str:
        """What their distance can honestly be called."""
        if not self.judged:
            return Reading.NOT_JUDGED.value
        return "differ clearly" if self.differ else Reading.NOISE.value


def worst_phrasings(run: Run, limit: int = 10) -> tuple[Phrasing, ...]:
    """The wordings with the largest drop; those of tasks that cannot be judged come last."""
    listed = run.summary.get("worst_variants")
    if not isinstance(listed, list):
        return ()
    texts = _texts(run)
    tasks = section(run.summary, "tasks")
    found = [_phrasing(worst, texts, tasks) for worst in listed if isinstance(worst, Mapping)]
    found = [phrasing for phrasing in found if phrasing.drop and phrasing.drop.value > 0]
    found.sort(key=lambda phrasing: phrasing.reading is Reading.NOT_JUDGED)
    return tuple(found[:limit])


def dot_rows(run: Run, samples: pd.DataFrame) -> tuple[DotRow, ...]:
    """Every wording's accuracy over `samples`, by task and level."""
    if samples.empty:
        return ()
    texts = _texts(run)
    keys = ["task", "level", "variant_id", "perturbation", "instruction_id"]
    means = samples.groupby(keys, sort=False, observed=True)["correct"].mean().reset_index()
    found: dict[tuple[str, str], list[Dot]] = {}
    for row in means.sort_values(["correct", "variant_id"]).to_dict("records"):
        text = texts.get(str(row["variant_id"]), ("", ""))[1]
        dot = Dot(float(row["correct"]), str(row["perturbation"]), str(row["instruction_id"]), text)
        found.setdefault((str(row["task"]), str(row["level"])), []).append(dot)
    return tuple(DotRow(task, level, tuple(dots)) for (task, level), dots in found.items())


def variant_marks(variants: pd.DataFrame, wanted: Collection[str]) -> dict[str, tuple[Mark, ...]]:
    """Variant id -> what its wording changed, for those `wanted`."""
    if variants.empty:
        return {}
    rows = variants[variants["id"].isin(wanted)]
    return {
        str(key): word_marks(str(original), str(text))
        for key, original, text in zip(rows["id"], rows["original"], rows["text"], strict=True)
    }


def _texts(run: Run) -> dict[str, tuple[str, str]]:
    """Variant id -> original and text."""
    if run.variants.empty:
        return {}
    columns = (map(str, run.variants[name]) for name in ("id", "original", "text"))
    return {key: (original, text) for key, original, text in zip(*columns, strict=True)}


def _phrasing(
    worst: Mapping[str, object],
    texts: Mapping[str, tuple[str, str]],
    tasks: Mapping[str, object],
) -> Phrasing:
    variant_id, task = text_at(worst, "variant_id"), text_at(worst, "task")
    drop = read_estimate(worst.get("drop"), worst.get("drop_ci"))
    above_chance = section(tasks, task).get("above_chance") is not False
    return Phrasing(
        variant_id=variant_id,
        task=task,
        level=text_at(worst, "level"),
        perturbation=text_at(worst, "perturbation"),
        instruction_id=text_at(worst, "instruction_id"),
        accuracy=number_at(worst, "accuracy"),
        clean_accuracy=number_at(worst, "clean_accuracy"),
        drop=drop,
        reading=read_drop(drop, above_chance=above_chance),
        examples=count_at(worst, "examples"),
        marks=word_marks(*texts.get(variant_id, ("", ""))),
    )
