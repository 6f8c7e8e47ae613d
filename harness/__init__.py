"""Robustness evaluation of instruction-tuned language models.

The same code path as the command line, as functions:

    import harness

    run = harness.run("smollm2-135m", levels=["character", "semantic"])
    run                              # a table with intervals, in a notebook
    run.summary.levels["character"].drop
    run.samples                      # a pandas frame, one row per cell
    harness.compare(run, "runs/tuned").plot("drop")
    harness.check("runs/tuned", run, policy="policy.yaml").passed
    harness.perturb("Classify the review.", levels="word")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api.attacking import attack
    from harness.api.comparing import Comparison, compare
    from harness.api.explaining import Explanation, explain
    from harness.api.gating import Verdict, check
    from harness.api.hardening import Hardened, harden
    from harness.api.models import Model
    from harness.api.pairing import PairsFile, make_pairs
    from harness.api.perturbing import perturb
    from harness.api.results import Run, load_run
    from harness.api.running import run
    from harness.api.tasks import make_task
    from harness.api.training import train
    from harness.core.errors import HarnessError

__version__ = "0.1.0"

__all__ = [
    "Comparison",
    "Explanation",
    "Hardened",
    "HarnessError",
    "Model",
    "PairsFile",
    "Run",
    "Verdict",
    "__version__",
    "attack",
    "check",
    "compare",
    "explain",
    "harden",
    "load_run",
    "make_pairs",
    "make_task",
    "perturb",
    "run",
    "train",
]

_HOMES = {
    "Comparison": "harness.api.comparing",
    "Explanation": "harness.api.explaining",
    "Hardened": "harness.api.hardening",
    "HarnessError": "harness.core.errors",
    "Model": "harness.api.models",
    "PairsFile": "harness.api.pairing",
    "Run": "harness.api.results",
    "Verdict": "harness.api.gating",
    "attack": "harness.api.attacking",
    "check": "harness.api.gating",
    "compare": "harness.api.comparing",
    "explain": "harness.api.explaining",
    "harden": "harness.api.hardening",
    "load_run": "harness.api.results",
    "make_pairs": "harness.api.pairing",
    "make_task": "harness.api.tasks",
    "perturb": "harness.api.perturbing",
    "run": "harness.api.running",
    "train": "harness.api.training",
}


def __getattr__(name: str) -> Any:
    # Resolved on first use, so that `import harness` loads nothing heavy.
    if name not in _HOMES:
        # With name and obj, Python itself offers the nearest name.
        message = f"module 'harness' has no attribute {name!r}"
        raise AttributeError(message, name=name, obj=importlib.import_module("harness"))
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
