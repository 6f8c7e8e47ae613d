"""A gate at the edge: runs and policy from disk, the GitHub summary, and files to start with."""

from __future__ import annotations

import os
from pathlib import Path
from string import Template

from harness.core.errors import UsageError
from harness.gate.verdict import Verdict

_TEMPLATES = Path(__file__).parent / "ci"


def check_runs(
    candidate: Path,
    policy: Path,
    *,
    baseline: Path | None = None,
    scorer: str | None = None,
    seed: int = 0,
    shared: bool = False,
) -> Verdict:
    """The verdict of a policy file on a run directory, against a baseline's if there is one.

    With `shared`, a baseline that asked other questions in part is compared on the rest.

    Raises:
        UsageError: no run, a bad policy, or runs that asked different questions.
        NothingToEvaluateError: the runs share no cell.
    """
    from harness.comparison import Unlike, run_data
    from harness.gate.judge import judge
    from harness.gate.policy import read_policy
    from harness.results.rundir import load_run

    rules = read_policy(policy)
    judged = run_data(load_run(candidate))
    reference = run_data(load_run(baseline), name="baseline") if baseline else None
    unlike: Unlike = "leave-out" if shared else "refuse"
    return judge(rules, judged, reference, scorer=scorer, seed=seed, unlike=unlike)


def write_github_summary(verdict: Verdict) -> None:
    """Append the verdict to the job's summary, where GITHUB_STEP_SUMMARY names its file."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    from reports.github import render_verdict_markdown

    with Path(path).open("a", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(render_verdict_markdown(verdict))


def write_ci_files(folder: Path, *, model: str) -> list[Path]:
    """A workflow and a policy in a repository; gives the files that were written.

    Raises:
        UsageError: one of them is there already, or the folder cannot be written.
    """
    targets = {
        folder / ".github" / "workflows" / "robustness.yml": "robustness.yml",
        folder / "robustness-policy.yaml": "policy.yaml",
    }
    for target in targets:
        if target.exists():
            raise UsageError(f"{target} is there already.", hint="Move it away first.")
    for target, name in targets.items():
        text = Template((_TEMPLATES / name).read_text(encoding="utf-8"))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text.safe_substitute(model=model), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{target} cannot be written: {error.strerror}.") from None
    return list(targets)
