"""The runs of one report against each other: which is better, by how much, and is it real."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from reports.comparison import ComparisonView, build_comparison
from reports.source import Run

if TYPE_CHECKING:
    from harness.comparison import Comparison


def compare_runs(
    names: Sequence[str], runs: Sequence[Run], comparison: Comparison | None = None
) -> ComparisonView | None:
    """The other runs against the first, shaped; None where they have no cell in common.

    Args:
        names: what the runs are called.
        runs: two at least, the baseline first.
        comparison: what was found already; default: it is found here.
    """
    from harness.comparison import compare, run_data

    if comparison is None:
        try:
            data = [run_data(run, name) for run, name in zip(runs, names, strict=True)]
            comparison = compare(data, confidence=runs[0].summary.confidence)
        except HarnessError:
            return None
    return build_comparison(comparison, runs[0].variant_records)
