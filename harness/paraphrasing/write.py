"""Having a model reword a task's instructions: part by part, kept as it goes, resumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Final

from harness.core.errors import UsageError
from harness.core.progress import NoProgress, Progress
from harness.paraphrasing.ask import ANSWERS, EXAMPLES, REQUEST, Writer, draw_answers
from harness.paraphrasing.clauses import Part, take_apart
from harness.paraphrasing.compose import compose
from harness.paraphrasing.filters import Filters, judge_part
from harness.tasks import Task
from harness.tasks.paraphrase_bank import Bank
from perturbations import Similarity

ENCODER: Final = "all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class ParaphraseConfig:
    """How many paraphrases are wanted and how hard they are looked for."""

    per_instruction: int = 8
    temperatures: tuple[float, ...] = (0.5, 0.8, 1.0)
    top_p: float = 0.95
    rounds: int = 4
    """Draws per part and temperature, at most."""
    seed: int = 0
    filters: Filters = field(default_factory=Filters)

    @property
    def draws(self) -> int:
        """Draws per part, at most."""
        return self.rounds * len(self.temperatures)

    def to_dict(self) -> dict[str, object]:
        """The settings in plain types, for a bank's provenance."""
        return {
            "seed": self.seed,
            "temperatures": list(self.temperatures),
            "top_p": self.top_p,
            "longest": self.filters.longest,
            "min_similarity": self.filters.min_similarity,
            "max_kept": self.filters.max_kept,
            "nearest": self.filters.nearest,
        }


def write_paraphrases(
    model: Writer,
    task: Task,
    config: ParaphraseConfig,
    *,
    similarity: Similarity | None = None,
    progress: Progress | None = None,
    begun: Bank | None = None,
    save: Callable[[Bank], None] | None = None,
) -> Bank:
    """A bank of rewordings of the task's instructions that passed every filter.

    Instructions are taken in turn, one draw each, so that a run that is stopped has something of
    all of them. What comes of an instruction depends on the model, the seed and that instruction.

    Args:
        model: the model that rewords.
        task: whose instructions.
        config: how many, and how hard to try.
        similarity: the sentence encoder for the filter of meaning, or None for no such filter.
        progress: told of each paraphrase.
        begun: a bank of the same model and settings, to go on from.
        save: called with the bank so far after each draw.

    Returns:
        The bank.

    Raises:
        UsageError: a temperature that is not above 0, or `begun` is of another model or settings.
    """
    _check(config)
    provenance = _provenance(model, config, similarity)
    if begun is not None and (begun.task != task.name or dict(begun.provenance) != provenance):
        raise UsageError(
            "the bank that is there was made of another task, by another model or with other "
            "settings.",
            hint="Type: --fresh to make it anew, or --out FILE for another one.",
        )
    progress = progress or NoProgress()
    progress.start(len(task.instructions) * config.per_instruction, unit="paraphrases")
    progress.note(f"{model.info.name} rewords {len(task.instructions)} instructions of {task.name}")
    try:
        work = _Work(model, task, config, similarity, progress, provenance, begun)
        for number in range(config.draws):
            for instruction_id in work.unfinished(number):
                work.draw(instruction_id, number)
                if save is not None:
                    save(work.bank())
    finally:
        progress.stop()
    return work.bank()


class _Work:
    """The parts of a task's instructions, their rewordings so far, and what they add up to."""

    def __init__(
        self,
        model: Writer,
        task: Task,
        config: ParaphraseConfig,
        similarity: Similarity | None,
        progress: Progress,
        provenance: dict[str, object],
        begun: Bank | None,
    ) -> None:
        self._model, self._task, self._config = model, task, config
        self._similarity, self._progress, self._provenance = similarity, progress, provenance
        self._parts = {one.id: take_apart(one.text, task.label_words) for one in task.instructions}
        self._rewordings = {p: list(texts) for p, texts in begun.parts.items()} if begun else {}
        self._drawn = Counter(begun.drawn if begun else {})
        self._rejected = Counter(begun.rejected if begun else {})
        self._found: dict[str, list[str]] = {one.id: [] for one in task.instructions}
        for one in task.instructions:
            self._compose(one.id)

    def unfinished(self, number: int) -> list[str]:
        """Instructions that lack paraphrases and have a part that was not drawn so often yet."""
        return [
            name
            for name, found in self._found.items()
            if len(found) < self._config.per_instruction
            and any(self._drawn[part.text] <= number for part in self._free(name))
        ]

    def draw(self, instruction_id: str, number: int) -> None:
        """One draw for each free part of an instruction that has not had it."""
        self._progress.doing(self._task.name, instruction_id)
        for part in self._free(instruction_id):
            if self._drawn[part.text] <= number:
                self._draw_part(part, number)
        self._compose(instruction_id)
        found = len(self._found[instruction_id])
        answers = sum(self._drawn[part.text] for part in self._free(instruction_id)) * ANSWERS
        self._progress.note(f"{instruction_id}: {found} paraphrases of {answers} answers")

    def bank(self) -> Bank:
        """What is there so far."""
        return Bank(
            task=self._task.name,
            instructions={one.id: one.text for one in self._task.instructions},
            paraphrases={name: tuple(texts) for name, texts in self._found.items()},
            rejected=dict(sorted(self._rejected.items())),
            provenance=self._provenance,
            parts={part: tuple(texts) for part, texts in self._rewordings.items()},
            drawn=dict(self._drawn),
        )

    def _free(self, instruction_id: str) -> list[Part]:
        return [part for part in self._parts[instruction_id] if part.free]

    def _draw_part(self, part: Part, number: int) -> None:
        config = self._config
        answers = draw_answers(
            self._model,
            part.text,
            number,
            temperature=config.temperatures[number % len(config.temperatures)],
            top_p=config.top_p,
            seed=config.seed,
        )
        kept = self._rewordings.setdefault(part.text, [])
        for answer in answers:
            judged = judge_part(
                answer,
                part.text,
                label_words=self._task.label_words,
                known=kept,
                filters=config.filters,
                similarity=self._similarity,
            )
            if judged.rejected is None:
                kept.append(judged.text)
            else:
                self._rejected[judged.rejected] += 1
        self._drawn[part.text] = number + 1

    def _compose(self, instruction_id: str) -> None:
        before = len(self._found[instruction_id])
        text = next(one.text for one in self._task.instructions if one.id == instruction_id)
        self._found[instruction_id] = compose(
            text,
            self._parts[instruction_id],
            self._rewordings,
            wanted=self._config.per_instruction,
            label_words=self._task.label_words,
            known=self._task.paraphrases.get(instruction_id, ()),
            filters=self._config.filters,
            similarity=self._similarity,
            seed=self._config.seed,
        )
        self._progress.advance(max(0, len(self._found[instruction_id]) - before))


def _provenance(
    model: Writer, config: ParaphraseConfig, similarity: Similarity | None
) -> dict[str, object]:
    return {
        "model": model.info.name,
        "fingerprint": model.info.fingerprint,
        "dtype": model.info.dtype,
        "request": REQUEST,
        "examples": [list(example) for example in EXAMPLES],
        "similarity": None if similarity is None else ENCODER,
        **config.to_dict(),
    }


def _check(config: ParaphraseConfig) -> None:
    if not config.temperatures or not all(0 < one < inf for one in config.temperatures):
        raise UsageError(
            f"temperatures must be above 0, not {', '.join(map(str, config.temperatures))}.",
            hint="Type for example: --temperatures 0.5,0.8,1.0.",
        )
    if config.per_instruction < 1 or config.rounds < 1:
        raise UsageError("at least 1 paraphrase and 1 round must be asked for.")
