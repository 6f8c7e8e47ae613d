"""Kills one job at its points; see the package."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.support.killing.jobs import JOBS
from tests.support.killing.points import hook, watch_safetensors, watch_sqlite
from tests.support.killing.sweep import sweep


def _warm_up() -> None:
    """Load once, before the forks, what each job would load: two thirds of a point's time."""
    import gc
    from importlib import import_module

    names = ("transformers", "trainers.train", "harness.evaluation.execute", "reports.rendering")
    for name in (*names, "harness.api.hardening"):
        import_module(name)
    import_module("reports.charts.runtime").javascript()
    for name in ("reports.html", "harness.metrics.summary", "harness.results.provenance"):
        import_module(name)
    gc.freeze()  # a collection in a child would look through all of this again


def main(name: str, step: int) -> int:
    """Sweep one job; returns the exit code."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    watch_sqlite()
    watch_safetensors()
    _warm_up()
    with tempfile.TemporaryDirectory() as place:
        os.environ["HARNESS_CACHE_DIR"] = f"{place}/cache"
        os.environ["HARNESS_HISTORY_DIR"] = f"{place}/history"
        sys.addaudithook(hook)
        out = Path(place) / "out"
        points, wrong = sweep(JOBS[name](Path(place), out), out, step=step)
    killed = len(range(0, len(points), step))
    print(f"{name}: {len(points)} points, {killed} tried, {len(wrong)} wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1))
