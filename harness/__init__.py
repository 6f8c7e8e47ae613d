"""Robustness evaluation of instruction-tuned language models.

The same code path as the command line, as functions:

    import harness

    run = harness.run(model="smollm2-135m", levels=["character", "semantic"])
    run.summary.levels["character"].drop
    run.samples                      # a pandas frame, one row a cell
    harness.perturb("Classify the review.", levels=["word"])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import load_run, perturb, run
    from harness.core.errors import HarnessError
    from harness.results.rundir import Run

__version__ = "0.1.0"

__all__ = ["HarnessError", "Run", "__version__", "load_run", "perturb", "run"]

_HOMES = {
    "HarnessError": "harness.core.errors",
    "Run": "harness.results.rundir",
    "load_run": "harness.api",
    "perturb": "harness.api",
    "run": "harness.api",
}


def __getattr__(name: str) -> Any:
    # Resolved on first use, so that `import harness` loads nothing heavy.
    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
