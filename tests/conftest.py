"""Fixtures shared by the tests: an offline world, a private cache, and the data folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.paths import DATA

# A busy machine is no failure: how long one example takes is not what these tests are about.
settings.register_profile("project", deadline=None, max_examples=60)
# CI judges a change by the same examples each time; every other run looks for new ones.
settings.register_profile("ci", settings.get_profile("project"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "project")


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may reach a hub or read the user's settings."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data beside the checkout."""
    if not DATA.is_dir():
        pytest.skip("the data folder ../shared/data is not here")
    return DATA
