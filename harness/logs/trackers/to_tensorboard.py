"""Writes a run as TensorBoard's event files, its page beside them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.logs.trackers.facts import Row, TrackedRun
from harness.logs.trackers.log_run import Place

DEFAULT: Final = "tensorboard"
"""The folder of event files where none is said."""


def write(run: TrackedRun, page: Path, place: Place) -> str:
    """Write it; a run that is there already is written anew.

    Returns:
        The folder to point TensorBoard at.
    """
    from torch.utils.tensorboard.writer import SummaryWriter

    root = Path(place.at or DEFAULT) / _folder_name(place.project)
    folder = root / f"{_folder_name(run.name)}-{run.run_id}"
    shutil.rmtree(folder, ignore_errors=True)
    with SummaryWriter(str(folder)) as writer:
        for name, value in run.metrics.items():
            writer.add_scalar(name, value, 0)
        facts = [
            {"name": name, "value": value} for name, value in {**run.tags, **run.parameters}.items()
        ]
        for name, rows in {"run": facts, **run.tables}.items():
            writer.add_text(name, _markdown(rows), 0)
    shutil.copyfile(page, folder / page.name)
    return str(root)


def _folder_name(text: str) -> str:
    """A name as a folder's: whatever it is, it leads nowhere else."""
    return re.sub(r"[^\w.-]+", "-", text).strip(".-") or "run"


def _markdown(rows: Sequence[Row]) -> str:
    """Rows as a table in Markdown."""
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns)]
    lines += [[_cell(row.get(name)) for name in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: str | float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else value.replace("|", "\\|")
