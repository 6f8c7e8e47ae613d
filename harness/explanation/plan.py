"""What an explanation is of: a run, one beside it, their pairs of cells. No model is loaded yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.records import CLEAN
from harness.explanation.choose import (
    AnswerChoice,
    Choice,
    Pair,
    cells_of_pairs,
    choose_pairs,
)
from harness.explanation.explainable import check_explainable
from harness.explanation.store import ATTRIBUTIONS, Key, Scope, read_attributions
from harness.results.kinds import open_tasks
from harness.results.primary import primary_samples
from harness.results.rundir import Run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class ExplanationPlan:
    """Pairs of cells, and the runs whose models answer them."""

    run: Run
    tuned: Run | None
    """A run of another model on the same cells, explained beside the first."""
    pairs: tuple[Pair, ...]
    answers: AnswerChoice
    choice: Choice
    layers: bool = False
    """Whether the layers of the second run's model are compared with those of the first's."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs, the one that is explained first."""
        return (self.run,) if self.tuned is None else (self.run, self.tuned)

    @property
    def keys(self) -> tuple[Key, ...]:
        """The cells, each once: every perturbed one and its clean twin."""
        return cells_of_pairs(self.pairs)

    @property
    def checked(self) -> tuple[Key, ...]:
        """The perturbed cells on which the explanation itself is tested."""
        sampled = [pair for pair in self.pairs if pair.is_sampled]
        return tuple(one.key for one in sampled[: self.choice.checked])

    def done(self, run: Run) -> int:
        """How many of a run's cells are explained already."""
        there = read_attributions(self.run.path / ATTRIBUTIONS, scope_of(run, self.answers))
        return sum(key in there for key in self.keys)


def plan_explanation(
    run: Run,
    tuned: Run | None,
    choice: Choice,
    answers: AnswerChoice,
    *,
    layers: bool = False,
) -> ExplanationPlan:
    """Choose the cells, from what the runs have answered.

    Args:
        run: The run to explain.
        tuned: A run of a model that was made from the first one's, on the same cells.
        choice: Which cells.
        answers: Whose answers.
        layers: Whether the layers of the two models are compared, too.

    Raises:
        UsageError: a run whose model returns no gradients, runs without a common cell, names that
            the run does not have, or layers to compare of one model.
    """
    if layers and tuned is None:
        raise UsageError(
            "--layers compares the layers of two models, and there is one.",
            hint="Give the run of a model that was tuned from this one: --tuned RUN.",
        )
    for one in (run, tuned):
        if one is not None:
            check_explainable(one)
    if tuned is not None and tuned.path.resolve() == run.path.resolve():
        raise UsageError(
            f"--tuned {tuned.path} is the run itself.", hint="Give a run of another model."
        )
    samples = primary_samples(run)
    if tuned is not None:
        samples = _common(samples, run, tuned)
    pairs = choose_pairs(samples, choice, open_tasks(run.manifest["tasks"]))
    return ExplanationPlan(run, tuned, tuple(pairs), answers, choice, layers)


def scope_of(run: Run, answers: AnswerChoice) -> Scope:
    """Whose attributions are a run's."""
    return Scope(str(run.manifest["content"]["model"]), answers)


def _common(samples: pd.DataFrame, run: Run, tuned: Run) -> pd.DataFrame:
    """The run's samples of cells that the other has too, with the same text on the same example."""
    texts = [{one.id: one.text for one in of.variant_records if one.text} for of in (run, tuned)]
    same = {key for key, text in texts[0].items() if texts[1].get(key) == text}
    hashes = [of.examples.set_index(["task", "id"])["hash"].to_dict() for of in (run, tuned)]
    alike = {key for key, content in hashes[0].items() if hashes[1].get(key) == content}
    there = primary_samples(tuned)
    asked = set(zip(map(str, there["variant_id"]), map(str, there["example_id"]), strict=True))
    kept = [
        variant in same and (task, example) in alike and (variant, example) in asked
        for task, variant, example in zip(
            map(str, samples["task"]), map(str, samples["variant_id"]),
            map(str, samples["example_id"]), strict=True,
        )
    ]  # fmt: skip
    common = samples[kept]
    if not (common["level"] != CLEAN).any():
        raise UsageError(
            f"{tuned.path} has no perturbed cell in common with {run.path}: another task, other "
            "variants, or other examples.",
            hint="Repeat the first run's command with the tuned model and another --out.",
        )
    return common
