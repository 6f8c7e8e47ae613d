"""`harness paraphrase`: have a model reword a task's instructions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options

if TYPE_CHECKING:
    from harness.paraphrasing import Bank, ParaphraseConfig
    from harness.paraphrasing.write import Writer
    from harness.tasks import Task
    from perturbations import Similarity


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("paraphrase")(paraphrase_command)


def paraphrase_command(
    model: options.Model,
    task: Annotated[str, typer.Option(help="A task's name or YAML file.")],
    out: Annotated[Path, typer.Option(help="Paraphrase bank to write.")] = Path("bank.yaml"),
    instruction: Annotated[
        list[str] | None, typer.Option(help="Only this instruction, by id. Repeatable.")
    ] = None,
    per_instruction: Annotated[int, typer.Option(help="Paraphrases wanted of each.")] = 8,
    temperatures: Annotated[str, typer.Option(help="Sampling temperatures.")] = "0.7,1.0,1.3",
    rounds: Annotated[int, typer.Option(help="Answers a meta-instruction and temperature.")] = 4,
    min_similarity: Annotated[
        float, typer.Option(help="Smallest cosine with the original; -1 asks for none.")
    ] = 0.7,
    base: Annotated[str | None, typer.Option(help="Base model of an adapter.")] = None,
    revision: Annotated[str | None, typer.Option(help="Revision of a hub model.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run code that comes with a hub model.")
    ] = False,
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    data_dir: options.DataDir = None,
    seed: options.Seed = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no texts.")] = False,
) -> None:
    """Have a model reword a task's instructions, and keep what still asks for the same.

    The bank is read by `harness run --paraphrases FILE`: the semantic level then draws from it.
    """
    from harness.models import ModelSpec, load_model
    from harness.paraphrasing import Filters, ParaphraseConfig
    from perturbations.similarity import load_encoder

    chosen = _load_task(task, options.split_names(instruction), data_dir)
    config = ParaphraseConfig(
        per_instruction=per_instruction,
        temperatures=_parse_temperatures(temperatures),
        rounds=rounds,
        seed=seed,
        filters=Filters(min_similarity=min_similarity),
    )
    encoder = load_encoder() if min_similarity > -1 else None
    writer = load_model(
        ModelSpec(
            model,
            base=base,
            dtype=dtype,  # type: ignore[arg-type]
            device=device,  # type: ignore[arg-type]
            revision=revision,
            trust_remote_code=trust_remote_code,
        )
    )
    _write(_as_writer(writer), chosen, config, encoder, out, quiet=quiet)


def _write(
    writer: Writer,
    task: Task,
    config: ParaphraseConfig,
    encoder: Similarity | None,
    out: Path,
    *,
    quiet: bool,
) -> None:
    from harness.cli.terminal import TerminalProgress
    from harness.core.progress import NoProgress
    from harness.paraphrasing import write_bank, write_paraphrases

    progress = NoProgress() if quiet else TerminalProgress()
    bank = write_paraphrases(writer, task, config, similarity=encoder, progress=progress)
    write_bank(bank, out)
    if not quiet:
        _show(bank)
    typer.echo(str(out))


def _load_task(name: str, wanted: tuple[str, ...], data_dir: Path | None) -> Task:
    from harness.core.errors import UnknownNameError
    from harness.tasks import load_tasks
    from harness.tasks.rows import data_dir_from_environment

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
            hint="Type for example: --temperatures 0.7,1.0,1.3.",
        ) from None


def _as_writer(model: object) -> Writer:
    from harness.core.errors import UsageError
    from harness.paraphrasing.write import Writer

    if not isinstance(model, Writer):
        raise UsageError("this kind of model cannot draw texts.", hint="Use a local checkpoint.")
    return model


def _show(bank: Bank) -> None:
    from rich.text import Text

    from harness.cli.terminal import err, out, printable

    console = out()
    for name, texts in bank.paraphrases.items():
        console.print(Text(f"{name}  {printable(bank.instructions[name])}", "bold"))
        for text in texts:
            console.print(Text(f"  {printable(text)}"))
    rejected = ", ".join(f"{reason} {count}" for reason, count in bank.rejected.items())
    err().print(f"rejected: {rejected or 'none'}", style="dim", markup=False)
