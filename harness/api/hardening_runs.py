"""The later steps of a hardening: what fits into the time, trainings, and evaluations."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Final

from harness.api.hardening_data import Arms
from harness.api.results import Run, to_run
from harness.api.training import need_package, run_training
from harness.core.errors import IncompleteRunError, UsageError
from harness.core.progress import Progress
from harness.core.records import CLEAN
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.pilot import measure_seconds
from harness.evaluation.prepare import prepare
from harness.evaluation.scorers import choose_scorers
from harness.hardening.budget import Rates, Work, fit_work
from harness.hardening.competence import is_above
from harness.hardening.config import HardenConfig
from harness.hardening.folder import Folder, RunName, State, save_state
from harness.models.servers.address import is_served
from harness.models.spec import ModelSpec
from harness.results.primary import primary_samples
from harness.tasks import load_tasks
from harness.tasks.sources import data_dir_from_environment
from trainers.config import TrainConfig

if TYPE_CHECKING:
    from rich.console import Console

    from trainers.train import TrainResult

PILOT_STEPS: Final = 2
"""The first step of a process is slower than all others; the last is timed."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told how far a hardening is."""

    say: Callable[[str], None]
    progress: Callable[[], Progress]
    console: Console | None = None
    """Where a training shows its bar; None for none."""
    command: str = ""
    """What resumes it, for the manifests of its runs."""


def check_model(config: HardenConfig) -> None:
    """Validate that the model can be trained, before anything is written or reworded.

    Raises:
        MissingPackageError: peft or accelerate is not installed.
        UsageError: there is no such model, it is served, an adapter, or takes shorter texts only.
    """
    if is_served(ModelSpec(config.model)):
        raise UsageError(
            f"{config.model} is behind a server, and only a model on this machine can be trained.",
            hint="Type: --model with a directory or a hub id; a served one can be the --reworder.",
        )
    for package in ("accelerate", "peft"):
        need_package(package)
    from trainers.base_model import check_context, find_base

    check_context(find_base(config.model), config.max_length)


def plan_work(config: HardenConfig) -> Work:
    """All that is done where time is no matter."""
    arms = 1 + config.control
    runs = (1 + arms) * (2 if config.also else 1)
    return Work(trainings=arms, evaluations=runs, steps=config.steps, cells=config.cells)


def fit_to_time(
    config: HardenConfig, arms: Arms, folder: Folder, state: State, *, begun: float
) -> tuple[Work, State]:
    """The work that fits into the minutes, measured once and kept when resumed.

    Args:
        config: what was asked.
        arms: what is trained and tested.
        folder: where the decision is kept.
        state: what was decided before.
        begun: when this process began, on the monotonic clock.

    Raises:
        UsageError: not one step fits.
    """
    work = plan_work(config)
    if state.steps is None or state.cells is None:
        if config.minutes is not None:
            rates = measure_rates(config, arms)
            spent = time.monotonic() - begun
            work = fit_work(work, 60 * config.minutes, rates, spent=spent)
        decided = {"steps": work.steps, "cells": work.cells}
        return work, save_state(folder, state.model_copy(update=decided))
    return Work(work.trainings, work.evaluations, state.steps, state.cells), state


