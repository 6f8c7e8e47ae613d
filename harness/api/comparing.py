"""Two or more runs side by side: is a difference real?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Final

from harness.api.results import RunLike, to_run
from harness.api.tables import Table, with_ends
from harness.api.words import in_python
from harness.comparison import METRICS, RESAMPLES, Unlike, result, run_data
from harness.comparison import compare as compare_data
from harness.core.errors import UsageError
from harness.core.names import to_names
from harness.results import rundir
from harness.results.names import run_names

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from reports.comparison import PairView

_DIFFERENCE_COLUMNS: Final = (
    "metric", "level", "first", "second", "difference (pp)", "interval", "adjusted p", "second is",
)  # fmt: skip


class Comparison(result.Comparison):
    """Two or more runs on the cells that all of them have; the first is the baseline.

    Every difference is another run's value less the first run's, as a fraction.
    """

    __slots__ = ()

    @property
    def frame(self) -> pd.DataFrame:
        """One row per pair of runs, metric, level and task, with interval, p values and winner.

        A row without a task is the mean over tasks. `better` is `first` or `second` where the
        adjusted p value decides, else missing.
        """
        import pandas as pd

        rows = [
            {"run": pair.second, "against": pair.first, **with_ends(asdict(one))}
            for pair in self.pairs
            for one in pair.differences
        ]
        return pd.DataFrame(rows)

    @in_python
    def plot(self, metric: str = "accuracy", *, pair: int = 1) -> alt.LayerChart:
        """Draw a metric's differences by level, with intervals.

        Args:
            metric: One of the metrics compared; `accuracy-tasks` and the like draw them by task.
            pair: Which run against the first, from 1.

        Returns:
            An Altair chart; a notebook shows it, and `.save("compare.svg")` writes it.

        Raises:
            UnknownNameError: There is no such pair or metric.
        """
        from harness.api.charts import choose_chart
        from reports.comparison import build_comparison
        from reports.drawings import comparison_charts

        drawn = comparison_charts(build_comparison(self))
        prefix = f"pair-{pair}-"
        if not 1 <= pair <= len(self.pairs):
            raise UsageError(f"pair {pair}: the comparison has {len(self.pairs)}, from 1.")
        own = {n.removeprefix(prefix): spec for n, spec in drawn.items() if n.startswith(prefix)}
        return choose_chart(own, metric)

    def __repr__(self) -> str:
        return f"Comparison({' vs '.join(self.runs)}: {self.cells:,} cells, {self.scorer})"

    def __str__(self) -> str:
        return "\n\n".join(table.to_text() for table in _comparison_tables(self))

    def _repr_html_(self) -> str:
        return "".join(table.to_html() for table in _comparison_tables(self))


@in_python
def compare(
    *runs: RunLike,
    names: Sequence[str] | None = None,
    metrics: str | Sequence[str] = METRICS,
    scorer: str | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    shared: bool = False,
    force: bool = False,
) -> Comparison:
    """Compare runs cell by cell: differences with intervals, exact tests, flips, and ranks.

    Args:
        runs: Two or more runs or run directories, the baseline first.
        names: What to call them; default: their models' names, or else their folders'.
        metrics: Metrics to compare.
        scorer: Scorer whose samples are used; default: the first that all have.
        seed: From which all resamples follow.
        confidence: Of the intervals, and 1 - the level of the adjusted tests.
        resamples: How often examples and variants are resampled for the ranking.
        shared: Compare only the cells whose content is equal; the notes say what is left out.
        force: Compare runs whose settings differ; the notes say which.

    Returns:
        The comparison, with a frame, a table and charts.

    Raises:
        UsageError: Fewer than two runs, no run in a directory, or runs that asked different
            questions.
        NothingToEvaluateError: The runs share no cell.
        UnknownNameError: No such metric.

    Example:
        >>> comparison = harness.compare("runs/base", "runs/tuned")
        >>> comparison.frame.query("metric == 'accuracy' and task.isna()")
        >>> comparison.pairs[0].difference("drop", "semantic").value
        -0.031
    """
    return compare_runs(
        [to_run(run) for run in runs],
        names=names,
        metrics=to_names(metrics),
        scorer=scorer,
        seed=seed,
        confidence=confidence,
        resamples=resamples,
        unlike=choose_unlike(shared=shared, force=force),
    )


def compare_runs(
    runs: Sequence[rundir.Run],
    *,
    names: Sequence[str] | None = None,
    metrics: Sequence[str] = METRICS,
    scorer: str | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    unlike: Unlike = "refuse",
) -> Comparison:
    """What `compare` and `harness compare` do, with runs that are open and options as they are."""
    called = run_names(runs) if names is None else list(names)
    if len(called) != len(runs):
        raise UsageError(f"{len(called)} names for {len(runs)} runs.", hint="Give one per run.")
    compared = compare_data(
        [run_data(run, name) for run, name in zip(runs, called, strict=True)],
        metrics=metrics,
        scorer=scorer,
        seed=seed,
        confidence=confidence,
        resamples=resamples,
        unlike=unlike,
    )
    return Comparison(**{field.name: getattr(compared, field.name) for field in fields(compared)})


def choose_unlike(*, shared: bool, force: bool) -> Unlike:
    """What becomes of runs that asked different questions.

    Raises:
        UsageError: both are asked for.
    """
    if shared and force:
        raise UsageError("--shared and --force exclude each other.", hint="Leave one of them out.")
    return "leave-out" if shared else "note" if force else "refuse"


def _comparison_tables(comparison: Comparison) -> list[Table]:
    from reports.comparison import build_comparison

    view = build_comparison(comparison)
    shared = f"{view.cells:,} cells in all runs; left out: " + ", ".join(map(str, view.unmatched))
    return [_pair_table(pair, (*view.notes, shared)) for pair in view.pairs]


def _pair_table(pair: PairView, notes: tuple[str, ...]) -> Table:
    from reports.comparison import points_signed
    from reports.formatting import interval, p_value, percent

    rows = tuple(
        (
            table.name,
            row.level,
            percent(row.first),
            percent(row.second),
            points_signed(row.difference),
            interval(row.difference),
            p_value(row.p_adjusted),
            row.outcome,
        )
        for table in pair.metrics
        for row in table.over_tasks
    )
    names = {"first": pair.first, "second": pair.second, "second is": f"{pair.second} is"}
    columns = tuple(names.get(name, name) for name in _DIFFERENCE_COLUMNS)
    return Table(pair.headline, columns, rows, notes, words=("level", f"{pair.second} is"))
