"""A report section in a package of its own, found by its entry point: which answers a run gives."""

from __future__ import annotations

from collections import Counter

from reports.sections import Section
from reports.source import Run, primary_samples


def answer_counts(run: Run) -> Section | None:
    """How often each answer is given, by task; nothing of a run without samples."""
    samples = primary_samples(run)
    if samples.empty:
        return None
    counts = Counter(zip(samples["task"], samples["prediction"], strict=True))
    rows = [(task, answer, f"{count:,}") for (task, answer), count in sorted(counts.items())]
    return Section(
        "Answers given",
        text="Cells by the answer that they got, over all variants.",
        columns=("task", "answer", "cells"),
        rows=rows,
    )
