"""A gate: may a run pass?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.api.results import RunLike, to_run
from harness.api.tables import Table, with_ends
from harness.api.words import in_python
from harness.gate import verdict as gate_verdict
from harness.gate.files import check_runs
from harness.gate.policy import Policy, parse_policy

if TYPE_CHECKING:
    import pandas as pd

_CHECK_COLUMNS: Final = ("check", "bound", "limit", "value", "interval", "verdict", "why")


class Verdict(gate_verdict.Verdict):
    """What a policy says of a run: passed, failed or undecided, with every check's reason.

    A verdict is true where it is passed: `assert harness.check(...)` is a gate.
    """

    __slots__ = ()

    @property
    def frame(self) -> pd.DataFrame:
        """One row per check: metric, level, task, bound, limit, value, interval, status, why."""
        import pandas as pd

        return pd.DataFrame([with_ends(asdict(check)) for check in self.checks])

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        against = f" against {self.baseline}" if self.baseline else ""
        return f"Verdict({self.outcome}: {self.candidate}{against}, {len(self.checks)} checks)"

    def __str__(self) -> str:
        return _verdict_table(self).to_text()

    def _repr_html_(self) -> str:
        return _verdict_table(self).to_html()


@in_python
def check(
    candidate: RunLike,
    baseline: RunLike | None = None,
    *,
    policy: str | Path | Mapping[str, object] | Policy,
    scorer: str | None = None,
    seed: int = 0,
    shared: bool = False,
    first: bool = False,
) -> Verdict:
    """Judge a run by a policy, as `harness check` does.

    A check fails only where the evidence says so; where it cannot say, it has not enough data and
    says how many examples would do.

    Args:
        candidate: The run to judge, or its directory.
        baseline: The run that it must not be worse than; `max_drop` and the like need it.
        policy: A policy file, or its content as a mapping.
        scorer: Scorer whose samples are used; default: the candidate's first that both have.
        seed: From which resamples follow.
        shared: Compare with the baseline on equal cells only; the notes say what is left out.
        first: There is no baseline yet: bounds that compare with one are left out, and said so.

    Returns:
        The verdict; `verdict.passed` is the answer.

    Raises:
        UsageError: No run, a bad policy, or runs that asked different questions.
        NothingToEvaluateError: The runs share no cell.

    Example:
        >>> verdict = harness.check(
        ...     "runs/new", "runs/old", policy={"rules": [{"metric": "accuracy", "max_drop": 0.02}]}
        ... )
        >>> verdict.outcome
        'passed'
    """
    rules = parse_policy(policy) if isinstance(policy, Mapping) else policy
    judged = check_runs(
        to_run(candidate),
        Path(rules) if isinstance(rules, str) else rules,
        baseline=None if baseline is None else to_run(baseline),
        scorer=scorer,
        seed=seed,
        shared=shared,
        first=first,
    )
    return Verdict(**{field.name: getattr(judged, field.name) for field in fields(judged)})


def _verdict_table(verdict: Verdict) -> Table:
    from harness.results.quantity import Quantity
    from reports.formatting import interval, number

    rows = tuple(
        (
            check.name,
            check.bound,
            f"{check.limit:g}",
            number(check.value, 3),
            interval(
                None if check.value is None else Quantity(check.value, check.interval),
                lambda end: number(end, 3),
            ),
            check.status,
            check.message,
        )
        for check in verdict.checks
    )
    title = f"Gate {verdict.outcome}: {verdict.candidate}"
    return Table(title, _CHECK_COLUMNS, rows, verdict.notes, words=("bound", "verdict", "why"))
