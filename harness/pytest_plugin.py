"""A pytest fixture for teams that gate in their test suite.

def test_the_new_checkpoint_is_as_robust(harness_check):
    harness_check("runs/candidate", policy="robustness-policy.yaml", baseline="runs/baseline")
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from harness.gate.verdict import Verdict


class HarnessCheck(Protocol):
    """What the fixture returns."""

    def __call__(
        self, candidate: str | Path, *, policy: str | Path, baseline: str | Path | None = None
    ) -> Verdict:
        """The verdict; the test fails with the table of rules where the gate does."""
        ...


@pytest.fixture
def harness_check() -> HarnessCheck:
    """A function that fails the test where a run does not pass a policy."""

    def check(
        candidate: str | Path, *, policy: str | Path, baseline: str | Path | None = None
    ) -> Verdict:
        from harness.gate.files import check_runs
        from reports.github import render_verdict_markdown

        reference = Path(baseline) if baseline is not None else None
        verdict = check_runs(Path(candidate), Path(policy), baseline=reference)
        if not verdict.passed:
            pytest.fail(render_verdict_markdown(verdict), pytrace=False)
        return verdict

    return check
