"""A pair: an instruction and a variant of it, with what must be answered to both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast, get_args

from harness.core.atomic import reason, write_text
from harness.core.errors import IncompleteRunError, NothingToEvaluateError, UsageError, nearest_hint
from harness.core.records import BLANK_LINE, Placement, stable_id

REQUIRED = ("original", "paraphrase", "target")
_OPTIONAL = (
    "input", "answer_cue", "system", "task", "level",
    "instruction_id", "instance_id", "request_id", "input_id",
)  # fmt: skip
_LAYOUT = ("prefill", "placement", "gap")
"""Read with the spaces at their ends; written where a pair has them."""
_KEYS = (*REQUIRED, *_OPTIONAL, *_LAYOUT, "perturbation", "provenance", "id")


@dataclass(frozen=True, slots=True)
class Pair:
    """An original instruction, its paraphrase, the input both are about, and the target."""

    original: str
    paraphrase: str
    target: str
    input: str = ""
    """May be empty where the instructions contain it."""
    answer_cue: str = ""
    """The line that ends a plain prompt, as in a task."""
    system: str = ""
    """The system text, as in a task."""
    prefill: str = ""
    """What the target begins with, as in a task."""
    placement: Placement = "first"
    """Where the instruction stands, as in a task."""
    gap: str = BLANK_LINE
    """What stands between instruction and input, as in a task."""
    task: str = ""
    instruction_id: str = ""
    """Equal for pairs that ask the same of different inputs: hard negatives come from these."""
    instance_id: str = ""
    """Equal for pairs about the same input and target: such are never each other's negatives."""
    request_id: str = ""
    """Equal for pairs that want the same answer of the same input, whatever the instruction."""
    input_id: str = ""
    """Equal for pairs about the same input, whatever is asked."""
    level: str = "semantic"
    perturbation: str = "paraphrase"
    provenance: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What the pair is, by its content."""
        return stable_id(
            self.original, self.paraphrase, self.input, self.target, *self._frame.values()
        )

    @property
    def _frame(self) -> dict[str, str]:
        """What a task says around its prompts, where this pair's does."""
        frame = {
            "system": self.system,
            "prefill": self.prefill,
            "placement": "" if self.placement == "first" else self.placement,
            "gap": "" if self.gap == BLANK_LINE else self.gap,
        }
        return {name: text for name, text in frame.items() if text}

    def row(self) -> dict[str, object]:
        """The pair as a row of a pairs file."""
        return {
            "id": self.id,
            "task": self.task,
            "original": self.original,
            "paraphrase": self.paraphrase,
            "input": self.input,
            "answer_cue": self.answer_cue,
            **self._frame,
            "target": self.target,
            "level": self.level,
            "perturbation": self.perturbation,
            "instruction_id": self.instruction_id,
            "instance_id": self.instance_id,
            "request_id": self.request_id,
            "input_id": self.input_id,
            "provenance": dict(self.provenance),
        }


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a .jsonl, .csv or .parquet file, plain or compressed.

    Raises:
        UsageError: a missing column, a value that is no text, or an empty target, with the row.
        NothingToEvaluateError: the file has no pair.
    """
    from harness.tasks.rows import read_file  # late: it brings templates along

    try:
        rows = read_file(path)
    except UsageError as error:
        if error.message.endswith("has no rows."):
            raise NothingToEvaluateError(f"{path}: the pairs file is empty.") from None
        raise
    _check_columns(rows[0], path)
    return [_pair(row, where=f"{path}, row {number}") for number, row in enumerate(rows, 1)]


def write_pairs(path: Path, pairs: Iterable[Pair]) -> None:
    """Write a pairs file at once: a reader sees the old content or the new, never a part.

    Raises:
        IncompleteRunError: it cannot be written, as on a full disk.
    """
    lines = (json.dumps(pair.row(), ensure_ascii=False) + "\n" for pair in pairs)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, lines)
    except OSError as error:
        raise IncompleteRunError(f"{path} cannot be written: {reason(error)}.") from None


def hash_pairs(pairs: Sequence[Pair]) -> str:
    """A hash of what pairs teach, whatever file they came from."""
    digest = hashlib.blake2b(digest_size=16)
    for pair in pairs:
        digest.update(f"{pair.id}\x1f{pair.answer_cue}\x1e".encode())
    return digest.hexdigest()


def _check_columns(row: Mapping[str, object], path: Path) -> None:
    missing = [name for name in REQUIRED if name not in row]
    if not missing:
        return
    near = nearest_hint(missing[0], row)
    raise UsageError(
        f"{path}: the column {missing[0]!r} is missing; a pair needs {', '.join(REQUIRED)}, and "
        f"the file has {', '.join(map(str, row))}.{near}",
        hint="harness pairs builds such a file from other forms.",
    )


def _pair(row: Mapping[str, object], *, where: str) -> Pair:
    texts: dict[str, Any] = {}
    for name in (*REQUIRED, *_OPTIONAL, "perturbation"):
        value = row.get(name)
        if value is None and name not in REQUIRED:
            continue
        if not isinstance(value, str):
            raise UsageError(f"{where}: {name!r} must be a text; it is {value!r}.")
        texts[name] = value.strip()
    for name in REQUIRED:
        if not texts[name]:
            raise UsageError(f"{where}: {name!r} is empty.")
    provenance = row.get("provenance")
    texts["instruction_id"] = texts.get("instruction_id") or texts["original"]
    texts["instance_id"] = texts.get("instance_id") or _instance(texts)
    texts["request_id"] = texts.get("request_id") or texts.get("task") or texts["instruction_id"]
    texts["input_id"] = texts.get("input_id") or _input(texts)
    pair = Pair(**texts, provenance=provenance if isinstance(provenance, dict) else {})
    return with_layout(pair, row, where)


def with_layout(pair: Pair, row: Mapping[str, object], where: str) -> Pair:
    """The pair with what its row says of its prompts' layout, as a task would.

    Raises:
        UsageError: a value that a task could not have.
    """
    prefill, gap = row.get("prefill") or "", row.get("gap") or BLANK_LINE
    placement = row.get("placement") or "first"
    if placement not in get_args(Placement):
        raise UsageError(
            f"{where}: 'placement' is one of {', '.join(get_args(Placement))}, not {placement!r}."
        )
    if not isinstance(gap, str) or gap.strip():
        raise UsageError(f"{where}: 'gap' must be spaces or line breaks; it is {gap!r}.")
    if not isinstance(prefill, str):
        raise UsageError(f"{where}: 'prefill' must be a text; it is {prefill!r}.")
    return replace(pair, prefill=prefill, placement=cast(Placement, placement), gap=gap)


def _instance(texts: Mapping[str, str]) -> str:
    # Without a separate input, the instruction itself holds it.
    return stable_id(texts.get("input") or texts["original"], texts["target"])


def _input(texts: Mapping[str, str]) -> str:
    # Instructions that hold their input tell of no other that is about the same.
    return stable_id(texts["input"]) if texts.get("input") else texts["instance_id"]
