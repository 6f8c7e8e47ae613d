"""How alike free-text answers are: exact agreement beside the cosine of their embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.records import in_level_order
from harness.results.quantity import Quantity
from harness.results.similarity import AnswerSimilarity
from harness.results.summary import Summary
from reports.formatting import count, number, percent, with_interval
from reports.markdown_text import escape

HEAD: Final = ("Level", "Exact agreement", "Mean cosine", "Of different examples", "Cells")


@dataclass(frozen=True, slots=True)
class SimilarityRow:
    """A level of a task whose answers were embedded."""

    task: str
    level: str
    agreement: Quantity | None
    """Pairs of prompts whose answers are the same but for case and punctuation."""
    stats: AnswerSimilarity


def build_similarity(summary: Summary) -> tuple[SimilarityRow, ...]:
    """The levels of each task, clean first; none where no encoder was named."""
    return tuple(
        SimilarityRow(name, level, task.levels[level].consistency, task.similarity[level])
        for name, task in summary.tasks.items()
        for level in in_level_order(task.similarity)
    )


def describe_similarity(encoders: Sequence[str], confidence: float) -> str:
    """How the table is to be read."""
    named = ", ".join(dict.fromkeys(Path(one).name for one in encoders))
    return (
        "Pairs of prompts on the same example. Exact: the answers are the same but for case, "
        f"punctuation and spaces. Cosine: of the mean last states of {named}, from −1 to 1. It "
        "says something as far as it lies above that of answers to different examples. "
        f"Answers that could not be read are alike. Intervals: {100 * confidence:.0f}%."
    )


def similarity_cells(row: SimilarityRow) -> list[str]:
    """A row of the table, as Markdown, from the level on."""
    return [
        escape(row.level),
        with_interval(row.agreement, percent),
        with_interval(row.stats.cosine, number, number),
        number(row.stats.of_different_examples),
        count(row.stats.cells),
    ]
