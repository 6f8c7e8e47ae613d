"""What graders share that call a library of the extra `graders`."""

from __future__ import annotations

import importlib.util

from harness.core.errors import MissingPackageError


def need(package: str, *, grader: str) -> None:
    """Say what to type where a grader's package is missing.

    Raises:
        MissingPackageError: it is not installed.
    """
    if importlib.util.find_spec(package.replace("-", "_")) is None:
        raise MissingPackageError(
            package,
            needed_for=f"the grader {grader}",
            install='pip install "robustness-harness[graders]"',
        )


def in_range(score: float) -> float:
    """A score within [0, 1], of which a sum of logarithms may end a hair outside.

    Example:
        >>> in_range(1.0000000000000002)
        1.0
    """
    return min(max(score, 0.0), 1.0)
