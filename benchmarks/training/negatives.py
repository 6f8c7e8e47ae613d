"""Peak memory and time of a step against the number of negatives, with GradCache."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from trainers.base_model import find_base, load_tokenizer
from trainers.features import PairEncoder
from trainers.pairs import read_pairs

HERE = Path(__file__).parent
STEPS = 4


def main() -> None:
    """Measure each batch size in a process of its own and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--micro", type=int, default=8)
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 32, 128, 512, 1024])
    parser.add_argument("--length", type=int, default=48, help="longest text, in tokens")
    parser.add_argument("--without", action="store_true", help="also as one batch, no GradCache")
    options = parser.parse_args()
    base = find_base(options.model)
    encoder = PairEncoder(load_tokenizer(base), "coin", end_token=True)
    rows = [
        {
            "original": pair.original.ids,
            "original_prompt": pair.original.prompt,
            "paraphrase": pair.paraphrase.ids,
            "paraphrase_prompt": pair.paraphrase.prompt,
        }
        for pair in encoder.encode(read_pairs(options.pairs))
        if pair.length <= options.length
    ]
    for size in options.sizes:
        micros = {options.micro, size} if options.without else {options.micro}
        for micro in sorted(micros):
            measure(rows, size, micro, base.source.directory)


def measure(rows: list[dict[str, Any]], size: int, micro: int, model: Path) -> None:
    """Print one line."""
    steps = 1 if size > 64 else STEPS
    taken = [rows[i % len(rows)] for i in range(size * steps)]
    batches = [taken[i : i + size] for i in range(0, len(taken), size)]
    with tempfile.TemporaryDirectory() as name:
        workload, out = Path(name, "workload.json"), Path(name, "out.json")
        workload.write_text(json.dumps({"model": str(model), "micro": micro, "batches": batches}))
        subprocess.run(
            [sys.executable, str(HERE / "ours.py"), str(workload), str(out), "coin", str(micro)],
            check=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parents[1]), "HF_HUB_OFFLINE": "1"},
            stdout=subprocess.DEVNULL,
        )
        found = json.loads(out.read_text())
    tokens = sum(len(row["original"]) + len(row["paraphrase"]) for row in batches[-1])
    seconds = median(found["processor"])
    sys.stdout.write(
        f"negatives {size - 1:5}  micro-batch {micro:5}  peak {found['peak_mb']:8,.0f} MB  "
        f"{seconds:8.2f} processor-s/step  {tokens / seconds:8,.0f} tokens/processor-s\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
