"""Which wordings and which perturbations are trained on, and which are kept for the test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from harness.core.errors import UsageError
from harness.core.records import PERTURBED_LEVELS, Style, stable_hash, stable_id
from harness.tasks import Task
from perturbations import Perturbation
from perturbations.labels import keeps_labels

ENOUGH: Final = 24
"""Wordings from which on no model is asked for more; the experiment's best arms had 27."""
FEWEST_TRAINED: Final = 4
FEWEST_HELD: Final = 3
"""Fewer instructions than three have no interval over instructions."""
FEWEST_WORDINGS: Final = FEWEST_TRAINED + FEWEST_HELD
MOST_HELD: Final = 9
"""More of them would take the test's cells from examples."""
HELD_PER_LEVEL: Final = 2
FEWEST_FAMILIES: Final = 3
"""From so many instructions on, whole ones are held out, each with all of its rewordings."""
DRAWS_OTHER_WORDINGS: Final = "paraphrase"
"""The perturbation that stands for another wording: wordings have a split of their own."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One text of a task's instruction: the instruction itself, or a rewording of it."""

    text: str
    family: str
    """The id of the instruction that it is, or rewords."""
    style: Style = "task"

    @property
    def id(self) -> str:
        """What it is called where it is evaluated."""
        return f"held-{stable_id(self.text)[:8]}"


@dataclass(frozen=True, slots=True)
class WordingSplit:
    """The wordings of a task, parted."""

    trained: tuple[Wording, ...]
    held: tuple[Wording, ...]
    """Seen by no training."""
    by_family: bool
    """Whether no held-out wording rewords an instruction that is trained on."""


@dataclass(frozen=True, slots=True)
class PerturbationSplit:
    """The perturbations that apply here, parted; by name."""

    trained: tuple[str, ...]
    held: tuple[str, ...]
    """Seen by no training."""


def collect_wordings(task: Task) -> tuple[Wording, ...]:
    """A task's instructions, each before its rewordings, every text once.

    A rewording that leaves out a label word which its instruction names asks for something else,
    and is left out.
    """
    found: dict[str, Wording] = {}
    for one in task.instructions:
        for text in (one.text, *task.paraphrases.get(one.id, ())):
            if keeps_labels(one.text, text, task.label_words):
                found.setdefault(text.strip(), Wording(text.strip(), one.id, one.style))
    return tuple(found.values())


def split_wordings(wordings: Sequence[Wording], *, seed: int) -> WordingSplit:
    """Hold out a third of the wordings: whole instructions and their rewordings, if possible.

    Args:
        wordings: those of one task, every text once.
        seed: decides which are held out.

    Returns:
        The split. At least four are trained on and three to nine held out; of the families held
        out, the wordings beyond nine are in neither part.

    Raises:
        UsageError: there are too few.
    """
    if len(wordings) < FEWEST_WORDINGS:
        raise UsageError(
            f"{len(wordings)} wordings of the instruction cannot be split: {FEWEST_WORDINGS} are "
            f"needed, {FEWEST_TRAINED} to train on and {FEWEST_HELD} to test with.",
            hint="Write more under `instructions:`, or type: --bank FILE, or --reworder MODEL.",
        )
    rng = Random(stable_hash(seed, "hold out wordings"))
    families = list(dict.fromkeys(one.family for one in wordings))
    held = _whole_families(wordings, families, rng) if len(families) >= FEWEST_FAMILIES else None
    if held is not None:
        own = [one for one in wordings if one.family in held]
        trained = tuple(one for one in wordings if one.family not in held)
        return WordingSplit(trained, _in_turn(own), by_family=True)
    number = min(max(FEWEST_HELD, len(wordings) // 3), MOST_HELD)
    # The first of each family is the instruction itself, and stays in training.
    heads = {one.family: one for one in reversed(wordings)}
    others = [one for one in wordings if heads[one.family] is not one]
    pool = others if len(others) >= number else list(wordings)
    chosen = set(rng.sample(pool, number))
    return WordingSplit(
        tuple(one for one in wordings if one not in chosen),
        tuple(one for one in wordings if one in chosen),
        by_family=False,
    )


def _whole_families(
    wordings: Sequence[Wording], families: Sequence[str], rng: Random
) -> frozenset[str] | None:
    """About a third of the families, if enough wordings are then on both sides; else None."""
    for number in range(max(1, round(len(families) / 3)), len(families)):
        held = frozenset(rng.sample(families, number))
        inside = sum(one.family in held for one in wordings)
        if inside >= FEWEST_HELD and len(wordings) - inside >= FEWEST_TRAINED:
            return held
    return None


def _in_turn(held: Sequence[Wording]) -> tuple[Wording, ...]:
    """Nine of them at most, families in turn, those that people wrote before a model's."""
    queues: dict[str, list[Wording]] = {}
    for one in held:
        queues.setdefault(one.family, []).append(one)
    longest = max(map(len, queues.values()))
    turns = [own[n] for n in range(longest) for own in queues.values() if n < len(own)]
    return tuple(turns[:MOST_HELD])


def split_perturbations(chosen: Iterable[Perturbation], *, seed: int) -> PerturbationSplit:
    """Hold out two perturbations of each level, one where it has no more than two.

    Args:
        chosen: those that apply here, such as the core sets of all levels.
        seed: decides which are held out.

    Raises:
        UsageError: no level has two.
    """
    by_level: dict[str, list[str]] = {level: [] for level in PERTURBED_LEVELS}
    for one in chosen:
        # What arranges the options of a choice changes no instruction.
        if one.name != DRAWS_OTHER_WORDINGS and not one.arrange:
            by_level[one.level].append(one.name)
    held: list[str] = []
    for level, names in by_level.items():
        number = min(HELD_PER_LEVEL, len(names) // 2)
        rng = Random(stable_hash(seed, "hold out perturbations", level))
        held += rng.sample(sorted(names), number)
    if not held:
        raise UsageError(
            "no level has two perturbations that apply here, so none can be held out.",
            hint="Type: harness list perturbations.",
        )
    everything = [name for names in by_level.values() for name in names]
    return PerturbationSplit(tuple(n for n in everything if n not in held), tuple(held))
