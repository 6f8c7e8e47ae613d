"""A job killed at any of its writes ends well by the same command, with the same result.

The suite tries some of the points; `python -m tests.support.killing JOB` tries them all.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.paths import ROOT


@pytest.mark.slow
@pytest.mark.parametrize(
    ("job", "step"),
    [("run", 8), ("fresh", 9), ("until", 29), ("attack", 8), ("train", 30), ("train-fresh", 40)],
)
def test_a_job_killed_at_a_write_is_ended_by_the_same_command(job: str, step: int) -> None:
    command = [sys.executable, "-m", "tests.support.killing", job, str(step)]
    place = {**os.environ, "OMP_NUM_THREADS": "1"}  # forked processes have no other threads
    done = subprocess.run(command, cwd=ROOT, env=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(", 0 wrong\n")
