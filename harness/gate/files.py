"""A gate at the edge: runs and policy from disk, the GitHub summary, and files to start with."""

from __future__ import annotations

import json
import os
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from harness.core.atomic import reason
from harness.core.errors import UsageError
from harness.gate.verdict import Verdict

if TYPE_CHECKING:
    from harness.gate.policy import Policy
    from harness.results.rundir import Run

_TEMPLATES = Path(__file__).parent / "ci"


def check_runs(
    candidate: Path | Run,
    policy: Path | Policy,
    *,
    baseline: Path | Run | None = None,
    scorer: str | None = None,
    seed: int = 0,
    shared: bool = False,
) -> Verdict:
    """The verdict of a policy on a run, against a baseline's if there is one; each may be a path.

    With `shared`, a baseline that asked other questions in part is compared on the rest.

    Raises:
        UsageError: no run, a bad policy, or runs that asked different questions.
        NothingToEvaluateError: the runs share no cell.
    """
    from harness.comparison import Unlike, run_data
    from harness.gate.judge import judge
    from harness.gate.policy import read_policy
    from harness.results.rundir import load_run

    def open_run(given: Path | Run) -> Run:
        return load_run(given) if isinstance(given, Path) else given

    rules = read_policy(policy) if isinstance(policy, Path) else policy
    judged = run_data(open_run(candidate))
    reference = run_data(open_run(baseline), name="baseline") if baseline else None
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
    """Write a workflow and a policy into a repository, whose folder is made if it is not there.

    Args:
        folder: the repository.
        model: the checkpoint that the workflow evaluates. It stands in the workflow as a YAML
            string and reaches the shell as an environment variable, so no name is ever code.

    Returns:
        The files that were written.

    Raises:
        UsageError: one of them is there already, the folder cannot be written, or the model's name
            cannot stand in a workflow.
    """
    texts = {
        folder / ".github" / "workflows" / "robustness.yml": _workflow(model),
        folder / "robustness-policy.yaml": (_TEMPLATES / "policy.yaml").read_text("utf-8"),
    }
    for target in texts:
        if target.exists() or target.is_symlink():
            raise UsageError(f"{target} is there already.", hint="Move it away first.")
    for target, text in texts.items():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
        except OSError as error:
            raise UsageError(f"{target} cannot be written: {reason(error)}.") from None
    return list(texts)


def _workflow(model: str) -> str:
    if "${{" in model or not model.isprintable():
        raise UsageError(
            f"--model {model!r} cannot stand in a workflow: GitHub would read an expression or a "
            "control character in it.",
            hint="Type: --model with a path or a hub id.",
        )
    template = Template((_TEMPLATES / "robustness.yml").read_text("utf-8"))
    return template.substitute(model=json.dumps(model, ensure_ascii=False))
