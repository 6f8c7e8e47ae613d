"""Have a model reword a run's instructions first: what `--paraphrase-with` asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.core.names import folder_name
from harness.core.progress import Progress
from harness.evaluation.config import RunConfig, check_config
from harness.evaluation.run_tasks import load_run_tasks, with_defaults
from harness.models import load_model
from harness.models.spec import ModelSpec
from harness.paraphrasing import (
    ParaphraseConfig,
    Writer,
    as_writer,
    check_writer,
    read_bank,
    write_bank,
)
from harness.paraphrasing.write import write_paraphrases
from harness.tasks import Task, TaskSpec
from harness.tasks.paraphrase_bank import bank_in
from perturbations import Similarity
from perturbations.similarity import load_encoder

BANKS: Final = "paraphrases"
"""The folder of banks beside run directories."""


def reword_first(
    config: RunConfig, specs: Sequence[TaskSpec] = (), *, progress: Progress, dry_run: bool = False
) -> RunConfig:
    """The configuration with the banks of `paraphrase_with` in its place, written where missing.

    A bank is kept by rewording model and task, so runs of several models share it. It is saved
    after every draw: when stopped, the same call goes on where it was.

    Args:
        config: What was asked for; without `paraphrase_with` it is returned as it is.
        specs: Those of `config.tasks` that are no files, by their content.
        progress: Told of each paraphrase.
        dry_run: Load and write nothing; banks that are there count.

    Returns:
        The configuration of a run that reads the banks.

    Raises:
        UsageError: a task or the rewording model cannot be used, or a bank that is there is of
            other settings or another model of that name.
    """
    if config.paraphrase_with is None:
        return config
    check_config(config)
    plain = config.model_copy(update={"paraphrase_with": None})
    tasks = load_run_tasks(with_defaults(plain), specs)
    folder = _folder(config)
    spec = _writer_spec(config, config.paraphrase_with)
    check_writer(spec)
    if dry_run:
        missing = [one.name for one in tasks if not bank_in(folder, one.name).is_file()]
        if missing:
            progress.note(
                f"not planned: paraphrases of {', '.join(missing)}, which {spec.name} writes "
                f"before the run, into {folder}"
            )
        there = len(missing) < len(tasks)
        return plain.model_copy(update={"paraphrases": folder}) if there else plain
    writer = as_writer(load_model(spec), config.paraphrase_with)
    encoder = load_encoder()
    for task in tasks:
        _write(writer, task, bank_in(folder, task.name), encoder, progress, fresh=config.fresh)
    return plain.model_copy(update={"paraphrases": folder})


def _folder(config: RunConfig) -> Path:
    runs = Path("runs") if config.out is None else config.out.parent
    return runs / BANKS / folder_name(str(config.paraphrase_with))


def _writer_spec(config: RunConfig, name: str) -> ModelSpec:
    """The rewording model, where options of loading hold for both."""
    named = {"model": name, "base": None, "revision": None}
    return config.model_copy(update=named if name != config.model else {}).model_spec


def _write(
    writer: Writer,
    task: Task,
    path: Path,
    encoder: Similarity,
    progress: Progress,
    *,
    fresh: bool,
) -> None:
    begun = read_bank(path) if path.exists() and not fresh else None
    path.parent.mkdir(parents=True, exist_ok=True)
    bank = write_paraphrases(
        writer,
        task,
        ParaphraseConfig(),
        similarity=encoder,
        progress=progress,
        begun=begun,
        save=lambda so_far: write_bank(so_far, path),
    )
    write_bank(bank, path)
    found = sum(len(texts) for texts in bank.paraphrases.values())
    progress.note(f"{found} paraphrases of {task.name}: {path}")
