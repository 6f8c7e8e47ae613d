"""How alike free-text answers are, as it stands in summary.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from harness.results.quantity import Count, Difference, Number, as_written


@dataclass(frozen=True, slots=True)
class AnswerSimilarity:
    """How alike the answers of a level's prompts to the same example are, beside `consistency`."""

    cosine: Difference | None
    """The mean cosine of the embeddings of two prompts' answers to one example."""
    of_different_examples: Number | None
    """The same of answers to different examples: what the encoder calls alike anyway."""
    cells: Count
    """Cells whose example another prompt has answered, too."""


SimilarityStats: TypeAlias = Annotated[AnswerSimilarity, as_written(AnswerSimilarity)]
