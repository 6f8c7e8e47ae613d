"""How strong published character attacks are: words changed and characters edited per word.

python benchmarks/attack_strength.py [DATA_DIR]   (default: HARNESS_DATA_DIR)

Reads PromptBench's attacked prompts beside their originals in the data folder. Words are runs of
characters between spaces, aligned by difflib.
"""

from __future__ import annotations

import difflib
import json
import lzma
import os
import statistics
import sys
from collections import defaultdict
from pathlib import Path

from perturbations.validity import char_distance

FILE = "prompts/promptbench_adv_prompts.jsonl.xz"
ATTACKS = ("deepwordbug", "textbugger")


def measure(original: str, attacked: str) -> tuple[float, float] | None:
    """Return the share of words changed and the edits per changed word; None where none is."""
    old, new = original.split(), attacked.split()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    changes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    changed = sum(i2 - i1 for _, i1, i2, _, _ in changes)
    if not changed:
        return None
    edits = sum(
        char_distance(" ".join(old[i1:i2]), " ".join(new[j1:j2])) for _, i1, i2, j1, j2 in changes
    )
    return changed / len(old), edits / changed


def main() -> None:
    """Print a row for each attack."""
    folder = Path(sys.argv[1] if sys.argv[1:] else os.environ["HARNESS_DATA_DIR"])
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with lzma.open(folder / FILE, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["kind"] == "attack" and row["attack"] in ATTACKS and row["original_prompt"]:
                measured = measure(row["original_prompt"], row["prompt"])
                if measured is not None:
                    found[row["attack"]].append(measured)
    for attack, rows in sorted(found.items()):
        shares, edits = zip(*rows, strict=True)
        low, *_, high = statistics.quantiles(shares, n=10)
        print(
            f"{attack}: {len(rows)} prompts; words changed mean {statistics.mean(shares):.3f}, "
            f"median {statistics.median(shares):.3f}, 10 to 90 % {low:.2f} to {high:.2f}; "
            f"characters per changed word mean {statistics.mean(edits):.2f}, "
            f"median {statistics.median(edits):.2f}"
        )


if __name__ == "__main__":
    main()
