"""Joins pairs files in a seeded order, without pairs whose target is a text and not a label.

A label has few words, and other pairs have it, too.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

from trainers.pairs import Pair, read_pairs, write_pairs


def main() -> None:
    """Write what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, help="pairs file to write")
    parser.add_argument("--as-instructions", type=Path, help="originals as instruction data")
    parser.add_argument("--in-turn", type=Path, help="pairs that replace every other one")
    parser.add_argument("--target-words", type=int, default=2, help="most words of a target")
    parser.add_argument("--target-times", type=int, default=5, help="least pairs with a target")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    read = [pair for path in options.inputs for pair in read_pairs(path)]
    times = Counter(pair.target for pair in read)
    pairs = [
        pair
        for pair in read
        if len(pair.target.split()) <= options.target_words
        and times[pair.target] >= options.target_times
    ]
    Random(options.seed).shuffle(pairs)
    if options.in_turn:
        pairs = take_turns(pairs, list(read_pairs(options.in_turn)))
    if options.as_instructions:
        write_instructions(options.as_instructions, pairs)
    if options.out:
        write_pairs(options.out, pairs)
    sys.stdout.write(f"{len(pairs):,} of {len(read):,} pairs\n")


def take_turns(pairs: list[Pair], others: list[Pair]) -> list[Pair]:
    """The pairs, every second one with the wording of the other pair with the same original."""
    by_original = {other.original: other for other in others}
    return [
        _reworded(pair, by_original.get(pair.original)) if place % 2 else pair
        for place, pair in enumerate(pairs)
    ]


def _reworded(pair: Pair, other: Pair | None) -> Pair:
    # The ids stay, so that its hard negatives do.
    if other is None:
        return pair
    return replace(
        pair,
        paraphrase=other.paraphrase,
        level=other.level,
        perturbation=other.perturbation,
        provenance=other.provenance,
    )


def write_instructions(path: Path, pairs: list[Pair]) -> None:
    """The originals and targets in the form that `harness pairs --source paraphrases` reads."""
    rows = (
        {"instruction": p.original, "input": p.input, "output": p.target, "task": p.task}
        for p in pairs
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
