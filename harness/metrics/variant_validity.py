"""How far a run's variants are from their originals, by perturbation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, get_args

from harness.core.records import CLEAN, SemanticSource, in_level_order
from harness.results.summary import PerturbationValidity

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class UnmadeVariants:
    """Perturbation -> how many variants of a task it did not make, and why."""

    no_ops: Mapping[str, int] = field(default_factory=dict)
    duplicates: Mapping[str, int] = field(default_factory=dict)
    dissimilar: Mapping[str, int] = field(default_factory=dict)

    @property
    def perturbations(self) -> list[str]:
        """Every perturbation named here."""
        return [*self.no_ops, *self.duplicates, *self.dissimilar]


def describe_validity(
    variants: pd.DataFrame, unmade: Sequence[UnmadeVariants]
) -> dict[str, PerturbationValidity]:
    """One record for each perturbation, by level and name; those without a level come last.

    Args:
        variants: one row per variant, as in variants.jsonl.
        unmade: of each task.
    """
    perturbed = variants[variants["level"] != CLEAN] if len(variants) else variants
    levels: dict[str, str | None] = {}
    if len(perturbed):
        pairs = zip(perturbed["perturbation"], perturbed["level"], strict=True)
        levels = {str(name): str(level) for name, level in pairs}
    for name in (name for task in unmade for name in task.perturbations):
        levels.setdefault(name, None)  # it made no variant at all that could tell its level
    ranks = in_level_order(level for level in levels.values() if level)
    order = sorted(
        levels,
        key=lambda name: (ranks.index(level) if (level := levels[name]) else len(ranks), name),
    )
    return {name: _describe(name, levels[name], perturbed, unmade) for name in order}


def count_sources(variants: pd.DataFrame) -> dict[SemanticSource, int]:
    """How many variants of the semantic level each source made, those of no variant left out.

    Args:
        variants: one row per variant, as in variants.jsonl.
    """
    made = list(variants.get("semantic_source", ()))
    counts = {source: made.count(source) for source in get_args(SemanticSource)}
    return {source: count for source, count in counts.items() if count}


def _describe(
    name: str, level: str | None, variants: pd.DataFrame, unmade: Sequence[UnmadeVariants]
) -> PerturbationValidity:
    rows = variants[variants["perturbation"] == name] if len(variants) else variants
    checks = [one for one in rows.get("validity", ()) if isinstance(one, Mapping)]
    return PerturbationValidity(
        level=level,
        variants=len(rows),
        no_ops=sum(task.no_ops.get(name, 0) for task in unmade),
        duplicates=sum(task.duplicates.get(name, 0) for task in unmade),
        dissimilar=sum(task.dissimilar.get(name, 0) for task in unmade),
        broken=sum(check.get("protected_intact") is False for check in checks),
        words_changed=_median(check.get("words_changed") for check in checks),
        char_distance=_median(check.get("char_distance") for check in checks),
        similarity=_median(check.get("similarity") for check in checks),
    )


def _median(values: Iterable[object]) -> float | None:
    known = [float(value) for value in values if isinstance(value, int | float)]
    return median(known) if known else None
