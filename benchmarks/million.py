"""What a run of a million cells costs after its last cell: summary, report, gate, and resampling.

The cells come from a stub model through the real pipeline (four tasks, every level, several
instructions), so prompts, scores, store and manifest are those of `harness run`. Each step is then
timed in a process of its own, because resident memory never falls.

    python benchmarks/million.py --out runs/million              # makes it once, then measures
    python benchmarks/million.py --out runs/million --cells 100000
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from overhead import StubModel

from harness.core.records import PERTURBED_LEVELS
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.plan import Plan
from harness.evaluation.prepare import RunPlan, make_run_plan
from harness.evaluation.selection import choose_perturbations
from harness.evaluation.variants import VariantOptions, build_variants
from harness.metrics.summary import summarize_run
from harness.results.rundir import load_run
from harness.stats.bootstrap import resample_means, resample_prompt_means
from harness.stats.twoway import components, influence_of_mean
from harness.tasks import Task, load_task
from harness.tasks.suites import task_path

TASKS = ("sentiment", "topic", "paraphrase", "inference")
EXAMPLES = 1000
INSTRUCTIONS = 4
RESAMPLES = 10_000


class Watch:
    """Laps of wall time, and of this process's CPU time for a machine that is busy otherwise."""

    def __init__(self) -> None:
        self._last = (time.perf_counter(), time.process_time())

    def lap(self) -> str:
        """The time since the last lap."""
        now = (time.perf_counter(), time.process_time())
        wall, cpu = now[0] - self._last[0], now[1] - self._last[1]
        self._last = now
        return f"{wall:.1f} s (CPU {cpu:.1f} s)"


def prepare_cells(cells: int, out: Path) -> RunPlan:
    """A run of about so many cells: variants of every level, in turn, until there are enough."""
    chosen = choose_perturbations(levels=PERTURBED_LEVELS, names=(), stacks=()).perturbations
    wanted = cells // (len(TASKS) * EXAMPLES)
    tasks, made = [], {}
    for name in TASKS:
        task = _enlarge(load_task(task_path(name), data_dir=None).with_instructions(INSTRUCTIONS))
        own = build_variants(task, chosen, VariantOptions(seed=0, per_perturbation=8))
        step = max(1.0, (len(own.variants) - INSTRUCTIONS) / (wanted - INSTRUCTIONS))
        picked = [INSTRUCTIONS + int(n * step) for n in range(wanted - INSTRUCTIONS)]
        rows = [*range(INSTRUCTIONS), *(n for n in picked if n < len(own.variants))]
        tasks.append(task)
        made[name] = replace(own, variants=tuple(own.variants[n] for n in rows))
    config = RunConfig(
        model="stub", tasks=TASKS, out=out, scorers=("loglik",), cache=False, window=4096
    )
    plan = Plan(tuple(tasks), {name: own.variants for name, own in made.items()})
    return make_run_plan(config, plan, StubModel())


def _enlarge(task: Task) -> Task:
    have = task.examples
    examples = tuple(
        replace(have[n % len(have)], id=str(n), input=f"{have[n % len(have)].input} ({n})")
        for n in range(EXAMPLES)
    )
    return replace(task, examples=examples)


def summary_and_report(out: Path) -> str:
    """summary.json from the stored samples, then the HTML report: what ends a run."""
    from reports import render

    run, watch = load_run(out), Watch()
    summarize_run(run)
    summary = watch.lap()
    (page,) = render([run], ["html"], out).values()
    size = page.stat().st_size / 1e6
    return f"summary {summary}, HTML report {watch.lap()}, page {size:.2f} MB"


def comparison(out: Path) -> str:
    """`harness compare` of the run with itself: two runs' worth of reading and aligning."""
    from harness.comparison import compare, run_data

    run, watch = load_run(out), Watch()
    compare([run_data(run, "first"), run_data(run, "second")])
    return f"comparison {watch.lap()}"


def resampling(out: Path) -> str:
    """10,000 resamples of 1M cells of one group, beside the closed form of the same variance."""
    del out
    rng = np.random.default_rng(0)
    shape = (1000, 1000)
    skill, ability = 0.5 * rng.normal(size=(shape[0], 1)), 1.5 * rng.normal(size=(1, shape[1]))
    score = (rng.logistic(size=shape) < 1 + skill + ability).astype(np.float64)
    everywhere, prompts = np.ones(shape, dtype=np.bool_), np.arange(shape[0])
    watch = Watch()
    means = resample_prompt_means(score, everywhere, rng, RESAMPLES)
    drawn = resample_means(means, prompts, rng)
    resampled = watch.lap()
    parts = components(influence_of_mean(score, np.full(shape, 1 / score.size)), prompts)
    closed = watch.lap()
    # The bootstrap counts the cells' own noise three times (Owen 2007), the closed form once.
    as_bootstrap = parts.prompts + parts.examples + parts.cells
    errors = [float(np.sqrt(v)) for v in (drawn.var(ddof=1), as_bootstrap, parts.total)]
    return (
        f"{RESAMPLES:,} two-way resamples of {score.size:,} cells {resampled}, standard error "
        f"{errors[0]:.5f}; in closed form {errors[1]:.5f}, corrected {errors[2]:.5f}, {closed}"
    )


STEPS: dict[str, Callable[[Path], str]] = {
    "summary and report": summary_and_report,
    "comparison": comparison,
    "resampling": resampling,
}


def main() -> None:
    """Make the run where it is not there, then measure each step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        shown = STEPS[options.step](options.out)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{shown}; peak {peak:.0f} MB")
        return
    if not (options.out / "summary.json").is_file():
        start = time.perf_counter()
        execute(prepare_cells(options.cells, options.out), command="million")
        timing = json.dumps(load_run(options.out).manifest["timing"])
        print(f"made in {time.perf_counter() - start:.0f} s: {timing}", flush=True)
    for step in STEPS:
        command = [sys.executable, __file__, "--out", str(options.out), "--step", step]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        print(done.stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
