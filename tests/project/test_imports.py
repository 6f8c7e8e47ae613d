"""Who may import whom, and what starting costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

EDGE = (
    "harness.api",
    "harness.cli",
    "harness.gate.files",
    "harness.pytest_plugin",
    "harness.cli.doctor",
)
"""Modules of harness that may know reports and trainers."""
FOUNDATION = {"harness.core.records", "harness.core.errors", "harness.core.registry"}
HEAVY = {"torch", "transformers", "pandas", "numpy", "scipy", "jinja2", "altair", "vl_convert"}


def imports_of(path: Path) -> set[str]:
    """Modules that a file names in imports, those for type checkers apart."""
    tree = ast.parse(path.read_text("utf-8"))
    guarded = {
        node
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and ast.unparse(test.test) == "TYPE_CHECKING"
        for node in ast.walk(test)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in guarded:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def modules(package: str) -> dict[str, set[str]]:
    """Module name -> what it imports."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): imports_of(path)
        for path in (ROOT / package).rglob("*.py")
    }


def test_perturbations_stand_on_the_foundation_alone() -> None:
    for name, imported in modules("perturbations").items():
        ours = {one for one in imported if one.split(".")[0] in ("harness", "reports", "trainers")}
        assert ours <= FOUNDATION, name


def test_nothing_imports_the_command_line() -> None:
    for package in ("harness", "perturbations", "reports", "trainers"):
        for name, imported in modules(package).items():
            if not name.startswith("harness.cli"):
                assert not any(one.startswith("harness.cli") for one in imported), name


def test_the_core_knows_neither_reports_nor_trainers() -> None:
    for name, imported in modules("harness").items():
        if not name.startswith(EDGE):
            outer = {one for one in imported if one.split(".")[0] in ("reports", "trainers")}
            assert not outer, name


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        "from harness.cli.app import run\n"
        f"code = run({arguments!r})\n"
        f"print('loaded:', sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("loaded: []\n")


def test_importing_harness_loads_nothing_heavy() -> None:
    script = f"import sys, harness; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
