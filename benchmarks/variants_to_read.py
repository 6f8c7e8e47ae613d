"""Variants of the core on instructions that were written elsewhere, to be read and judged.

python benchmarks/variants_to_read.py SEED [--counts N N N] [--without SEEDS] [--read FILES]

Draws 44 instructions of 20 to 700 characters: 20 from self-instruct, 4 from
Super-NaturalInstructions, 20 from PromptSource's English templates; prints one variant of each core
perturbation of each. Judge: does it ask for the same, and is it as sound as its perturbation means
it to be? The last line is their number. The data are in HARNESS_DATA_DIR, or `--data`.

`--without` leaves out what these seeds draw from all instructions and `--read` what other printed
draws hold, so that nothing is judged by texts that were read while perturbations were mended.
Super-NaturalInstructions' 14 texts are soon used up; `--counts` draws other numbers than 20, 4, 20.
`--further` draws 40 from sources that no other draw has: 15 of FLAN's templates, 15 of the
annotators' instructions of instruction induction, 10 of PromptBench's clean prompts.
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import os
from ast import literal_eval
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
FURTHER_COUNTS = (15, 15, 10)


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


def read_further_pools(folder: Path) -> list[list[str]]:
    """Return the instructions of FLAN, of instruction induction and of PromptBench."""
    flan = json.loads((folder / "instructions/flan_v1_templates.json").read_text("utf-8"))
    induced = folder / "instructions/instruction_induction_annotations.json"
    annotated = json.loads(induced.read_text("utf-8"))
    prompts = read_rows(folder / "prompts/promptbench_adv_prompts.jsonl.xz")
    return [
        list(usable(template["input"] for some in flan.values() for template in some)),
        list(usable(text for some in annotated.values() for text in some)),
        list(usable(row["prompt"] for row in prompts if row["kind"] == "clean")),
    ]


def usable(texts: Iterable[str]) -> Iterable[str]:
    """Return texts that are neither empty shells nor pages, each once."""
    return (text for text in dict.fromkeys(texts) if 20 <= len(text) <= 700)


def draw(pools: list[list[str]], counts: tuple[int, ...], seed: int) -> list[str]:
    """Return the instructions that a seed draws, from a small pool all."""
    rng = Random(seed)
    return [
        text
        for pool, count in zip(pools, counts, strict=True)
        for text in rng.sample(pool, min(count, len(pool)))
    ]


def read_before(
    pools: list[list[str]], counts: tuple[int, ...], seeds: list[int], outputs: list[Path]
) -> set[str]:
    """Return the instructions that the draws of some seeds and printed draws hold."""
    printed = [
        literal_eval(line.removeprefix("=== "))
        for path in outputs
        for line in path.read_text("utf-8").split("\n")
        if line.startswith("=== ")
    ]
    return {*printed, *(text for seed in seeds for text in draw(pools, counts, seed))}


def parse_arguments() -> argparse.Namespace:
    """Return what was typed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seed", type=int)
    parser.add_argument("--counts", type=int, nargs=3)
    parser.add_argument("--without", type=int, nargs="*", default=[])
    parser.add_argument("--read", type=Path, nargs="*", default=[])
    parser.add_argument("--further", action="store_true")
    parser.add_argument("--data", type=Path, default=os.environ.get("HARNESS_DATA_DIR"))
    return parser.parse_args()


def main() -> None:
    """Print the draw of a seed."""
    typed = parse_arguments()
    if typed.further:
        pools, before = read_further_pools(typed.data), FURTHER_COUNTS
    else:
        pools, before = read_pools(typed.data / "instructions"), COUNTS
    read = read_before(pools, before, typed.without, typed.read)
    unread = [[text for text in pool if text not in read] for pool in pools]
    counts = before if typed.counts is None else tuple(typed.counts)
    texts = draw(unread, counts, typed.seed)
    chosen = select(names=[name for names in CORE.values() for name in names]).perturbations
    total = 0
    for place, text in enumerate(texts):
        made = make_variants(
            "t",
            Instruction(f"i{place}", "task", text),
            perturbations=chosen,
            label_words=(),
            paraphrases=(),
            seed=typed.seed,
        ).variants
        total += len(made)
        print(f"\n=== {text!r}")
        for variant in made:
            print(f"{variant.perturbation}: {variant.text!r}")
    print(f"\n{total} variants")


if __name__ == "__main__":
    main()
