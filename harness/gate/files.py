"""A gate at the edge: runs and policy from disk, and the GitHub summary."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.gate.verdict import Verdict

if TYPE_CHECKING:
    from harness.gate.policy import Policy
    from harness.results.rundir import Run


def check_runs(
    candidate: Path | Run,
    policy: Path | Policy,
    *,
    baseline: Path | Run | None = None,
    scorer: str | None = None,
    seed: int = 0,
    shared: bool = False,
    first: bool = False,
) -> Verdict:
    """The verdict of a policy on a run, against a baseline's if there is one; each may be a path.

    With `shared`, a baseline that asked other questions in part is compared on the rest. With
    `first`, there is no baseline yet, and bounds that need one are left out.

    Raises:
        UsageError: no run, a bad policy, or runs that asked different questions.
        NothingToEvaluateError: the runs share no cell.
    """
    from harness.comparison import Unlike, run_data
    from harness.gate.judge import judge
    from harness.gate.policy import read_policy
    from harness.results.names import run_names
    from harness.results.rundir import load_run

    def open_run(given: Path | Run) -> Run:
        return load_run(given) if isinstance(given, Path) else given

    rules = read_policy(policy) if isinstance(policy, Path) else policy
    if first and baseline is not None:
        raise UsageError(
            "--first says that there is no baseline yet, and one is given.",
            hint="Leave one of --first and --baseline out.",
        )
    runs = [open_run(one) for one in (candidate, baseline) if one is not None]
    judged, *reference = (
        run_data(run, name) for run, name in zip(runs, run_names(runs), strict=True)
    )
    unlike: Unlike = "leave-out" if shared else "refuse"
    return judge(
        rules,
        judged,
        reference[0] if reference else None,
        scorer=scorer,
        seed=seed,
        unlike=unlike,
        first=first,
        today=date.today(),
    )


def write_github_summary(verdict: Verdict) -> None:
    """Append the verdict to the job's summary, where GITHUB_STEP_SUMMARY names its file."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    from reports.github import render_verdict_markdown

    with Path(path).open("a", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(render_verdict_markdown(verdict))
