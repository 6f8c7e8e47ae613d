"""Joins pairs files in a seeded order, without pairs whose target is a text and not a label.

A label has few words, and other pairs have it, too.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from trainers.pairs import Pair, read_pairs, write_pairs


def main() -> None:
    """Write what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True, help="pairs file to write")
    parser.add_argument("--every-other", type=Path, help="what wordings.py made of the one input")
    parser.add_argument("--target-words", type=int, default=2, help="most words of a target")
    parser.add_argument("--target-times", type=int, default=5, help="least pairs with a target")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    read = [pair for path in options.inputs for pair in read_pairs(path)]
    if options.every_other:
        read = take_turns(read, read_pairs(options.every_other))
    times = Counter(pair.target for pair in read)
    pairs = [
        pair
        for pair in read
        if len(pair.target.split()) <= options.target_words
        and times[pair.target] >= options.target_times
    ]
    Random(options.seed).shuffle(pairs)
    write_pairs(options.out, pairs)
    sys.stdout.write(f"{len(pairs):,} of {len(read):,} pairs\n")


def take_turns(pairs: Sequence[Pair], others: Iterable[Pair]) -> list[Pair]:
    """Every second pair, and of the others those that were made of the rest."""
    return [*pairs[::2], *(pair for pair in others if int(pair.provenance["row"]) % 2)]


if __name__ == "__main__":
    main()
