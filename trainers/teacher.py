"""A teacher: the mean of the weights that a model in training has had, weighted to the latest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.func import functional_call

TEACHER_FILE: Final = "teacher.safetensors"
"""In a checkpoint to resume from; the trained model has no such file."""


class Teacher:
    """An exponential moving average of a model's trained weights (Mean Teacher, arXiv 1703.01780).

    After step t every weight becomes a w + (1 - a) v, with v the student's and a the smaller of the
    decay and 1 - 1 / (t + 1): in the first steps it is the plain mean of all weights so far, the
    first ones included, since a mean of few must not hang on where training began.

    Only what is trained is kept: of a LoRA the adapter, whose frozen base both share. The average
    is of the two factors, and so the teacher is a model of the same form.

    Example:
        >>> model = nn.Linear(1, 1, bias=False)
        >>> with torch.no_grad(): _ = model.weight.fill_(0.0)
        >>> teacher = Teacher(model, decay=0.9)
        >>> with torch.no_grad(): _ = model.weight.fill_(1.0)
        >>> teacher.update(model, step=1)  # a = 1/2
        >>> teacher.weights["weight"].item()
        0.5
    """

    def __init__(self, model: nn.Module, *, decay: float) -> None:
        """Begin with the model's weights.

        Args:
            model: the student, without wrappers.
            decay: what a long training's average keeps of itself in a step, below 1.
        """
        self._decay = decay
        self.weights = {name: value.detach().clone() for name, value in _trained(model).items()}

    @torch.no_grad()
    def update(self, model: nn.Module, *, step: int) -> None:
        """Take in the student's weights after the optimiser's step number `step`, from 1."""
        kept = min(self._decay, 1 - 1 / (step + 1))
        for name, value in _trained(model).items():
            self.weights[name].lerp_(value.detach().to(self.weights[name].dtype), 1 - kept)

    def standing_in(self, model: nn.Module) -> Callable[..., Any]:
        """The model with the teacher's weights, to be called like it; the model stays as it is."""

        def call(**inputs: object) -> object:
            return functional_call(model, self.weights, kwargs=inputs)

        return call

    def save(self, folder: Path) -> None:
        """Write the weights into a checkpoint."""
        save_file(
            {name: value.contiguous() for name, value in self.weights.items()},
            folder / TEACHER_FILE,
        )

    def load(self, folder: Path) -> None:
        """Go on with the weights of a checkpoint."""
        for name, value in load_file(folder / TEACHER_FILE).items():
            self.weights[name].copy_(value)


def _trained(model: nn.Module) -> dict[str, Tensor]:
    return {name: value for name, value in model.named_parameters() if value.requires_grad}
