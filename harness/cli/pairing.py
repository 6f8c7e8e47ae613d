"""`harness pairs`: make a training file of instructions and their variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from harness.cli import options
from harness.cli.command import add_command
from harness.cli.params import with_options
from trainers.pairs.config import PairsConfig

if TYPE_CHECKING:
    from harness.api.pairing import PairsFile

PANELS: Final = {
    "Source": ("source", "input", "exclude", "data_dir"),
    "Source templates": ("task", "rows", "labels", "field"),
    "Source paraphrases": ("bank", "levels", "perturbations", "hold_out", "strength", "per_row"),
    "Filters": ("limit", "max_ratio", "max_words", "balance", "seed"),
    "Output": ("out",),
}
"""How the options of a pairs file are grouped in its help."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(
        app,
        "pairs",
        pairs_command,
        "harness pairs --source paraphrases --input rows.jsonl --levels all --out pairs.jsonl",
        "harness pairs --source t0 --input t0.jsonl.xz --exclude test.jsonl --out pairs.jsonl",
    )


@with_options(PairsConfig, PANELS)
def pairs_command(config: PairsConfig, as_json: options.AsJson = False) -> None:
    """Build a training file of pairs: an instruction and a variant of it with the same target.

    Beside it, a page of samples and of what was dropped is written to look at first.
    """
    from harness.api.pairing import write_pairs_file
    from harness.cli.terminal import err
    from harness.evaluation.selection import describe_left_out

    made = write_pairs_file(config)
    for note in describe_left_out(made.left_out):
        err().print(f"note: {note}", style="dim", markup=False)
    _show_pairs(made, excluded=bool(config.exclude), as_json=as_json)


def _show_pairs(made: PairsFile, *, excluded: bool, as_json: bool) -> None:
    from harness.cli.terminal import out as console
    from harness.cli.terminal import print_json, print_table
    from trainers.pairs.page import drop_rows
    from trainers.sampler import count_hard_negatives

    dropped = drop_rows(made.built)
    hard = count_hard_negatives(made.pairs)
    if as_json:
        print_json(
            {
                "out": str(made.path),
                "samples": str(made.page),
                "pairs": len(made.pairs),
                "candidates": made.built.candidates,
                "with_hard_negative": hard,
                "dropped": {reason: number for reason, number, _ in dropped},
            }
        )
        return
    if dropped:
        rows = [(reason, f"{n:,}", meaning) for reason, n, meaning in dropped]
        print_table("Dropped", ("reason", "number", "what it means"), rows)
    console().print(
        f"{len(made.pairs):,} pairs, {hard:,} with a hard negative: {made.path}", markup=False
    )
    console().print(f"look at: {made.page}", markup=False)
    if not excluded:
        console().print("nothing was excluded: evaluation rows may be among them", style="yellow")
