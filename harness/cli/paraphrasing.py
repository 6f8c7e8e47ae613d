"""`harness paraphrase`: have a model reword a task's instructions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from pydantic import Field

from harness.cli import options
from harness.cli.command import add_command
from harness.cli.params import with_options
from harness.evaluation.config import Cosine, Count, Names
from harness.models.options import ModelOptions

if TYPE_CHECKING:
    from harness.paraphrasing import Bank, ParaphraseConfig, Writer
    from harness.tasks import Task
    from perturbations import Similarity


class ParaphraseOptions(ModelOptions):
    """What `harness paraphrase` was asked for."""

    task: str
    """Task by name or YAML file."""
    instruction: Names = ()
    """Only this instruction, by id. Repeatable."""
    data_dir: Path | None = None
    """Data folder with public rows and word tables. Default: HARNESS_DATA_DIR."""
    per_instruction: Count = 8
    """Maximum paraphrases per instruction."""
    temperatures: str = "0.5,0.8,1.0"
    """Sampling temperatures."""
    rounds: Count = 4
    """Maximum draws of eight answers per part and temperature."""
    min_similarity: Cosine = 0.65
    """Minimum embedding cosine to the original instruction; -1 asks for none."""
    max_kept: Annotated[float, Field(ge=0, le=1)] = 0.65
    """Maximum share of the original's words that a paraphrase keeps in order."""
    seed: int = 0
    """Random seed."""
    out: Path = Path("bank.yaml")
    """Paraphrase bank to write."""
    fresh: bool = False
    """Start over instead of going on with the bank that is there."""


PANELS: Final = {
    "Model": options.MODEL_PANEL,
    "Server": options.SERVER_PANEL,
    "Task": ("task", "instruction", "data_dir"),
    "Paraphrases": (
        "per_instruction",
        "temperatures",
        "rounds",
        "min_similarity",
        "max_kept",
        "seed",
    ),
    "Output": ("out", "fresh"),
}
"""How the options of a paraphrase bank are grouped in its help."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(
        app,
        "paraphrase",
        paraphrase_command,
        "harness paraphrase -m ./instruct-model --task sentiment --out bank.yaml",
    )


@with_options(ParaphraseOptions, PANELS)
def paraphrase_command(config: ParaphraseOptions, quiet: options.Quiet = False) -> None:
    """Have a model reword a task's instructions, and keep what still asks for the same.

    Written after every draw: when stopped, the same command goes on where it was. The bank is
    read by `harness run --paraphrases FILE`: the semantic level then draws from it.
    """
    from harness.models import load_model
    from harness.paraphrasing import Filters, ParaphraseConfig, as_writer, check_writer, read_bank
    from perturbations.similarity import load_encoder

    chosen = _load_task(config.task, config.instruction, config.data_dir)
    begun = None if config.fresh or not config.out.exists() else read_bank(config.out)
    settings = ParaphraseConfig(
        per_instruction=config.per_instruction,
        temperatures=_parse_temperatures(config.temperatures),
        rounds=config.rounds,
        seed=config.seed,
        filters=Filters(min_similarity=config.min_similarity, max_kept=config.max_kept),
    )
    check_writer(config.model_spec)
    encoder = load_encoder() if config.min_similarity > -1 else None
    writer = as_writer(load_model(config.model_spec), config.model)
    _write(writer, chosen, settings, encoder, config.out, begun, quiet=quiet)


def _write(
    writer: Writer,
    task: Task,
    config: ParaphraseConfig,
    encoder: Similarity | None,
    out: Path,
    begun: Bank | None,
    *,
    quiet: bool,
) -> None:
    from harness.core.progress_bar import make_progress
    from harness.paraphrasing import write_bank, write_paraphrases

    progress = make_progress(silent=quiet)
    out.parent.mkdir(parents=True, exist_ok=True)
    bank = write_paraphrases(
        writer,
        task,
        config,
        similarity=encoder,
        progress=progress,
        begun=begun,
        save=lambda so_far: write_bank(so_far, out),
    )
    write_bank(bank, out)
    if not quiet:
        _show(bank)
        typer.echo(str(out))


def _load_task(name: str, wanted: tuple[str, ...], data_dir: Path | None) -> Task:
    from harness.core.errors import UnknownNameError
    from harness.tasks import load_tasks
    from harness.tasks.sources import data_dir_from_environment

    folder = data_dir or data_dir_from_environment()
    task = load_tasks(suite=None, names=(name,), data_dir=folder, few_shot=False)[0]
    by_id = {instruction.id: instruction for instruction in task.instructions}
    for one in wanted:
        if one not in by_id:
            raise UnknownNameError(f"instruction of task {task.name!r}", one, by_id)
    return replace(task, instructions=tuple(by_id[one] for one in wanted or by_id))


def _parse_temperatures(text: str) -> tuple[float, ...]:
    from harness.core.errors import UsageError

    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"--temperatures {text!r}: a list of numbers was expected.",
            hint="Type for example: --temperatures 0.5,0.8,1.0.",
        ) from None


def _show(bank: Bank) -> None:
    from rich.text import Text

    from harness.cli.terminal import err, out
    from harness.core.progress_bar import printable

    console = out()
    for name, texts in bank.paraphrases.items():
        console.print(Text(f"{name}  {printable(bank.instructions[name])}", "bold"))
        for text in texts:
            console.print(Text(f"  {printable(text)}"))
    rejected = ", ".join(f"{reason} {count}" for reason, count in bank.rejected.items())
    err().print(f"rejected: {rejected or 'none'}", style="dim", markup=False)
