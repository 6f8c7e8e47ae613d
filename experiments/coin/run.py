"""Runs a form of the experiment; the same command goes on where it was stopped.

python experiments/coin/run.py experiments/coin/small.yaml --data-dir ../shared/data
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from commands import Step
from steps import Steps, plan_results, plan_search, plan_steps, read_config

from harness.core.errors import HarnessError


class StepError(Exception):
    """A command that failed."""


@dataclass(frozen=True)
class Runner:
    """Runs steps that are not done, and keeps their output and their cost."""

    out: Path
    threads: int

    def run(self, step: Step, *, again: bool = False) -> None:
        """Run a step unless the very same command was finished before, or in any case.

        Raises:
            StepError: the command failed; its last lines are shown.
        """
        mark = self._file(step, "done")
        if mark.exists() and not again:
            return
        log, began = self._file(step, "log"), time.monotonic()
        with log.open("w", encoding="utf-8") as file:
            code = subprocess.run(
                step.command,
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
                env={**os.environ, "OMP_NUM_THREADS": str(self.threads)},
            ).returncode
        if code:
            last = "\n".join(log.read_text(encoding="utf-8").splitlines()[-12:])
            raise StepError(f"{step.name} failed ({code}); see {log}:\n{last}")
        seconds = time.monotonic() - began
        mark.write_text(f"{seconds:.1f} s\n{shlex.join(step.command)}\n", encoding="utf-8")
        sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {step.name}: {seconds:.0f} s\n")
        sys.stdout.flush()

    def run_all(self, steps: tuple[Step, ...]) -> None:
        """One after the other."""
        for step in steps:
            self.run(step)

    def _file(self, step: Step, kind: str) -> Path:
        folder = self.out / "steps"
        folder.mkdir(parents=True, exist_ok=True)
        code = hashlib.sha256("\0".join(step.command).encode()).hexdigest()[:8]
        return folder / f"{step.name.replace(' ', '-')}.{code}.{kind}"


def main() -> None:
    """Run, or with --dry-run print, the commands of a form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("HARNESS_DATA_DIR"))
    parser.add_argument("--out", type=Path, help="default: runs/experiment/FORM")
    parser.add_argument("--jobs", type=int, default=1, help="arms at a time, sharing the cores")
    parser.add_argument("--search", action="store_true", help="candidates on validation data")
    parser.add_argument("--dry-run", action="store_true")
    options = parser.parse_args()
    if options.data_dir is None:
        parser.error("no data folder: type --data-dir FOLDER, or set HARNESS_DATA_DIR")
    out = options.out or Path("runs/experiment") / options.config.stem
    plan = plan_search if options.search else plan_steps
    try:
        steps = plan(read_config(options.config), options.data_dir, out)
    except HarnessError as error:
        parser.error(f"{options.config}: {error}")
    results = () if options.search else plan_results(options.config, out)
    if options.dry_run:
        sys.stdout.write("".join(f"{shlex.join(step.command)}\n" for step in (*steps, *results)))
        return
    try:
        run_steps(steps, out, options.jobs)
        for step in results:
            Runner(out, os.cpu_count() or 1).run(step, again=True)
    except StepError as error:
        raise SystemExit(str(error)) from None


def run_steps(steps: Steps, out: Path, jobs: int) -> None:
    """The data and the start with all cores, then the arms, `jobs` at a time."""
    cores = os.cpu_count() or 1
    Runner(out, cores).run_all(steps.first)
    runner = Runner(out, max(1, cores // jobs))
    with ThreadPoolExecutor(jobs) as pool:
        chains = [pool.submit(runner.run_all, chain) for chain in steps.chains]
        for ended in as_completed(chains):
            if ended.exception():
                # What runs already goes on to its end: its work is kept.
                pool.shutdown(wait=False, cancel_futures=True)
                ended.result()


if __name__ == "__main__":
    main()
