"""Runs on disk, made of synthetic answers: what comparisons and gates read."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from harness.results.rundir import RunDirectory
from harness.results.store import SampleStore
from tests.support.make_run import MadeRun


def save_run(made: MadeRun, folder: Path) -> Path:
    """Write a made run as `harness run` would; gives its folder."""
    folder.mkdir(parents=True)
    directory = RunDirectory(folder)
    directory.write_json("summary.json", made.summary.to_json())
    rows = made.variants.to_dict("records")
    lines = "".join(json.dumps(row, default=str) + "\n" for row in rows)
    directory.write_text("variants.jsonl", lines)
    examples = made.examples.to_dict("records")
    lines = "".join(json.dumps(row) + "\n" for row in examples)
    directory.write_text("examples.jsonl", lines)
    path = folder / "samples.sqlite"
    with SampleStore(path):
        pass
    columns = [
        "variant_id", "example_id", "task", "level", "perturbation", "instruction_id", "gold",
        "prediction", "score", "parsed", "scorer", "scores", "text",
    ]  # fmt: skip
    values = [
        tuple(_plain(row[name]) for name in columns) for row in made.samples.to_dict("records")
    ]
    with closing(sqlite3.connect(path)) as db, db:
        db.executemany(f"INSERT INTO samples VALUES ({', '.join('?' * 13)})", values)
    directory.finish(made.manifest)
    return folder


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, float) and value != value:
        return None
    return int(value) if isinstance(value, bool | np.bool_) else value
