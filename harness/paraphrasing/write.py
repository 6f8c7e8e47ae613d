"""Having a model reword instructions: meta-instructions, temperatures, seeds, and filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final, Protocol, runtime_checkable

from harness.core.errors import UsageError
from harness.core.progress import NoProgress, Progress
from harness.core.records import Instruction, stable_hash
from harness.models.contract import ModelInfo, Sampling, Tokenizer
from harness.paraphrasing.filters import Filters, judge, placeholders
from harness.tasks import Task
from harness.tasks.paraphrase_bank import Bank
from perturbations import Similarity
from perturbations.labels import named_labels

META_INSTRUCTIONS: Final = (
    "Rewrite the following instruction in other words. Its meaning must stay the same.",
    "Paraphrase this instruction so that it reads as if someone else had written it.",
    "Express the request below differently, with another sentence structure.",
    "Reword the instruction below in plain and simple language.",
    "Say the following in a more formal way, without adding or leaving out anything.",
)
"""After INSTRAUG (Han et al. 2024, arXiv 2402.14492), whose meta-prompts ask for the same."""


@runtime_checkable
class Writer(Protocol):
    """A model that can draw texts."""

    info: ModelInfo
    tokenizer: Tokenizer

    def sample(
        self, contexts: Sequence[tuple[int, ...]], seeds: Sequence[int], sampling: Sampling
    ) -> list[str]:
        """One text a context, drawn by its seed alone."""
        ...


@dataclass(frozen=True, slots=True)
class ParaphraseConfig:
    """How many paraphrases are wanted and how hard they are looked for."""

    per_instruction: int = 8
    temperatures: tuple[float, ...] = (0.7, 1.0, 1.3)
    top_p: float = 0.95
    rounds: int = 4
    """Answers that are drawn for each meta-instruction at each temperature, at most."""
    seed: int = 0
    filters: Filters = field(default_factory=Filters)

    def to_dict(self) -> dict[str, Any]:
        """The settings in plain types, for a bank's provenance."""
        return {
            "seed": self.seed,
            "temperatures": list(self.temperatures),
            "top_p": self.top_p,
            "rounds": self.rounds,
            "longest": self.filters.longest,
            "min_similarity": self.filters.min_similarity,
            "nearest": self.filters.nearest,
        }


def write_paraphrases(
    model: Writer,
    task: Task,
    config: ParaphraseConfig,
    *,
    similarity: Similarity | None = None,
    progress: Progress | None = None,
) -> Bank:
    """A bank of rewordings of the task's instructions that passed every filter.

    An instruction's rewordings depend on the model, the seed and that instruction alone.

    Raises:
        UsageError: a temperature that is not above 0, or an instruction that is too long.
    """
    _check(config)
    progress = progress or NoProgress()
    progress.start(len(task.instructions) * config.per_instruction)
    rejected: Counter[str] = Counter()
    found: dict[str, tuple[str, ...]] = {}
    try:
        for instruction in task.instructions:
            progress.doing(task.name, instruction.id)
            found[instruction.id] = tuple(
                _reword(model, task, instruction, config, similarity, rejected, progress)
            )
    finally:
        progress.stop()
    return Bank(
        task=task.name,
        instructions={one.id: one.text for one in task.instructions},
        paraphrases=found,
        rejected=dict(sorted(rejected.items())),
        provenance=_provenance(model, config, similarity),
    )


def _reword(
    model: Writer,
    task: Task,
    instruction: Instruction,
    config: ParaphraseConfig,
    similarity: Similarity | None,
    rejected: Counter[str],
    progress: Progress,
) -> Iterator[str]:
    """The accepted rewordings of one instruction, in the order in which they were drawn."""
    known = list(task.paraphrases.get(instruction.id, ()))
    wanted = config.per_instruction
    for answer in _answers(model, task, instruction, config):
        judged = judge(
            answer,
            instruction.text,
            label_words=task.label_words,
            known=known,
            filters=config.filters,
            similarity=similarity,
        )
        if judged.rejected is not None:
            rejected[judged.rejected] += 1
            continue
        known.append(judged.text)
        progress.advance(1)
        yield judged.text
        wanted -= 1
        if wanted == 0:
            return


def _answers(
    model: Writer, task: Task, instruction: Instruction, config: ParaphraseConfig
) -> Iterator[str]:
    """Answers of the model, one round of all meta-instructions at all temperatures at a time."""
    contexts = [
        _context(model, meta, instruction.text, task.label_words) for meta in META_INSTRUCTIONS
    ]
    unique_tokens = len(model.tokenizer.encode([instruction.text], special=False)[0])
    for number, temperature in product(range(config.rounds), config.temperatures):
        sampling = Sampling(temperature, config.top_p, max_new_tokens=2 * unique_tokens + 16)
        seeds = [
            stable_hash(config.seed, task.name, instruction.id, meta, temperature, number, bits=56)
            for meta in range(len(contexts))
        ]
        yield from model.sample(contexts, seeds, sampling)


def _context(
    model: Writer, meta: str, instruction: str, label_words: Sequence[str]
) -> tuple[int, ...]:
    """The prompt that asks for a rewording, what must stay as it is named in it, in tokens."""
    words = sorted(named_labels(instruction, label_words))
    fixed = [f"'{word}'" for word in words] + sorted(placeholders(instruction))
    keep = f" Keep {', '.join(fixed)} exactly as written." if fixed else ""
    request = f"{meta}{keep} Answer with the new instruction alone."
    tokenizer = model.tokenizer
    if tokenizer.chat_template is None:
        prompt = f"{request}\n\nInstruction: {instruction}\nNew instruction:"
        return tuple(tokenizer.encode([prompt], special=True)[0])
    turn = {"role": "user", "content": f"{request}\n\n{instruction}"}
    return tuple(tokenizer.encode([tokenizer.render_chat([turn])], special=False)[0])


def _provenance(
    model: Writer, config: ParaphraseConfig, similarity: Similarity | None
) -> dict[str, Any]:
    return {
        "model": model.info.name,
        "fingerprint": model.info.fingerprint,
        "dtype": model.info.dtype,
        "meta_instructions": list(META_INSTRUCTIONS),
        "similarity": None if similarity is None else "all-MiniLM-L6-v2",
        **config.to_dict(),
    }


def _check(config: ParaphraseConfig) -> None:
    if not config.temperatures or min(config.temperatures) <= 0:
        raise UsageError(
            f"temperatures must be above 0, not {', '.join(map(str, config.temperatures))}.",
            hint="Type for example: --temperatures 0.7,1.0,1.3.",
        )
    if config.per_instruction < 1 or config.rounds < 1:
        raise UsageError("at least 1 paraphrase and 1 round must be asked for.")
