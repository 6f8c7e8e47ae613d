"""Who may import whom, and what starting costs."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Final

import pytest

from tests.support.house import FOLDERS, arrows, counted, imports_of, modules, room_of
from tests.support.paths import ROOT

_JUDGING: Final = "stats results metrics comparison"
_ASKING: Final = "stats grading models tasks prompting results metrics perturbations"

ROOMS: Final = {
    "core": "",
    "grading": "core",
    "perturbations": "core",
    "stats": "core",
    "models": "core",
    "workers": "core models",
    "tasks": "core grading perturbations",
    "prompting": "core grading models tasks",
    "authoring": "core prompting tasks",
    "results": "core stats tasks",
    "baselines": "core results",
    "history": "core stats results",
    "metrics": "core stats results",
    "comparison": "core stats results metrics",
    "logs": "core results metrics",
    "reports": "core results metrics comparison history",
    "gate": f"core tasks {_JUDGING}",
    "paraphrasing": "core perturbations models tasks",
    "evaluation": f"core {_ASKING} paraphrasing",
    "explanation": f"core {_ASKING} evaluation",
    "attacks": f"core {_ASKING} evaluation",
    "trainers": "core perturbations models tasks prompting results evaluation",
    "hardening": "core stats models tasks prompting results perturbations comparison reports gate "
    "evaluation trainers",
    "api": f"core {_ASKING} {_JUDGING} reports gate paraphrasing evaluation "
    "explanation attacks trainers hardening workers",
    "pytest_plugin": "core reports gate",
    "cli": f"core {_ASKING} {_JUDGING} reports gate baselines history paraphrasing authoring "
    "evaluation explanation attacks logs trainers hardening api",
}
"""Every room of the house, from the cellar up, and the rooms beside itself that it may import."""

EXCEPTIONS: Final = {
    # The gate's edge writes the GitHub summary, whose words are a report's.
    ("harness.gate.files", "reports"),
}
"""The modules that import against the table, by name, and the room that they reach for."""

HEAVY: Final = {"ray", "torch", "transformers", "pandas", "numpy", "scipy", "jinja2", "altair"}


def test_every_room_stands_in_the_table_and_every_row_is_a_room() -> None:
    rooms = {room_of(module) for folder in FOLDERS for module in modules(folder)} - {None}
    assert rooms == set(ROOMS)


def test_rooms_import_only_rooms_that_stand_above_them_in_the_table() -> None:
    seen: set[str] = set()
    for room, row in ROOMS.items():
        later = set(row.split()) - seen
        assert not later, f"{room} may not import {sorted(later)}: they come later"
        seen.add(room)


def test_no_room_imports_what_the_table_does_not_allow() -> None:
    drawn = arrows()
    assert len(drawn) > 40, "the reader of imports sees nothing"
    for (start, end), importers in drawn.items():
        wrong = {module for module in importers if (module, end) not in EXCEPTIONS}
        assert end in ROOMS[start].split() or not wrong, f"{sorted(wrong)} import {end}"


def test_the_drawing_has_every_room_and_counts_them() -> None:
    drawing = (ROOT / "docs" / "images" / "rooms.svg").read_text("utf-8")
    assert set(ROOMS) <= set(re.findall(r"<title>(\w+)</title>", drawing))
    assert counted(arrows()) in drawing


def test_every_exception_is_in_use() -> None:
    drawn = arrows()
    for module, end in EXCEPTIONS:
        start = room_of(module)
        assert start is not None
        assert module in drawn.get((start, end), set()), f"{module} does not import {end}"
        assert end not in ROOMS[start].split(), f"{start} may import {end} anyway"


@pytest.mark.parametrize("folder", ["experiments", "benchmarks", "examples"])
def test_users_of_the_house_use_public_names_only(folder: str) -> None:
    files = list((ROOT / folder).rglob("*.py"))
    assert files
    for path in files:
        for module, name in imports_of(path):
            if module.split(".")[0] in FOLDERS:
                parts = [*module.split("."), name]
                private = [part for part in parts if part.startswith("_") and part != "__version__"]
                assert not private, f"{path.name} imports {module}.{name}"


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
