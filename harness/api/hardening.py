"""From labelled rows to a hardened checkpoint: the call behind `harness.harden`."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.api.comparing import Comparison, compare_runs
from harness.api.hardening_data import (
    Arms,
    Material,
    check_reworder,
    read_material,
    reword,
    wants_rewording,
    write_arms,
)
from harness.api.hardening_runs import (
    Told,
    check_above_chance,
    check_model,
    control_config,
    fit_to_time,
    run_arm,
    train_arm,
)
from harness.api.results import Run
from harness.api.words import describe_call, in_python
from harness.core.atomic import write_text
from harness.core.lock import lock_folder
from harness.core.options import check_options
from harness.core.progress import NoProgress
from harness.gate.files import check_runs
from harness.hardening.budget import Work
from harness.hardening.card import Facts, measured_sections, say_outcome
from harness.hardening.config import DEFAULT_CELLS, DEFAULT_STEPS, HardenConfig
from harness.hardening.folder import Folder, RunName, open_state, place_at
from harness.hardening.outcome import METRICS, Outcome, read_changes, read_elsewhere
from harness.hardening.policy import make_policy, say_power, write_policy
from harness.models.spec import Device
from harness.prompting.prompts import FormatChoice
from harness.results.jsonfiles import Json
from reports.formatting import counted
from trainers.choices import Tuning

if TYPE_CHECKING:
    import pandas as pd

    from harness.core.progress import Progress

POLICY: Final = "robustness-policy.yaml"
Runs = Mapping[RunName, Run]


@dataclass(frozen=True, slots=True)
class Hardened:
    """A hardened checkpoint, and what came of it."""

    out: Path
    """The checkpoint, which `harness.run` takes as a model; its README.md is the card."""
    work: Path
    """The folder of everything else."""
    runs: Runs
    """`before`, `after`, and `control` where there is plain tuning to compare with."""
    outcome: Outcome
    steps: int
    report: Path
    policy: Path
    power: str
    """Whether the policy would notice if what was reached were lost again."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per metric and level: before, after, plain tuning, and the differences."""
        import pandas as pd

        rows = [
            {
                "metric": one.metric,
                "level": one.level,
                "before": one.before,
                "after": one.after,
                "gain": one.gain.value,
                "gain_low": one.gain.interval and one.gain.interval[0],
                "gain_high": one.gain.interval and one.gain.interval[1],
                "control": one.control,
                "over_control": one.over_control and one.over_control.value,
            }
            for one in self.outcome.task
        ]
        return pd.DataFrame(rows)

    def to_dict(self) -> Json:
        """Where everything is and what was found, in plain JSON types."""
        return {
            "out": str(self.out),
            "card": str(self.out / "README.md"),
            "report": str(self.report),
            "policy": str(self.policy),
            "power": self.power,
            "runs": {name: str(run.path) for name, run in self.runs.items()},
            "steps": self.steps,
            **self.outcome.to_dict(),
        }

    def __str__(self) -> str:
        return "\n".join((*say_outcome(self.outcome), self.power))

    def __repr__(self) -> str:
        return f"Hardened({str(self.out)!r}: {self.steps} steps)"


