"""Trainings that are watched, slowed or spoilt from inside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from trainers.config import TrainConfig
from trainers.contrastive import ContrastiveTrainer
from trainers.train import TrainResult, train


@contextmanager
def trainers_with(callback: TrainerCallback) -> Iterator[None]:
    """Every contrastive trainer that is made inside has this callback, too."""
    plain = ContrastiveTrainer.__init__

    def watched(self: ContrastiveTrainer, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        self.add_callback(callback)

    with mock.patch.object(ContrastiveTrainer, "__init__", watched):
        yield


class _StopAt(TrainerCallback):
    def __init__(self, step: int) -> None:
        self._step = step

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        if state.global_step == self._step:
            raise KeyboardInterrupt


def train_in_two(config: TrainConfig, *, stop: int = 2) -> TrainResult:
    """A training that is stopped once a step is saved, and ended by the same call."""
    with trainers_with(_StopAt(stop)), pytest.raises(KeyboardInterrupt):
        train(config)
    return train(config)


def logged(folder: Path, *names: str) -> list[tuple[float, ...]]:
    """These values of every step that a training logged."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [tuple(line[name] for name in names) for line in lines if "loss" in line]
