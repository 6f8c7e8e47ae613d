"""The files that the documentation names are there."""

from __future__ import annotations

import re

import pytest

from tests.support.paths import ROOT

PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "AGENTS.md",
    "SECURITY.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")),
]
_PATH = re.compile(
    r"`((?:harness|perturbations|reports|trainers|tests|benchmarks|experiments|examples|docs)"
    r"/[\w./-]*)`"
)


@pytest.mark.parametrize("page", PAGES)
def test_named_files_exist(page: str) -> None:
    named = set(_PATH.findall((ROOT / page).read_text("utf-8")))
    missing = sorted(path for path in named if not (ROOT / path).exists())
    assert not missing


def test_paths_are_found_at_all() -> None:
    assert len(set(_PATH.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8")))) > 15
