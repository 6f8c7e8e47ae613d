"""Variants of the core on instructions that were written elsewhere, to be read and judged.

python benchmarks/variants_to_read.py SEED [DATA_DIR]   (DATA_DIR by default: HARNESS_DATA_DIR)

Draws 44 instructions of 20 to 700 characters: 20 from self-instruct, 4 from
Super-NaturalInstructions, 20 from PromptSource's English templates; prints one variant of each core
perturbation of each. Judge: does it ask for the same, and is it as sound as its perturbation means
it to be? The last line is their number.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

from harness.core.records import Instruction
from perturbations import make_variants, select
from perturbations.core_set import CORE

SELF_INSTRUCT = ("self_instruct_seed_tasks.jsonl.gz", "self_instruct_user_oriented.jsonl.gz")
NATURAL_INSTRUCTIONS = "superni_subset.jsonl.xz"
PROMPTSOURCE = "promptsource_templates.jsonl.gz"
COUNTS = (20, 4, 20)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a compressed JSON Lines file."""
    opened = gzip.open if path.suffix == ".gz" else lzma.open
    with opened(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file.read().split("\n") if line]


def read_pools(folder: Path) -> list[list[str]]:
    """Return the instructions of the three sources."""
    tasks = [row["instruction"] for name in SELF_INSTRUCT for row in read_rows(folder / name)]
    definitions = [
        definition
        for row in read_rows(folder / NATURAL_INSTRUCTIONS)
        for definition in row["definition"]
    ]
    templates = [
        row["jinja"].split("|||")[0].strip()
        for row in read_rows(folder / PROMPTSOURCE)
        if row.get("languages") == ["en"]
    ]
    return [list(usable(pool)) for pool in (tasks, definitions, templates)]


def usable(texts: Iterable[str]) -> Iterable[str]:
    """Return texts that are neither empty shells nor pages, each once."""
    return (text for text in dict.fromkeys(texts) if 20 <= len(text) <= 700)


def main() -> None:
    """Print the draw of a seed."""
    seed = int(sys.argv[1])
    data = Path(sys.argv[2] if len(sys.argv) > 2 else os.environ["HARNESS_DATA_DIR"])
    rng = Random(seed)
    pools = read_pools(data / "instructions")
    texts = [
        text for pool, count in zip(pools, COUNTS, strict=True) for text in rng.sample(pool, count)
    ]
    chosen = select(names=[name for names in CORE.values() for name in names]).perturbations
    total = 0
    for place, text in enumerate(texts):
        made = make_variants(
            "t",
            Instruction(f"i{place}", "task", text),
            perturbations=chosen,
            label_words=(),
            paraphrases=(),
            seed=seed,
        ).variants
        total += len(made)
        print(f"\n=== {text!r}")
        for variant in made:
            print(f"{variant.perturbation}: {variant.text!r}")
    print(f"\n{total} variants")


if __name__ == "__main__":
    main()
