"""The words of explained cells as a frame, a row each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.explanation.plan import ExplanationPlan
from harness.explanation.store import Key
from harness.explanation.summarize import Explained, gather

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "model", "task", "level", "perturbation", "instruction_id", "variant_id", "example_id", "said",
    "place", "word", "part", "fate", "density", "share", "is_worst", "is_sampled",
)  # fmt: skip


def word_frame(plan: ExplanationPlan) -> pd.DataFrame:
    """One row per word of every explained cell, model by model, in the order of its prompt."""
    import pandas as pd

    rows = [row for run in plan.runs for row in _rows(plan, gather(plan, run))]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(plan: ExplanationPlan, explained: Explained) -> Iterator[tuple[object, ...]]:
    variants = {variant.id: variant for variant in plan.run.variant_records}
    worst = {pair.key for pair in plan.pairs if pair.is_worst}
    sampled = {pair.key for pair in plan.pairs if pair.is_sampled}
    fates: dict[Key, dict[int, str]] = {
        one.pair.key: {place: match.fate for place, match in one.matches.items()}
        for one in explained.pairs
    }
    name = str(explained.run.manifest["model"]["name"])
    for key in plan.keys:
        cell = explained.attributions.get(key)
        if cell is None:
            continue
        variant = variants[key[0]]
        told = (name, variant.task, variant.level, variant.perturbation, variant.instruction_id)
        for place, word in enumerate(cell.words):
            fate = fates.get(key, {}).get(place)
            weighed = (word.text, word.part, fate, word.density, word.share)
            yield (*told, *key, cell.said, place, *weighed, key in worst, key in sampled)
