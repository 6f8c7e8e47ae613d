"""`harness harden`: from labelled rows to a checkpoint that rephrasing moves less."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from harness.cli import options
from harness.cli.command import add_command
from harness.cli.params import with_options
from harness.hardening.config import HardenConfig

if TYPE_CHECKING:
    from harness.api.hardening import Hardened
    from harness.api.hardening_plan import HardeningPlan
    from harness.hardening.outcome import Change

PANELS: Final = {
    "Files": ("model", "task", "train", "out", "fresh", "data_dir"),
    "Wordings": ("bank", "reworder"),
    "Training": (
        "control", "objective", "tuning", "steps", "batch", "micro_batch", "learning_rate",
        "max_length", "prompt_format",
    ),
    "Test": ("also", "limit", "cells"),
    "Operation": ("minutes", "seed", "device"),
}  # fmt: skip
"""How the options of a hardening are grouped in its help."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(
        app,
        "harden",
        harden_command,
        "harness harden -m smollm2-135m --task tickets.yaml --train labelled.csv --out ckpt",
        "harness harden -m ./model --task tickets.yaml --train labelled.csv --out ckpt "
        "--minutes 20 --also topic",
    )


@with_options(HardenConfig, PANELS)
def harden_command(
    config: HardenConfig,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a task's weakness to rephrasing away, and measure what that gained and lost.

    The same command resumes one that was stopped. Results: the checkpoint with its card in OUT;
    pairs, runs, one report of them and a gate's policy in OUT.hardening.
    """
    from harness.cli.terminal import is_silent, print_json

    if dry_run:
        from harness.api.hardening_plan import plan_hardening

        plan = plan_hardening(config)
        if as_json:
            print_json(plan.to_dict())
        else:
            _show_plan(plan)
        return
    hardened = _harden(config, silent=is_silent(quiet=quiet, as_json=as_json))
    if as_json:
        print_json(hardened.to_dict())
    elif not quiet:
        _show_hardened(hardened)


def _harden(config: HardenConfig, *, silent: bool) -> Hardened:
    from harness.api.hardening import run_hardening
    from harness.api.hardening import show as shown
    from harness.api.hardening import silent as untold
    from harness.cli.terminal import typed_command

    command = typed_command()
    return run_hardening(config, untold(command) if silent else shown(command))


def _show_plan(plan: HardeningPlan) -> None:
    from harness.cli.terminal import print_table

    print_table("Dry run: planned hardening", ("what", "plan"), list(plan.rows_of_table()))


def _show_hardened(hardened: Hardened) -> None:
    from harness.cli.terminal import out, print_table

    changes = hardened.outcome.task
    control = any(one.over_control is not None for one in changes)
    header = ("metric", "level", "before", "hardened", "difference")
    more = ("plain tuning", "hardened less plain") if control else ()
    print_table(
        "Held-out wordings and perturbations, differences in points",
        (*header, *more),
        [_row(one, control=control) for one in changes],
    )
    console = out()
    for sentence in str(hardened).splitlines():
        console.print(sentence, markup=False)
    for what, path in (
        ("checkpoint", hardened.out),
        ("card", hardened.out / "README.md"),
        ("report", hardened.report),
        ("policy", hardened.policy),
    ):
        console.print(f"{what}: {path}", markup=False)


def _row(one: Change, *, control: bool) -> tuple[str, ...]:
    from harness.hardening.card import points_with_interval
    from reports.formatting import percent

    row = (
        one.metric.replace("_", " "),
        one.level,
        percent(one.before),
        percent(one.after),
        points_with_interval(one.gain),
    )
    if not control:
        return row
    return (*row, percent(one.control), points_with_interval(one.over_control))
