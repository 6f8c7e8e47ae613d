"""What a training shows while it runs: a bar on stderr, and the log as JSON lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from harness.core.atomic import write_text
from trainers.checkpoint import no_space

LOG_FILE = "log.jsonl"


class ProgressBar(TrainerCallback):
    """Steps, loss, throughput and time left; only the first process shows it."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Show the bar, at the step that is resumed from."""
        if state.is_world_process_zero:
            self._bar.start()
            self._bar.add_task("", total=state.max_steps, completed=state.global_step)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Move the bar."""
        if self._bar.tasks:
            self._bar.update(self._bar.tasks[0].id, completed=state.global_step)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Show the newest loss and throughput."""
        latest = state.log_history[-1] if state.log_history else {}
        if self._bar.tasks and "tokens_per_second" in latest:
            shown = f"loss {latest['loss']:.3f} · {latest['tokens_per_second']:,.0f} tokens/s"
            self._bar.update(self._bar.tasks[0].id, description=shown)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Leave the bar as it is."""
        self.stop()

    def stop(self) -> None:
        """Give the terminal back, also after an error."""
        self._bar.stop()


class LogFile(TrainerCallback):
    """Keeps the log beside the checkpoint, without what a resumed training has undone."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOG_FILE

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start with the lines up to the checkpoint that is resumed from, if there is one."""
        if state.is_world_process_zero:
            try:
                write_text(self._path, _lines(state.log_history))
            except OSError as error:
                raise no_space(self._path, error) from None

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Add the newest line."""
        if state.is_world_process_zero:
            try:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(_lines(state.log_history[-1:]))
            except OSError as error:
                raise no_space(self._path, error) from None


def _lines(entries: list[dict[str, float]]) -> str:
    return "".join(json.dumps(entry) + "\n" for entry in entries)
