"""The nouns of the data flow: what each step hands to the next.

All records are frozen: a step makes new ones and never edits those it was given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, Self

Level = Literal["clean", "character", "word", "sentence", "semantic"]
PerturbedLevel = Literal["character", "word", "sentence", "semantic"]
Part = Literal["system", "instruction", "input"]
"""A part of a prompt that can be perturbed."""
Target = Literal[
    "instruction", "input", "both", "system", "system+instruction", "system+input", "all"
]
"""What a variant changes; `both` is instruction and input."""
PARTS_OF: Final[Mapping[Target, frozenset[Part]]] = MappingProxyType(
    {
        "instruction": frozenset({"instruction"}),
        "input": frozenset({"input"}),
        "both": frozenset({"instruction", "input"}),
        "system": frozenset({"system"}),
        "system+instruction": frozenset({"system", "instruction"}),
        "system+input": frozenset({"system", "input"}),
        "all": frozenset({"system", "instruction", "input"}),
    }
)
"""Target -> the parts of a prompt that it names."""
Placement = Literal["first", "last", "both"]
"""Where the instruction stands: before the input, after it, or both."""
Style = Literal["task", "role"]
StrengthName = Literal["low", "medium", "high"]
"""How much noise changes; `perturbations.strength` says how much that is."""
LeftOutReason = Literal["package", "data", "target", "language"]
Scorer = Literal["calibrated", "loglik", "generate"]
"""How a response becomes an answer: the likeliest label with calibration or without, or text."""

CLEAN: Final = "clean"
PERTURBED: Final = "perturbed"
"""What all levels but clean are called together; no level of its own."""
BLANK_LINE: Final = "\n\n"
"""What stands between an instruction and its input, unless a task says otherwise."""
PERTURBED_LEVELS: Final[tuple[Level, ...]] = ("character", "word", "sentence", "semantic")
LEVELS: Final[tuple[Level, ...]] = ("clean", *PERTURBED_LEVELS)
STRENGTH_NAMES: Final[tuple[StrengthName, ...]] = ("low", "medium", "high")
SCORERS: Final[tuple[Scorer, ...]] = ("calibrated", "loglik", "generate")
RIGHT_FROM: Final = 0.5
"""The score from which an answer counts as right, where right or wrong is asked."""


def in_level_order(levels: Iterable[str]) -> list[str]:
    """Levels from clean to semantic, each once; others after them, by name."""
    given = set(levels)
    return [*(level for level in LEVELS if level in given), *sorted(given.difference(LEVELS))]


def in_scorer_order(scorers: Iterable[str], named: Iterable[str] = ()) -> list[str]:
    """Scorers as a run named them, then in the order of `SCORERS`, then by name, each once."""
    order = list(dict.fromkeys((*named, *SCORERS)))
    given = set(scorers)
    return [*(one for one in order if one in given), *sorted(given.difference(order))]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One clean text of what the model is asked to do, without an example."""

    id: str
    style: Style
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side says in a conversation."""

    role: str
    """`system`, `user` or `assistant`; empty for a text that is no conversation."""
    content: str


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a task: its fields, the rendered input and the gold answer's name."""

    id: str
    fields: Mapping[str, object]
    """Texts, numbers, lists and objects, as the row has them; nothing for what is null."""
    input: str
    gold: str
    """A label's name; of a choice the letter that its place in the row has; of free text the first
    reference."""
    words: Mapping[str, str] = field(default_factory=_nothing)
    """Of a choice: option -> what the model is to say for it, in the order in which they stand."""
    options: Mapping[str, str] = field(default_factory=_nothing)
    """Of a choice: option -> its text, in the order in which they stand."""
    references: tuple[str, ...] = ()
    """Of free text: the answers of which any one is right."""
    turns: tuple[Turn, ...] = ()
    """Of a conversation: its turns, which a chat shows as such; `input` is its transcript."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change: characters `start:end` of the original held `before` and now read `after`.

    An insertion has `start == end` and an empty `before`; a deletion has an empty `after`.
    """

    start: int
    end: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Validity:
    """How far a variant is from its original, and whether what must not change did not."""

    words_changed: float
    """Share of the original's words that differ, in [0, 1]."""
    char_distance: int
    """Levenshtein distance in characters."""
    protected_intact: bool
    similarity: float | None = None
    """Cosine of sentence embeddings, where an encoder was asked for."""


