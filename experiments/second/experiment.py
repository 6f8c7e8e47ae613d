"""Runs a form of the second experiment, cell by cell; the same command goes on where it stopped.

python experiments/second/experiment.py experiments/second/small.yaml --data-dir ../shared/data
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from fnmatch import fnmatch
from pathlib import Path

from cells import SCORERS, Cell, Place, all_cells, run_cell
from form import START, Form, read_form

from harness.core.errors import HarnessError

PUBLISHED_CELLS_PER_ROW = 100
"""PromptBench's twenty instructions of a task and what was published of them, about."""


def main(arguments: list[str] | None = None) -> int:
    """Run the cells that are asked for and not done, or say with --dry-run what they would take."""
    options = _parse(arguments)
    try:
        form = read_form(options.config)
        out = options.out or Path("runs/second") / options.config.stem
        place = Place(form, options.data_dir, out)
        cells = [one for one in all_cells(form) if _is_meant(one, options.only)]
        if not cells:
            names = ", ".join(one.name for one in all_cells(form)[:4])
            sys.stderr.write(
                f"--only {' '.join(options.only)} names no cell; such are {names} ...\n"
            )
            return 2
        left = [one for one in cells if not place.is_done(one)]
        sys.stdout.write(f"{len(cells) - len(left)} of {len(cells)} cells are done.\n")
        if options.dry_run:
            _estimate(place, left)
            return 0
        for cell in left:
            began = time.monotonic()
            run_cell(place, cell)
            sys.stdout.write(
                f"{time.strftime('%H:%M:%S')}  {cell.name}: {time.monotonic() - began:.0f} s\n"
            )
            sys.stdout.flush()
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    folder = os.environ.get("HARNESS_DATA_DIR")
    parser.add_argument("--data-dir", type=Path, default=Path(folder) if folder else None)
    parser.add_argument("--out", type=Path, help="default: runs/second/FORM")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="CELL", help="ARM/TASK/SEED; * stands for anything"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what is left to do")
    options = parser.parse_args(arguments)
    if options.data_dir is None:
        parser.error("no data folder: type --data-dir FOLDER, or set HARNESS_DATA_DIR")
    return options


def _is_meant(cell: Cell, patterns: list[str]) -> bool:
    return not patterns or any(fnmatch(cell.name, pattern) for pattern in patterns)


def _estimate(place: Place, left: list[Cell]) -> None:
    """Hours by what was measured in this folder, else by what the form says of the machine."""
    form, measured = place.form, _measured(place.out)
    starts = {place.folder(one) / START for one in left}
    begun = {folder for folder in starts if (folder / "train.json").exists()}
    trained = sum(one.arm != START for one in left)
    tokens = form.start.tokens * len(starts - begun) + form.tokens * trained
    asked = sum(cells_of(form, test) for one in left for test in place.tests(one))
    seconds = tokens / (measured or form.rates.tokens_per_second)
    seconds += asked / form.rates.cells_per_second
    source = "the form's rates" if measured is None else "the trainings that are finished here"
    sys.stdout.write(
        f"{len(left)} cells are left: {tokens:,} tokens to train on and at most {asked:,} answers, "
        f"about {seconds / 3600:.1f} hours by {source}.\n"
    )


def cells_of(form: Form, test: str) -> int:
    """How many cells a test has at most, over both scorers."""
    prompts = form.test.instructions * (1 + len(form.test.perturbations))
    if test == "published":
        prompts = PUBLISHED_CELLS_PER_ROW
    return len(SCORERS) * prompts * form.test.rows


def _measured(out: Path) -> float | None:
    """Tokens a second of the trainings that are finished here."""
    rates = []
    for path in out.glob("*/seed-*/arms/*/train.json"):
        rate = json.loads(path.read_text(encoding="utf-8"))["metrics"].get("last_tokens_per_second")
        rates += [rate] if rate else []
    return sum(rates) / len(rates) if rates else None


if __name__ == "__main__":
    sys.exit(main())
