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
from typing import Final, Literal, get_args

from harness.core.errors import UsageError
from harness.core.records import SCORERS, Scorer
from harness.evaluation.config import RunConfig
from harness.evaluation.plan import Block, Plan
from harness.models.contract import Model, Offer
from harness.prompting.prompts import choose_layout
from harness.tasks import Task

RequestKind = Literal["likelihood", "text"]
REQUEST_KINDS: Final[tuple[RequestKind, ...]] = get_args(RequestKind)

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

    def of(self, task: Task) -> tuple[Scorer, ...]:
        """The scorers that read a task's answers, the one that its numbers come from first.

        A task that none of the run's can read is read by its own.
        """
        own = tuple(one for one in self.scorers if one in task.scorers)
        return own or task.scorers[:1]

    def writes(self, task: Task) -> bool:
        """Whether a model writes the answers that a task's numbers come from."""
        return request_kind(self.of(task)[0]) == "text"

    def narrow(self, block: Block, kind: RequestKind) -> Block:
        """The block with the examples that requests of this kind are asked on; none where none."""
        own = self.of(block.task)
        if kind not in map(request_kind, own):
            return replace(block, examples=())
        only = self.beside.get(block.task.name)
        if only is None or kind == request_kind(own[0]):
            return block
        return replace(block, examples=tuple(one for one in block.examples if one.id in only))

    def answering(self, task: Task) -> tuple[Scorer, ...]:
        """One scorer per kind of request: whose samples are as many as the answers."""
        first = {request_kind(scorer): scorer for scorer in reversed(self.of(task))}
        return tuple(first.values())

    def count_answers(self, blocks: Iterable[Block]) -> int:
        """How many answers the blocks need; those to content-free inputs are not counted."""
        return sum(len(self.narrow(block, kind)) for block in blocks for kind in REQUEST_KINDS)


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
    if config.temperature > 0:
        return config.model_copy(update={"scorers": ("generate",), "scorer_share": 1.0}), ()
    if config.scorers:
        return config.model_copy(update={"scorer_share": config.scorer_share or 1.0}), ()
    readable = tuple(one for one in SCORERS if any(one in task.scorers for task in tasks))
    # What most scorers can read decides: a run's headline number is read from it.
    deciding = [task for task in tasks if readable[0] in task.scorers]
    named = _named_by_tasks(deciding, readable[0])
    calibrates = readable[0] == "calibrated" and named != "calibrated"
    notes = tuple(_calibration_notes(deciding)) if calibrates else ()
    primary = named or ("loglik" if notes else readable[0])
    others = [one for one in readable if one != primary and not (notes and one == "calibrated")]
    share = config.scorer_share or BESIDE_SHARE
    return config.model_copy(update={"scorers": (primary, *others), "scorer_share": share}), notes


def fit_scorers(
    config: RunConfig, tasks: Sequence[Task], model: Model, *, named: bool
) -> tuple[RunConfig, tuple[str, ...]]:
    """Leave out the scorers that a model offers no likelihoods for.

    Args:
        config: The configuration, its scorers decided.
        tasks: What is asked.
        model: The model, whose offer decides.
        named: Whether the user chose the scorers.

    Returns:
        The configuration, and a note where something was left out.

    Raises:
        UsageError: nothing of what the user chose can be had.
    """
    offer = model.info.offer
    in_chat = choose_layout(config.prompt_format, model.tokenizer) == "chat"
    _check_lengths_known(tasks, offer)
    left = tuple(one for one in config.scorers if request_kind(one) == "text")
    if offer.scores(in_chat=in_chat) or left == config.scorers:
        return config, ()
    missing = ", ".join(one for one in config.scorers if one not in left)
    why = _describe_missing(offer, in_chat=in_chat)
    if named and not left:
        raise UsageError(f"--scorer {missing}: {why}.", hint="Type: --scorer generate")
    fitted = config.model_copy(update={"scorers": ("generate",), "scorer_share": 1.0})
    return fitted, (f"answers are read from generated text alone: {why}.",)


def _describe_missing(offer: Offer, *, in_chat: bool) -> str:
    tried = ", ".join(f"{one.what} {one.outcome}" for one in offer.trials)
    if in_chat and offer.scores(in_chat=False):
        return (
            "the server lays out chats itself, and has label likelihoods with --prompt-format "
            f"plain alone (tried: {tried})"
        )
    return f"the server has no label likelihoods (tried: {tried})"


def _check_lengths_known(tasks: Sequence[Task], offer: Offer) -> None:
    for task in tasks:
        per_token = task.choices is not None and task.choices.normalize == "token"
        if per_token and offer.likelihood == "exact" and offer.prompt == "text":
            raise UsageError(
                f"task {task.name!r} divides likelihoods by tokens (normalize: token), and the "
                "server does not show its tokens.",
                hint="Write: normalize: byte",
            )


def plan_scorers(config: RunConfig, plan: Plan) -> ScorerPlan:
    """The scorers of a configuration whose scorers are decided, with the examples of each."""
    share = config.scorer_share or 1.0
    scorers = ScorerPlan(config.scorers)
    beside = {
        task.name: _first_examples(task, share)
        for task in plan.tasks
        if share < 1 and len(scorers.answering(task)) > 1
    }
    return ScorerPlan(config.scorers, beside)


def _first_examples(task: Task, share: float) -> frozenset[str]:
    count = max(ceil(share * len(task.examples)), FEWEST_BESIDE)
    return frozenset(task.examples[place].id for place in task.draw_order[:count])


def _named_by_tasks(tasks: Sequence[Task], default: Scorer) -> Scorer | None:
    """The scorer that the tasks' files name; None where none does."""
    by_scorer = {task.scorer or default: task.name for task in tasks}
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
