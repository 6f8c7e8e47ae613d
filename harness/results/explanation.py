"""explanation.json: what `harness explain` found in a run, for the report and for Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter, ValidationError

from harness.core.errors import UsageError
from harness.results.jsonfiles import read_content
from harness.results.layer_changes import LayerChanges
from harness.results.quantity import Count, Number, Quantity

EXPLANATION: Final = "explanation.json"
"""The file in a run's directory."""
EXPLANATION_VERSION: Final = 1
SANITY: Final = 0.5
"""Rank correlation with a model of shuffled weights from which an explanation is none."""

Measure = Literal[
    "instruction", "input", "labels", "inserted", "changed", "shift",
    "instruction_share", "input_share", "share_shift", "score",
]  # fmt: skip
"""What is measured of a group of cells.

`instruction`, `input`, `labels`, `inserted`, `changed`: mean density of a cell's words there.
`shift`: change of the mean density of the instruction's unchanged words, against the clean twin.
`instruction_share`, `input_share`: share of the positive importance. `share_shift`: change of the
share of the unchanged words. `score`: the instruction score.
"""
Fate = Literal["kept", "changed", "inserted"]
"""Of a variant's word: it stands in the original too, came out of one, or was added."""
WordPart = Literal["system", "instruction", "input", "layout", "special"]


@dataclass(frozen=True, slots=True)
class GroupMeasures:
    """What was measured over the sampled cells of a level or a perturbation."""

    cells: Count
    measures: Mapping[Measure, Quantity]
    """Those that some cell of the group has."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """A rank correlation over pairs of a perturbed cell and its clean twin."""

    value: Number
    interval: tuple[Number, Number] | None
    cells: Count

    @property
    def is_found(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


@dataclass(frozen=True, slots=True)
class Links:
    """How the shift of a kind of importance goes with what happened to the answer."""

    with_loss: Correlation | None
    """With the loss of log-odds of the right answer; None where no label's likelihood is known."""
    with_flips: Correlation | None
    """With whether the answer flipped."""


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Whether what gradients call important matters to the answer when it is taken away."""

    cells: Count
    ratio: Quantity | None
    """Change of the answer's log-likelihood without the densest word, over that without a random
    one."""
    shuffled: Quantity | None
    """Rank correlation of words' importance with that in a model of shuffled weights."""
    integrated: Quantity | None
    """With integrated gradients; None where captum is not installed."""
    deletion: Quantity | None
    """With the change of the log-likelihood when each word is deleted."""

    @property
    def is_passed(self) -> bool:
        """Whether the densest word matters more than a random one, beyond noise.

        And whether shuffled weights rank words otherwise: a correlation below one half.
        """
        matters = self.ratio is not None and (self.ratio.low or 0) > 1
        return matters and (self.shuffled is None or self.shuffled.value < SANITY)


@dataclass(frozen=True, slots=True)
class ModelExplanation:
    """What was found on one model."""

    name: str
    fingerprint: str
    run: str
    """The directory of its run."""
    cells: Count
    """Explained, clean ones too."""
    left_out: Count
    """Without a token in their answer."""
    answer_tokens: Number
    """Of an explained answer, the mean."""
    levels: Mapping[str, GroupMeasures]
    perturbations: Mapping[str, GroupMeasures]
    density: Links
    share: Links
    right: Quantity | None
    """Instruction score of the sampled cells that are answered right."""
    wrong: Quantity | None
    faithfulness: Faithfulness | None
    """None where it was not checked."""


@dataclass(frozen=True, slots=True)
class ShownWord:
    """A word as a report shows it."""

    text: str
    part: WordPart
    density: Number
    share: Number
    after_space: bool
    """Whether white space stands before it in its part."""
    fate: Fate | None = None
    """Of a word of the perturbed text."""


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A cell as a report shows it."""

    said: str
    """The explained answer."""
    prediction: str | None
    is_right: bool
    words: tuple[ShownWord, ...]


@dataclass(frozen=True, slots=True)
class ShownSide:
    """A pair on one model."""

    model: str
    clean: ShownCell
    perturbed: ShownCell


@dataclass(frozen=True, slots=True)
class ShownPair:
    """A flip of a bad variant beside its clean twin."""

    task: str
    example_id: str
    instruction_id: str
    variant_id: str
    level: str
    perturbation: str
    gold: str
    sides: tuple[ShownSide, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The content of explanation.json."""

    schema_version: int
    run_id: str
    answers: Literal["own", "gold"]
    seed: int
    confidence: float
    sampled: Count
    """Pairs over which means are taken."""
    models: tuple[ModelExplanation, ...]
    """The run's, and after it that of a tuned one."""
    gains: Mapping[str, Mapping[Measure, Quantity]]
    """Level -> how much more the tuned model has, on the same cells; empty without one."""
    worst: tuple[ShownPair, ...]
    layers: LayerChanges | None = None
    """What tuning changed inside the model, where it was asked for."""


def read_explanation(folder: Path, run_id: str) -> Explanation | None:
    """The explanation in a run's directory; None where there is none, or it is another run's.

    Raises:
        UsageError: the file is damaged, or of another release.
    """
    path = folder / EXPLANATION
    if not path.is_file():
        return None
    try:
        found = _reader().validate_json(read_content(path))
        if found.schema_version != EXPLANATION_VERSION:
            raise UsageError(
                f"{path} has the schema version {found.schema_version}; this release reads "
                f"{EXPLANATION_VERSION}.",
                hint=f"Type: harness explain {folder}",
            )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{path} is damaged: {where}: {first['msg'].lower()}.",
            hint=f"Delete it, or type: harness explain {folder}",
        ) from None
    return found if found.run_id == run_id else None


def explanation_json(explanation: Explanation) -> str:
    """The text of explanation.json."""
    return _reader().dump_json(explanation, indent=1).decode() + "\n"


@cache
def _reader() -> TypeAdapter[Explanation]:
    return TypeAdapter(Explanation)
