"""The samples that a run's headline speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.results.kinds import own_scorers

if TYPE_CHECKING:
    import pandas as pd

    from harness.results.rundir import Run


def primary_samples(run: Run) -> pd.DataFrame:
    """One row per cell: what the run's first scorer made of it, or its task's own."""
    return keep_primary(run.compact_samples, run.summary.scorer, run.manifest["tasks"])


def keep_primary(samples: pd.DataFrame, scorer: str, tasks: Mapping[str, Any]) -> pd.DataFrame:
    """The samples of one scorer and, of a task whose answers it cannot read, of the task's own.

    Args:
        samples: one row per cell and scorer.
        scorer: the primary one, as the summary names it.
        tasks: the part `tasks` of run.json.
    """
    primary = samples["scorer"] == scorer
    for task, scorers in own_scorers(tasks).items():
        mine = samples["task"] == task
        if not (primary & mine).any():
            given = set(samples.loc[mine, "scorer"].unique())
            chosen = next((one for one in scorers if one in given), "")
            primary |= mine & (samples["scorer"] == chosen)
    return samples[primary]
