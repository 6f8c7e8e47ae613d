"""A metric in a package of its own, found by its entry point or by `--plugin measuring.py`."""

from __future__ import annotations

import pandas as pd


def label_imbalance(samples: pd.DataFrame) -> float | None:
    """How much more often the most frequent answer is given than the right answers ask for.

    0: as often; .5: half of all cells more. Answers of other kinds than labels say nothing.
    """
    given = samples["prediction"].dropna().astype(str).value_counts(normalize=True)
    if given.empty:
        return None
    right = samples["gold"].astype(str).value_counts(normalize=True)
    return float(given.iloc[0] - right.get(given.index[0], 0.0))


METRICS = {"label_imbalance": label_imbalance}