@in_python
def harden(
    model: str | Path,
    task: str | Path,
    train: str | Path,
    out: str | Path,
    *,
    fresh: bool = False,
    data_dir: str | Path | None = None,
    bank: str | Path | None = None,
    reworder: str | None = None,
    control: bool = True,
    objective: str = "sft,divergence=5",
    tuning: Tuning = "lora",
    steps: int = DEFAULT_STEPS,
    batch: int = 16,
    micro_batch: int = 8,
    learning_rate: float = 6e-4,
    max_length: int = 256,
    prompt_format: FormatChoice = "auto",
    also: str | Sequence[str] = (),
    limit: int = 100,
    cells: int = DEFAULT_CELLS,
    minutes: float | None = None,
    seed: int = 0,
    device: Device = "auto",
    progress: bool = False,
) -> Hardened:
    """Train a task's weakness to rephrasing away, and measure what that gained and lost.

    Instructions are reworded, a part of the wordings and perturbations is held out, the rows are
    trained on under the others, and the model before, after, and after plain tuning of the same
    rows is evaluated on what was held out. The same call resumes one that was stopped.

    Args:
        model: Base model: directory, hub id, .gguf file or the bundled smollm2-135m.
        task: Task by name or YAML file: its rows are the test, its instructions are reworded.
        train: Labelled rows to train on, with the fields of the task's own rows.
        out: Folder for the checkpoint; all else goes beside it, to OUT.hardening.
        fresh: Start over, do not resume.
        data_dir: Data folder with public rows and word tables; default: HARNESS_DATA_DIR.
        bank: Paraphrase bank, as `harness paraphrase` writes it.
        reworder: Model that rewords instructions, also of a server; `none` for no model. Default:
            the model itself, where the task and its bank have too few wordings.
        control: Train the same rows plainly for as many steps, to compare with.
        objective: Objectives or terms with optional weights.
        tuning: What is trained: a LoRA adapter, or all weights.
        steps: Maximum optimiser steps of each training.
        batch: Pairs per optimiser step.
        micro_batch: Pairs per forward pass.
        learning_rate: AdamW learning rate after warm-up.
        max_length: Maximum length of a prompt with its target, in tokens; longer rows are left
            out.
        prompt_format: Prompt format; auto: chat where the model has a template.
        also: Other tasks by name or YAML file: what was lost elsewhere.
        limit: Maximum examples per task that are evaluated.
        cells: Budget of cells of each evaluation.
        minutes: Take about so long: fewer steps and cells where they would take longer.
        seed: Random seed.
        device: Device; auto: a GPU where there is one.
        progress: Show on stderr how far it is.

    Returns:
        The checkpoint's folder, the runs, and what changed, with intervals.

    Raises:
        UsageError: An option, a file or a model that cannot be used; too few wordings to split;
            too few minutes for one step.
        NothingToEvaluateError: Too few rows that are not tested, or one answer only.
        IncompleteRunError: The trained model guesses, or a step was stopped; what is done is kept.

    Example:
        >>> hardened = harness.harden(
        ...     "smollm2-135m", "tickets.yaml", "labelled.csv", "checkpoints/tickets", minutes=20
        ... )
        >>> hardened.frame.query("level == 'perturbed'")
        >>> harness.check(hardened.runs["after"], policy=hardened.policy, first=True).passed
    """
    given = {name: value for name, value in locals().items() if name != "progress"}
    given |= {"model": str(model), "task": str(task)}
    config = check_options(HardenConfig, given, say=str)
    command = describe_call("harden", config, given)
    return run_hardening(config, show(command) if progress else silent(command))


def silent(command: str) -> Told:
    """Nobody is told anything."""
    return Told(say=lambda _: None, progress=NoProgress, command=command)


def show(command: str) -> Told:
    """Steps as lines and bars on stderr."""
    from rich.console import Console
    from rich.text import Text

    from harness.core.progress_bar import make_progress, one_line

    # rich's live display needs widgets in a notebook; plain text needs nothing.
    console = Console(stderr=True, force_jupyter=False)

    def bar() -> Progress:
        return make_progress(silent=False)

    return Told(
        say=lambda text: console.print(Text(one_line(text), "bold")),
        progress=bar,
        console=console,
        command=command,
    )


def run_hardening(config: HardenConfig, told: Told) -> Hardened:
    """Harden by a configuration: step by step, each resumed where it was stopped.

    Raises:
        UsageError: something cannot be used; nothing was computed then.
        NothingToEvaluateError: too few rows, or one answer only.
        IncompleteRunError: the trained model guesses, or a step was stopped.
    """
    begun = time.monotonic()
    material, folder = read_material(config), place_at(config.out)
    check_model(config)
    check_reworder(config, material)
    with lock_folder(folder.work):
        state = open_state(folder, config.identity(), fresh=config.fresh)
        if wants_rewording(config, material):
            told.say("rewording the instructions")
            material, state = reword(config, material, folder, state, told.progress)
        arms = write_arms(config, material, folder)
        if config.minutes is not None and state.steps is None:
            told.say("measuring how much fits into the time")
        work, state = fit_to_time(config, arms, folder, state, begun=begun)
        trained = _train_and_test(config, arms, folder, work, told)
        return _report(config, material, arms, folder, work, trained, told)


@dataclass(frozen=True, slots=True)
class _Trained:
    manifest: Json
    runs: Runs
    elsewhere: Runs


