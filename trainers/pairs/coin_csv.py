"""The CSV of contrastive instruction tuning: each odd row is the hard negative of the one above."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.core.errors import UsageError, nearest_hint
from harness.core.records import stable_id
from harness.tasks.rows import iter_fields, read_file
from trainers.pairs.record import Pair

COLUMNS = ("original_instruction", "paraphrased_instruction", "targets")
_TASK_COLUMNS = ("task", "task_name")


def coin_csv_pairs(path: Path) -> Iterator[Pair]:
    """The pairs of a file with CoIN's columns; instructions hold their inputs.

    Raises:
        UsageError: a column is missing.
    """
    rows = read_file(path)
    for name in COLUMNS:
        if name not in rows[0]:
            raise UsageError(
                f"{path}: the column {name!r} is missing; it has {', '.join(rows[0])}."
                f"{nearest_hint(name, rows[0])}",
                hint=f"CoIN's columns are {', '.join(COLUMNS)}.",
            )
    for index, row in enumerate(rows):
        fields = dict(iter_fields(row))
        original, paraphrase, target = (fields.get(name, "").strip() for name in COLUMNS)
        yield Pair(
            original=original,
            paraphrase=paraphrase,
            target=target,
            task=next((fields[name] for name in _TASK_COLUMNS if name in fields), ""),
            # Rows 2k and 2k+1 ask the same of different inputs.
            instruction_id=f"{path.name}/{index // 2}",
            instance_id=stable_id(original, target),
            provenance={"source": "coin-csv", "file": path.name, "row": index},
        )