SemanticSource = Literal["rules", "bank", "model"]
"""`rules` rebuild a sentence, a `bank` was written by people, a `model` wrote its own words."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One instruction text that is evaluated on every example of its task."""

    id: str
    task: str
    level: Level
    perturbation: str
    instruction_id: str
    index: int
    seed: int
    text: str
    original: str
    edits: tuple[Edit, ...] = ()
    validity: Validity | None = None
    target: Target = "instruction"
    semantic_source: SemanticSource | None = None
    """Where a rewording at the semantic level comes from; None at other levels."""
    strength: StrengthName | None = None
    """How strong its noise is; None for a perturbation that knows no strength."""
    system: str = ""
    """The perturbed system text, where it is perturbed beside something else; where it is all that
    is perturbed, it is `text`."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A perturbation that belongs to what was asked for and cannot be applied here."""

    name: str
    level: Level
    reason: LeftOutReason
    """A package or a data file is missing, or it makes no sense on what is perturbed."""
    need: str
    """The package, the file of the data folder, the target, or the language it is made for."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One variant on one example: the unit of work and of resuming."""

    variant: Variant
    example: Example


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked for one cell: in tokens, or in text where it takes no tokens.

    `context` is shared by all labels; `continuations` maps a label to the tokens that follow it.
    Together they are exactly the tokens of the full prompt text, also across the seam.
    """

    context: tuple[int, ...] = ()
    continuations: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    turns: tuple[Turn, ...] = ()
    """The prompt of a model that takes text; then there are neither context nor continuations."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """Label -> the text that follows `turns`."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a model answered to one request."""

    scores: Mapping[str, float] | None = None
    """Label -> summed log-likelihood in nats of its continuation given the context."""
    text: str | None = None
    """Greedily generated text, where generation was asked for."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One sampled answer to a cell."""

    prediction: str | None
    """None where nothing could be read."""
    score: float
    text: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One scored cell: a row of the table `samples`.

    Of several draws the score is their mean, and the answer the most frequent one.
    """

    variant_id: str
    example_id: str
    task: str
    level: Level
    perturbation: str
    instruction_id: str
    gold: str
    prediction: str | None
    score: float
    """In [0, 1]; of a label 1 where it is the gold one, else 0."""
    parsed: bool
    scorer: str
    scores: Mapping[str, float] | None = None
    text: str | None = None
    draws: tuple[Draw, ...] = ()
    """Of a cell that was asked at a temperature."""

    @classmethod
    def of(
        cls,
        variant: Variant,
        example: Example,
        *,
        prediction: str | None,
        score: float,
        scorer: str,
        scores: Mapping[str, float] | None = None,
        text: str | None = None,
    ) -> Self:
        """The sample of a variant on an example; without a prediction nothing could be read."""
        return cls(
            variant_id=variant.id,
            example_id=example.id,
            task=variant.task,
            level=variant.level,
            perturbation=variant.perturbation,
            instruction_id=variant.instruction_id,
            gold=example.gold,
            prediction=prediction,
            score=score,
            parsed=prediction is not None,
            scorer=scorer,
            scores=scores,
            text=text,
        )

    @property
    def correct(self) -> bool:
        """Whether the answer counts as right."""
        return self.score >= RIGHT_FROM


def stable_hash(*parts: object, bits: int = 64) -> int:
    """An integer of `bits` bits that depends on the parts alone, on any machine and Python."""
    payload = "\x1f".join(str(part) for part in parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(payload, digest_size=bits // 8).digest(), "big")


def stable_id(*parts: object) -> str:
    """A 16-character hexadecimal identifier of the parts."""
    return f"{stable_hash(*parts, bits=64):016x}"
