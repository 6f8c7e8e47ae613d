"""`harness attack`: look for the variant that hurts a model most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from harness.attacks.config import AttackConfig
from harness.cli import options
from harness.cli.command import add_command
from harness.cli.params import with_options

if TYPE_CHECKING:
    from harness.attacks.run import AttackResult


PANELS: Final = {
    "Model": options.MODEL_PANEL,
    "Server": options.SERVER_PANEL,
    "Task": ("task", "data_dir", "instruction", "paraphrases", "prompt_format"),
    "Search": ("recipe", "budget", "search_examples", "report_examples", "masked_lm"),
    "Candidates": (
        "level", "perturbations", "plugins", "strength", "max_words_changed", "min_similarity",
    ),
    "Statistics": ("seed", "confidence"),
    "Output": ("out", "fresh", "cache", "window"),
}  # fmt: skip
"""How the options of an attack are grouped in its help."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(
        app,
        "attack",
        attack_command,
        "harness attack -m smollm2-135m --task sentiment --out attacks/typos --level character",
        "harness attack -m ./checkpoint --task sst2 --out attacks/all --perturbations all",
    )


@with_options(AttackConfig, PANELS)
def attack_command(
    config: AttackConfig, as_json: options.AsJson = False, quiet: options.Quiet = False
) -> None:
    """Look for the instruction that hurts most at a level, within a budget of cells.

    The search and the report use different examples. The same command resumes a search that was
    stopped. Results: attack.json, queries.sqlite and variants.jsonl for `harness run --variants`.
    """
    _attack(config, as_json=as_json, quiet=quiet)


def _attack(config: AttackConfig, *, as_json: bool, quiet: bool) -> None:
    from harness.attacks.prepare import prepare_attack
    from harness.attacks.run import execute_attack
    from harness.cli.terminal import is_silent, print_json, typed_command
    from harness.core.progress_bar import make_progress

    prepared = prepare_attack(config)
    silent = is_silent(quiet=quiet, as_json=as_json)
    progress = make_progress(silent=silent)
    command = typed_command()
    attacked = execute_attack(prepared, command=command, progress=progress)
    if as_json:
        print_json(attacked.report)
    elif not quiet:
        _show(attacked)


def _show(attacked: AttackResult) -> None:
    from rich.text import Text

    from harness.cli.terminal import err, out, print_table
    from harness.core.progress_bar import printable

    report = attacked.report
    found, measured, cells = report["found"], report["report"], report["cells"]
    low, high = measured["drop_ci"] or (None, None)
    console = out()
    console.print(Text(printable(found["original"]), "dim"))
    console.print(Text(printable(found["text"]), "bold"))
    similarity = found["similarity"]
    rows = [
        ("clean accuracy", f"{100 * measured['clean_accuracy']:.1f}"),
        ("accuracy", f"{100 * measured['accuracy']:.1f}"),
        ("drop", f"{100 * measured['drop']:+.1f}{_interval(low, high)}"),
        ("report examples", f"{measured['examples']:,}"),
        ("search cells", f"{cells['search']:,} of {cells['budget']:,}"),
        ("perturbations", " + ".join(found["chain"]) or "none"),
        ("words changed", f"{100 * found['words_changed']:.0f} %"),
        ("edit distance", f"{found['char_distance']} characters"),
        ("similarity", "-" if similarity is None else f"{similarity:.2f}"),
        ("label words intact", "yes" if found["label_words_intact"] else "no"),
    ]
    print_table("", ("", "on the report split"), rows)
    for note in report["notes"]:
        err().print(f"note: {note}", style="dim", markup=False)
    console.print(f"variants: {attacked.path / 'variants.jsonl'}", markup=False)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({100 * low:+.1f} to {100 * high:+.1f})"
