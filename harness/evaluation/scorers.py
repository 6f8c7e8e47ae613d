"""The scorers of a run: which one the headline speaks of, and on which examples each is asked.

Likelihoods answer for two scorers at once, with calibration and without; generated text is another
request. The requests of the first scorer are asked on every cell of the design, the others may be
asked on fewer examples, the first that the task draws: what they are for is to show whether the
verdict hangs on the scorer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from types import MappingProxyType
from typing import Final, Literal

from harness.core.errors import UsageError
from harness.core.records import SCORERS, Scorer
from harness.evaluation.config import RunConfig
from harness.evaluation.plan import Block, Plan
from harness.tasks import Task

RequestKind = Literal["likelihood", "text"]

DEFAULT_SCORER: Final[Scorer] = "calibrated"
BESIDE_SHARE: Final = 0.2
"""Of the examples, for scorers that nobody asked for and that need requests of their own."""
FEWEST_BESIDE: Final = 10
"""Examples per task that such scorers are asked on at least."""


@dataclass(frozen=True, slots=True)
class ScorerPlan:
    """Which scorers read a run's answers, and what they are asked on."""

    scorers: tuple[Scorer, ...]
    """The one that the headline speaks of first."""
    beside: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    """Task name -> ids of the only examples for requests of another kind than the first scorer's;
    a task without an entry has them all."""

    @property
    def primary(self) -> Scorer:
        """The scorer that the headline speaks of."""
        return self.scorers[0]

    @property
    def kinds(self) -> tuple[RequestKind, ...]:
        """The kinds of requests that the scorers need, each once."""
        return tuple(dict.fromkeys(request_kind(scorer) for scorer in self.scorers))

    def narrow(self, block: Block, kind: RequestKind) -> Block:
        """The block with the examples that requests of this kind are asked on."""
        only = self.beside.get(block.task.name)
        if only is None or kind == request_kind(self.primary):
            return block
        return replace(block, examples=tuple(one for one in block.examples if one.id in only))

    @property
    def answering(self) -> tuple[Scorer, ...]:
        """One scorer per kind of request: whose samples are as many as the answers."""
        first = {request_kind(scorer): scorer for scorer in reversed(self.scorers)}
        return tuple(first.values())

    def count_answers(self, blocks: Iterable[Block]) -> int:
        """How many answers the blocks need; those to content-free inputs are not counted."""
        return sum(len(self.narrow(block, kind)) for block in blocks for kind in self.kinds)


def request_kind(scorer: Scorer) -> RequestKind:
    """What a scorer asks a model for."""
    return "text" if scorer == "generate" else "likelihood"


def choose_scorers(config: RunConfig, tasks: Sequence[Task]) -> tuple[RunConfig, tuple[str, ...]]:
    """Decide which scorers a run has where the user did not.

    Returns:
        The configuration with its scorers and their share, and notes on what could not be had.

    Raises:
        UsageError: the tasks' files name different scorers.
    """
    if config.scorers:
        return config.model_copy(update={"scorer_share": config.scorer_share or 1.0}), ()
    named = _named_by_tasks(tasks)
    notes = () if named == "calibrated" else tuple(_calibration_notes(tasks))
    primary = named or ("loglik" if notes else DEFAULT_SCORER)
    others = [one for one in SCORERS if one != primary and not (notes and one == "calibrated")]
    share = config.scorer_share or BESIDE_SHARE
    return config.model_copy(update={"scorers": (primary, *others), "scorer_share": share}), notes


def plan_scorers(config: RunConfig, plan: Plan) -> ScorerPlan:
    """The scorers of a configuration whose scorers are decided, with the examples of each."""
    share = config.scorer_share or 1.0
    several = len({request_kind(scorer) for scorer in config.scorers}) > 1
    beside = {task.name: _first_examples(task, share) for task in plan.tasks}
    return ScorerPlan(config.scorers, beside if several and share < 1 else {})


def _first_examples(task: Task, share: float) -> frozenset[str]:
    count = max(ceil(share * len(task.examples)), FEWEST_BESIDE)
    return frozenset(task.examples[place].id for place in task.draw_order[:count])


def _named_by_tasks(tasks: Sequence[Task]) -> Scorer | None:
    """The scorer that the tasks' files name; None where none does."""
    by_scorer = {task.scorer or DEFAULT_SCORER: task.name for task in tasks}
    if len(by_scorer) > 1:
        named = ", ".join(f"{name}: {scorer}" for scorer, name in by_scorer.items())
        raise UsageError(
            f"the tasks' files name different scorers ({named}), and one number over all tasks "
            "needs one.",
            hint=f"Type: --scorer {next(iter(by_scorer))}, or run the tasks apart.",
        )
    return next((task.scorer for task in tasks), None)


def _calibration_notes(tasks: Sequence[Task]) -> Iterator[str]:
    """Why calibration cannot be had, per task whose template fails on content-free inputs."""
    for task in tasks:
        try:
            task.content_free_inputs()
        except UsageError as error:
            yield f"answers are not calibrated: {error.message}"
