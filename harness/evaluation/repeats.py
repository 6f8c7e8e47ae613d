"""Repeats: how often a cell is drawn at a temperature, each time by a seed of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.errors import UsageError
from harness.core.records import Cell, Scorer, stable_hash
from harness.evaluation.config import RunConfig
from harness.models.contract import DrawingModel, Model


@dataclass(frozen=True, slots=True)
class CellSampling:
    """How the answers of a cell are drawn."""

    temperature: float
    """Above 0; what logits are divided by."""
    repeats: int
    """Draws per cell."""
    seed: int
    """Of the run."""

    def seed_of(self, cell: Cell, repeat: int) -> int:
        """What a draw follows from beside its prompt: neither its batch nor the order of cells."""
        return stable_hash(self.seed, cell.variant.id, cell.example.id, "draw", repeat)


def sampling_of(config: RunConfig) -> CellSampling | None:
    """How a run draws its texts; None where it is greedy."""
    if config.temperature == 0:
        return None
    return CellSampling(config.temperature, config.repeats, config.seed)


def check_sampling(temperature: float, repeats: int, scorers: Sequence[Scorer]) -> None:
    """Validate that what is asked of sampling makes sense.

    Raises:
        UsageError: repeats of greedy text, or a scorer that reads likelihoods, which are no draws.
    """
    if repeats > 1 and temperature == 0:
        raise UsageError(
            f"--repeats {repeats} without --temperature: greedy text is the same every time.",
            hint=f"Type: --temperature 0.7 --repeats {repeats}, or leave --repeats out.",
        )
    others = [scorer for scorer in scorers if scorer != "generate"]
    if temperature > 0 and others:
        raise UsageError(
            f"--temperature {temperature:g} draws text, and the scorer {others[0]} reads "
            "likelihoods, which are the same every time.",
            hint="Type: --scorer generate.",
        )


def drawing(model: Model) -> DrawingModel:
    """The model as one that draws texts.

    Raises:
        UsageError: it only answers greedily.
    """
    if not isinstance(model, DrawingModel):
        raise UsageError(
            f"--temperature: {model.info.name} answers greedily here and draws no texts.",
            hint="Leave --temperature out, or name a model that is loaded here.",
        )
    return model
