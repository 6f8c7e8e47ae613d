"""Trainings that are watched, slowed or spoilt from inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from transformers import TrainerCallback

from trainers.contrastive import ContrastiveTrainer


@contextmanager
def trainers_with(callback: TrainerCallback) -> Iterator[None]:
    """Every contrastive trainer that is made inside has this callback, too."""
    plain = ContrastiveTrainer.__init__

    def watched(self: ContrastiveTrainer, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        self.add_callback(callback)

    with mock.patch.object(ContrastiveTrainer, "__init__", watched):
        yield
