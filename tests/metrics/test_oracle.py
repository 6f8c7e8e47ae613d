"""Drop rates against the numbers that PromptBench published for its four-model table."""

from __future__ import annotations

import json
import lzma
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.metrics.drop import relative_drops
from harness.stats.arrays import Floats

Cell = tuple[str, int, str]
"""Model, shots and task."""
Cells = defaultdict[Cell, list[float]]

# Published APDR (mean and population standard deviation over models, tasks and prompts); for
# deepwordbug the published .20 (.30) has 12 rows that the file lacks.
PUBLISHED = {
    "textbugger": (0.23, 0.33),
    "deepwordbug": (0.19, 0.29),
    "textfooler": (0.33, 0.36),
    "bertattack": (0.35, 0.36),
    "checklist": (0.16, 0.27),
    "stresstest": (0.13, 0.25),
}


@pytest.fixture(scope="module")
def rows(data_dir: Path) -> list[dict[str, Any]]:
    path = data_dir / "prompts" / "promptbench_adv_prompts.jsonl.xz"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    with lzma.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _rates(rows: list[dict[str, Any]]) -> Floats:
    clean = np.array([row["original_acc"] for row in rows], dtype=float)
    return relative_drops(clean, np.array([row["acc"] for row in rows], dtype=float))


@pytest.mark.parametrize("attack", PUBLISHED)
def test_apdr_is_the_published_one(attack: str, rows: list[dict[str, Any]]) -> None:
    rates = _rates([row for row in rows if row["kind"] == "attack" and row["attack"] == attack])
    mean, deviation = float(np.nanmean(rates)), float(np.nanstd(rates))
    assert (round(mean, 2), round(deviation, 2)) == PUBLISHED[attack]


def test_the_published_figure_for_translations_is_a_worst_case(
    rows: list[dict[str, Any]],
) -> None:
    by_cell = _translated_rates(rows)
    rates = np.concatenate([np.array(one) for one in by_cell.values()])
    assert round(float(rates.mean()), 2) == 0.03
    worst = np.array([max(one) for one in by_cell.values()])
    assert (round(float(worst.mean()), 2), round(float(worst.std()), 2)) == (0.25, 0.31)


def _translated_rates(rows: list[dict[str, Any]]) -> dict[Cell, list[float]]:
    """Drop rates of translated prompts by model, shots and task, against the mean clean prompt."""
    clean: Cells = defaultdict(list)
    translated: Cells = defaultdict(list)
    for row in rows:
        into = {"clean": clean, "translation": translated}.get(str(row["kind"]))
        if into is not None:
            into[row["model"], row["shots"], row["task"]].append(row["acc"])
    return {
        cell: relative_drops(
            np.full(len(found), float(np.mean(clean[cell]))), np.array(found)
        ).tolist()
        for cell, found in translated.items()
        if np.mean(clean[cell]) > 0
    }
