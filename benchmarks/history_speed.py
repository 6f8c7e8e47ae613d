"""How long `harness history` takes over many runs: `python benchmarks/history_speed.py`.

The runs are made up and lie in a temporary folder: a few of them with samples of their own, the
others with the same files under other dates, models and seals. Printed are the seconds of the first
answer, which reads and checks every file, and of those with the index that it leaves, each in a
process of its own, interpreter and imports counted; on a machine that does other things too the
processor's seconds say more.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.results.manifest import SEALED, seal
from tests.support.make_run import make_run
from tests.support.saved_runs import save_run

START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Print the seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--examples", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["HARNESS_HISTORY_DIR"] = str(folder / "data")
        strengths = (0.8, 1.0, 1.2)
        made = [_save(folder, strength, options.examples) for strength in strengths]
        for number in range(options.runs):
            _copy(made[number % len(made)], folder, number, options.models)
        for what in ("first answer", "second answer", "third answer"):
            seconds, of_processor = _measure(folder / "runs")
            print(f"{what}: {seconds:.2f} s, {of_processor:.2f} s of the processor")
        index = folder / "data" / "history.sqlite"
        print(f"index: {index.stat().st_size / 1e6:.1f} MB")


def _save(folder: Path, strength: float, examples: int) -> Path:
    made = make_run(f"made-{strength}", strength=strength, examples=examples)
    return save_run(made, folder / "made" / str(strength))


def _copy(source: Path, folder: Path, number: int, models: int) -> None:
    target = folder / "runs" / f"{number:05d}"
    target.mkdir(parents=True)
    for name in SEALED:
        (target / name).hardlink_to(source / name)
    manifest = json.loads((source / "run.json").read_text("utf-8"))
    day = (START + timedelta(hours=6 * number)).isoformat()
    manifest |= {"run_id": f"run-{number}", "created": day, "finished": day}
    manifest["model"]["name"] = f"model-{number % models}"
    (target / "run.json").write_text(json.dumps(seal(manifest, target)), "utf-8")


def _measure(runs: Path) -> tuple[float, float]:
    """Seconds of one answer, from the start of its process to the end, and the processor's."""
    start = time.perf_counter(), _of_children()
    command = [sys.executable, "-m", "harness.cli", "history", str(runs)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start[0], _of_children() - start[1]


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
