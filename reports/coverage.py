"""Whether the variants can be trusted: how many, how far from the original, a few to read."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from reports.diff import Mark, word_marks
from reports.source import Run, count_at, number_at, section
from reports.tables import in_level_order, perturbation_levels

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class AuditSample:
    """One variant to read: does it still ask for the same?"""

    task: str
    instruction_id: str
    marks: tuple[Mark, ...]
    words_changed: float | None
    char_distance: int | None
    protected_intact: bool | None
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What one perturbation made over all tasks; medians over its variants."""

    perturbation: str
    level: str
    variants: int
    no_ops: int
    duplicates: int
    dissimilar: int
    """Redrawn, and in vain: below the wanted similarity each time."""
    broken: int
    """Variants whose label words, placeholders, quotes, numbers or negations changed."""
    words_changed: float | None
    char_distance: float | None
    similarity: float | None
    unparsed_rate: float | None
    samples: tuple[AuditSample, ...]


def build_coverage(run: Run, samples_each: int = 3) -> tuple[Coverage, ...]:
    """One row a perturbation, by level and in the order of the run."""
    levels = perturbation_levels(run)
    for task in section(run.manifest, "tasks"):
        for kind in ("no_ops", "duplicates", "dissimilar"):
            for name in section(section(section(run.manifest, "tasks"), task), kind):
                # A perturbation that made nothing at all has no variant to tell its level.
                levels.setdefault(name, "none made")
    order = in_level_order(list(dict.fromkeys(levels.values())))
    names = sorted(levels, key=lambda name: order.index(levels[name]))
    return tuple(_coverage(run, name, levels[name], samples_each) for name in names)


def _coverage(run: Run, name: str, level: str, samples_each: int) -> Coverage:
    rows = run.variants
    if not rows.empty:
        rows = rows[rows["perturbation"] == name]
    checks = [value for value in rows.get("validity", ()) if isinstance(value, Mapping)]
    return Coverage(
        perturbation=name,
        level=level,
        variants=len(rows),
        no_ops=_total(run, "no_ops", name),
        duplicates=_total(run, "duplicates", name),
        dissimilar=_total(run, "dissimilar", name),
        broken=sum(check.get("protected_intact") is False for check in checks),
        words_changed=_median(checks, "words_changed"),
        char_distance=_median(checks, "char_distance"),
        similarity=_median(checks, "similarity"),
        unparsed_rate=number_at(
            section(section(run.summary, "perturbations"), name), "unparsed_rate"
        ),
        samples=_audit(rows, samples_each),
    )


def _total(run: Run, kind: str, perturbation: str) -> int:
    tasks = section(run.manifest, "tasks")
    return sum(count_at(section(section(tasks, task), kind), perturbation) for task in tasks)


def _median(checks: list[Mapping[str, object]], key: str) -> float | None:
    values = [value for check in checks if (value := number_at(check, key)) is not None]
    return median(values) if values else None


def _audit(rows: pd.DataFrame, wanted: int) -> tuple[AuditSample, ...]:
    """Up to `wanted` variants, spread evenly over the tasks and instructions."""
    if rows.empty:
        return ()
    step = max(1, len(rows) // wanted)
    return tuple(_audit_sample(row) for row in rows.iloc[::step].head(wanted).to_dict("records"))


def _audit_sample(row: Mapping[Hashable, object]) -> AuditSample:
    found = row.get("validity")
    check: Mapping[str, object] = found if isinstance(found, Mapping) else {}
    intact = check.get("protected_intact")
    distance = number_at(check, "char_distance")
    return AuditSample(
        task=str(row["task"]),
        instruction_id=str(row["instruction_id"]),
        marks=word_marks(str(row["original"]), str(row["text"])),
        words_changed=number_at(check, "words_changed"),
        char_distance=None if distance is None else round(distance),
        protected_intact=intact if isinstance(intact, bool) else None,
        similarity=number_at(check, "similarity"),
    )
