"""Parts the train rows of a task: for the common start, for the arms, and for validation.

Sizes below 1 are shares of the rows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

from harness.tasks.rows import Row, read_file


def main() -> None:
    """Write OUT/TASK.{start,arms,validation}.jsonl, no row in two of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, required=True, help="train rows")
    parser.add_argument("--task", required=True)
    parser.add_argument("--sizes", type=float, nargs=3, required=True, metavar="ROWS")
    parser.add_argument("--values", nargs="+", help="labels in order, where rows name them")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = list(read_file(options.input))
    sizes = [int(size * len(rows)) if size < 1 else int(size) for size in options.sizes]
    wanted = sum(sizes)
    if wanted > len(rows):
        parser.error(f"{options.input} has {len(rows):,} rows; {wanted:,} are wanted")
    drawn = Random(f"{options.seed}/{options.task}").sample(rows, wanted)
    options.out.mkdir(parents=True, exist_ok=True)
    for part, size in zip(("start", "arms", "validation"), sizes, strict=True):
        taken, drawn = drawn[:size], drawn[size:]
        text = "".join(json.dumps(number_label(row, options.values)) + "\n" for row in taken)
        (options.out / f"{options.task}.{part}.jsonl").write_text(text, encoding="utf-8")


def number_label(row: Row, values: Sequence[str] | None) -> Row:
    """The row with its label's place among the values as its label, as templates expect it."""
    return {**row, "label": values.index(str(row["label"]))} if values else row


if __name__ == "__main__":
    main()
