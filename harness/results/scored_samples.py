"""The labels' log-likelihoods of a run's samples, as columns of four bytes a cell and label.

A sample keeps its scores as JSON text, a few hundred bytes; statistics of a million cells need
them as numbers. They are read a chunk at a time, so the text of all never stands in memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.results.store import COMPACT_COLUMNS, read_chunks
from harness.stats.arrays import Singles

if TYPE_CHECKING:
    import pandas as pd


def read_scored_samples(path: Path, labels: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The compact samples, and columns with the log-likelihoods of their task's labels.

    The columns are `likelihood_column(0)` for the first label, and so on; NaN where there is none.

    Args:
        path: the sample store.
        labels: task -> its labels, in order.

    Raises:
        UsageError: no such file, or not a sample store.
    """
    import pandas as pd

    columns = (*COMPACT_COLUMNS, "scores")
    return pd.concat(
        [_with_likelihoods(chunk, labels) for chunk in read_chunks(path, columns)],
        ignore_index=True,
    )


def likelihood_column(label: int) -> str:
    """The column of the log-likelihood of a task's label, by the label's place."""
    return f"likelihood_{label}"


def spread_scores(scores: Sequence[Mapping[str, float] | None], labels: Sequence[str]) -> Singles:
    """Scores by label as an array [rows, labels], NaN where there is none."""
    rows = [[(one or {}).get(label, np.nan) for label in labels] for one in scores]
    return np.array(rows, dtype=np.float32).reshape(len(scores), len(labels))


def _with_likelihoods(chunk: pd.DataFrame, labels: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    texts = chunk["scores"].to_numpy(dtype=object)
    tasks, scored = chunk["task"], chunk["scores"].notna()
    most = max((len(names) for names in labels.values()), default=0)
    likelihoods = np.full((len(chunk), most), np.nan, dtype=np.float32)
    for task, names in labels.items():
        rows = np.flatnonzero(((tasks == task) & scored).to_numpy())
        # One call of the parser for all rows costs half of a call for each.
        parsed = json.loads(f"[{','.join(texts[rows])}]")
        likelihoods[rows, : len(names)] = spread_scores(parsed, names)
    columns = {likelihood_column(n): column for n, column in enumerate(likelihoods.T)}
    return chunk.drop(columns="scores").assign(**columns)