def measure_rates(config: HardenConfig, arms: Arms) -> Rates:
    """Two steps of training and a few cells, in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place)
        begun = time.monotonic()
        batch = min(config.batch, config.micro_batch)
        pilot = train_config(config, arms.pairs, out / "pilot", PILOT_STEPS)
        done = run_training(pilot.model_copy(update={"batch": batch}))
        pair_tokens = done.manifest["data"]["tokens"] / done.manifest["data"]["pairs"]
        step = pair_tokens / done.metrics["last_tokens_per_second"]
        start = max(0.0, time.monotonic() - begun - PILOT_STEPS * batch * step)
        prepared = prepare(
            run_config(config, config.model, arms, (str(arms.held_out),), out / "run")
        )
        cell = measure_seconds(prepared) / prepared.plan.cells
    return Rates(config.batch * step, cell, start)


def train_config(config: HardenConfig, pairs: Path, out: Path, steps: int) -> TrainConfig:
    """The options of one of the trainings."""
    return TrainConfig(
        model=config.model,
        pairs=pairs,
        out=out,
        objective=config.objective,
        prompt_format=config.prompt_format,
        max_length=config.max_length,
        overlong="drop",
        tuning=config.tuning,
        batch=config.batch,
        micro_batch=min(config.micro_batch, config.batch),
        max_steps=steps,
        learning_rate=config.learning_rate,
        schedule="cosine",
        seed=config.seed,
        device=config.device,
        save_every=max(1, min(20, steps // 4)),
    )


def train_arm(
    config: HardenConfig, pairs: Path, out: Path, steps: int, told: Told, *, fresh: bool = False
) -> TrainResult:
    """Train one arm, or find it trained; a stopped training is resumed."""
    options = train_config(config, pairs, out, steps).model_copy(update={"fresh": fresh})
    return run_training(options, console=told.console)


def control_config(config: HardenConfig) -> HardenConfig:
    """Plain tuning: the same but for the objective."""
    return config.model_copy(update={"objective": "sft"})


def run_config(
    config: HardenConfig,
    model: str | Path,
    arms: Arms,
    tasks: tuple[str, ...],
    out: Path,
    cells: int | None = None,
) -> RunConfig:
    """The options of one evaluation: held-out perturbations, one scorer, the same cells for all."""
    wanted = RunConfig(
        model=str(model),
        tasks=tasks,
        data_dir=config.data_dir,
        limit=config.limit,
        perturbations=arms.perturbations.held,
        prompt_format=config.prompt_format,
        cells=cells or config.cells,
        seed=config.seed,
        device=config.device,
        out=out,
    )
    data_dir = config.data_dir or data_dir_from_environment()
    loaded = load_tasks(suite=None, names=tasks, data_dir=data_dir)
    chosen, _ = choose_scorers(wanted, loaded)
    return wanted.model_copy(update={"scorers": chosen.scorers[:1]})


def run_arm(
    config: HardenConfig,
    model: str | Path,
    arms: Arms,
    folder: Folder,
    name: RunName,
    cells: int,
    told: Told,
    *,
    elsewhere: bool = False,
) -> Run:
    """Evaluate one model on the task, or on the others; a stopped run is resumed."""
    tasks = config.also if elsewhere else (str(arms.held_out),)
    out = folder.run(name, elsewhere=elsewhere)
    told.say(f"evaluating: {out.name}")
    prepared = prepare(run_config(config, model, arms, tasks, out, cells))
    # No page of its own: all runs share one report.
    return to_run(execute(prepared, command=told.command, progress=told.progress()))


def check_above_chance(run: Run, checkpoint: Path) -> None:
    """Stop where a trained model still guesses: how it does so says nothing of robustness.

    Raises:
        IncompleteRunError: its clean accuracy is not above guessing; the checkpoint is kept.
    """
    for name, task in run.summary.tasks.items():
        reference = max(task.chance, task.largest_gold_share or 0.0)
        scores = _clean_scores(run, name)
        if not is_above(scores, reference):
            raise IncompleteRunError(
                f"after training, {name!r} is answered right on {fmean(scores):.1%} of the clean "
                f"cells, not clearly above the {reference:.1%} that need no model. How robust "
                "guesses are means nothing, so it ends here. The checkpoint is kept: "
                f"{checkpoint}.",
                hint="Give more rows, more --steps, another --learning-rate or a larger model, "
                "and type --fresh.",
            )


def _clean_scores(run: Run, task: str) -> list[float]:
    """Each example's mean score over its clean cells, by the scorer of the headline."""
    samples = primary_samples(run)
    own = samples[(samples["task"] == task) & (samples["level"] == CLEAN)]
    means = own.groupby("example_id", observed=True)["score"].mean()
    return [float(mean) for mean in means]
