"""Ask a model a few examples of a task, to see what it says before a run is paid for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from harness.api.models import ModelLike
from harness.api.results import Run
from harness.api.running import run

if TYPE_CHECKING:
    from harness.tasks.task import Task

EXAMPLES: Final = 5
_NEW_TOKENS: Final = 48


@dataclass(frozen=True, slots=True)
class Tried:
    """What a model said of one example."""

    example: str
    """Its id."""
    input: str
    gold: str
    said: str
    """The generated text."""
    read: str | None
    """The answer that was read out of it; None: none could be."""
    likeliest: str | None
    """The likeliest answer; None where answers are free text."""


def try_model(
    task: Task, path: Path, model: ModelLike, *, data_dir: Path | None, device: str = "auto"
) -> list[Tried]:
    """Ask a model five examples under the task's first instruction, as a run would.

    Args:
        task: The task that the file holds.
        path: The task file.
        model: The model, as `harness.run` takes it.
        data_dir: The data folder.
        device: Where the model runs.

    Raises:
        UsageError: the model cannot be loaded or asked.
    """
    scorers = ("generate", "loglik") if task.labels else ("generate",)
    with TemporaryDirectory() as folder:
        done = run(
            model,
            tasks=str(path),
            data_dir=data_dir,
            levels="clean",
            instructions=1,
            limit=EXAMPLES,
            scorers=scorers,
            max_new_tokens=_NEW_TOKENS,
            full=True,
            resamples=100,
            device=device,  # type: ignore[arg-type]  # checked where options are
            out=Path(folder) / "tried",
            cache=False,
        )
        return _tried(task, done)


def _tried(task: Task, done: Run) -> list[Tried]:
    inputs = {example.id: example.input for example in task.examples}
    samples = done.samples
    likeliest = {
        str(row.example_id): str(row.prediction)
        for row in samples[samples["scorer"] == "loglik"].itertuples()
    }
    return [
        Tried(
            example=str(row.example_id),
            input=inputs[str(row.example_id)],
            gold=str(row.gold),
            said=str(row.text),
            read=str(row.prediction) if row.parsed else None,
            likeliest=likeliest.get(str(row.example_id)),
        )
        for row in samples[samples["scorer"] == "generate"].itertuples()
    ]