def _train_and_test(
    config: HardenConfig, arms: Arms, folder: Folder, work: Work, told: Told
) -> _Trained:
    """Both trainings and all evaluations; the hardened model first, which may be no good."""
    told.say(f"training: {counted(work.steps, 'step')} on {counted(arms.number, 'pair')}")
    done = train_arm(config, arms.pairs, folder.checkpoint, work.steps, told, fresh=config.fresh)
    runs = {"after": run_arm(config, folder.checkpoint, arms, folder, "after", work.cells, told)}
    check_above_chance(runs["after"], folder.checkpoint)
    models: dict[RunName, str | Path] = {"before": config.model, "after": folder.checkpoint}
    if config.control:
        told.say(f"plain tuning, to compare with: {counted(work.steps, 'step')}")
        plain = control_config(config)
        out = folder.file("control")
        train_arm(plain, arms.control_pairs, out, work.steps, told)
        models["control"] = out
    tested: dict[RunName, Run] = {
        name: runs.get(name) or run_arm(config, model, arms, folder, name, work.cells, told)
        for name, model in models.items()
    }
    elsewhere: dict[RunName, Run] = {}
    if config.also:
        elsewhere = {
            name: run_arm(config, model, arms, folder, name, work.cells, told, elsewhere=True)
            for name, model in models.items()
        }
    return _Trained(done.manifest, tested, elsewhere)


def _report(
    config: HardenConfig,
    material: Material,
    arms: Arms,
    folder: Folder,
    work: Work,
    trained: _Trained,
    told: Told,
) -> Hardened:
    """One report of all runs, the gate's policy, and the card beside the weights."""
    from reports import render
    from trainers.card import render_card

    outcome = _compare(trained, seed=config.seed)
    order: tuple[RunName, ...] = ("before", "control", "after")
    runs = [trained.runs[name] for name in order if name in trained.runs]
    report = render(runs, ("md", "html"), folder.work)["html"]
    after = trained.runs["after"]
    keep = _keep(arms, folder, config, cells=work.cells, scorer=after.summary.scorer)
    rules, policy = make_policy(after.summary), folder.file(POLICY)
    write_text(policy, write_policy(rules, how=keep))
    power = say_power(check_runs(trained.runs["before"], rules, baseline=after, seed=config.seed))
    facts = Facts(
        task=material.task.name,
        metric=material.task.metric_name,
        wordings=arms.wordings,
        perturbations=arms.perturbations,
        rows=len(material.rows),
        steps=work.steps,
        cells=sum(level.cells for level in after.summary.levels.values()),
        keep=keep,
        power=power,
    )
    card = render_card(trained.manifest, measured_sections(outcome, facts))
    write_text(folder.checkpoint / "README.md", card)
    return Hardened(
        folder.checkpoint, folder.work, trained.runs, outcome, work.steps, report, policy, power
    )


def _compare(trained: _Trained, *, seed: int) -> Outcome:
    """What changed against before, against plain tuning, and elsewhere."""
    on_task = _comparisons(trained.runs, seed)
    if not trained.elsewhere:
        return Outcome(read_changes(*on_task))
    elsewhere = read_elsewhere(*_comparisons(trained.elsewhere, seed))
    return Outcome(read_changes(*on_task), tuple(elsewhere))


def _comparisons(runs: Runs, seed: int) -> tuple[Comparison, Comparison | None]:
    """Of the hardened model with the one before, and with plain tuning where there is that."""
    over = _against("control", runs, seed) if "control" in runs else None
    return _against("before", runs, seed), over


def _against(first: RunName, runs: Runs, seed: int) -> Comparison:
    pair = (runs[first], runs["after"])
    return compare_runs(pair, names=(first, "after"), metrics=METRICS, seed=seed)


def _keep(arms: Arms, folder: Folder, config: HardenConfig, *, cells: int, scorer: str) -> str:
    """The commands that judge a later checkpoint by the policy."""
    run = [
        "harness", "run", "--model", "CANDIDATE", "--task", str(arms.held_out),
        "--perturbations", ",".join(arms.perturbations.held), "--limit", str(config.limit),
        "--cells", str(cells), "--scorer", scorer, "--seed", str(config.seed),
        "--out", "runs/candidate",
    ]  # fmt: skip
    check = [
        "harness", "check", "--candidate", "runs/candidate", "--baseline",
        str(folder.run("after")), "--policy", str(folder.file(POLICY)),
    ]  # fmt: skip
    return "\n".join(map(shlex.join, (run, check)))
