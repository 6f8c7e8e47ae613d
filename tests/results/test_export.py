"""A run's samples for other programs: the same values in all formats, and none is a formula."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.app import run as harness
from harness.core.errors import ExitCode, IncompleteRunError, UnknownNameError
from harness.results.cells import protect_cell, restore_cell
from harness.results.export import FORMATS, export_samples
from harness.results.rundir import load_run
from tests.support.make_run import make_run
from tests.support.saved_runs import save_run

HOSTILE = [
    "=cmd()",
    "+1+1",
    "-1",
    "@x",
    "\t=1",
    "\r=1",
    "'=1",
    'a,b\n"c"',
    "",
    "  ",
    "naïve\u2028",
    "nan",
]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of both scorers whose generated texts are hostile: half the cells have no scores."""
    folder = tmp_path_factory.mktemp("both")
    made = make_run(folder / "run", examples=12)
    said = [HOSTILE[n % len(HOSTILE)] for n in range(len(made.samples))]
    generated = made.samples.assign(scorer="generate", scores=None, text=said)
    generated["prediction"] = generated["prediction"].where(generated.index % 3 != 0, None)
    scored = made.samples.assign(text=None)
    samples = type(scored)([*scored.to_dict("records"), *generated.to_dict("records")])
    return save_run(replace(made, samples=samples), folder / "run")


def _csv(path: Path) -> list[dict[str, object]]:
    with path.open(encoding="utf-8", newline="") as stream:
        rows: list[dict[str, object]] = list(csv.DictReader(stream))
    for row in rows:
        for name, cell in row.items():
            row[name] = restore_cell(str(cell)) or None
        row["scores"] = json.loads(str(row["scores"])) if row["scores"] else None
        row["index"] = int(str(row["index"]))
        for name in ("correct", "parsed"):
            row[name] = row[name] == "True"
        row["score"] = float(str(row["score"]))
    return rows


def _jsonl(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def _parquet(path: Path) -> list[dict[str, object]]:
    from pyarrow import parquet

    rows: list[dict[str, object]] = parquet.read_table(path).to_pylist()
    return [
        {**row, "scores": json.loads(str(row["scores"])) if row["scores"] else None} for row in rows
    ]


def test_all_formats_hold_the_same_values(both: Path, tmp_path: Path) -> None:
    for name in FORMATS:
        export_samples(both, file_format=name, out=tmp_path / name)
    jsonl, from_csv = _jsonl(tmp_path / "jsonl"), _csv(tmp_path / "csv")
    assert jsonl == _parquet(tmp_path / "parquet")
    # An empty cell is an empty text or none; which one, `scorer` tells.
    assert [{k: v if v != "" else None for k, v in row.items()} for row in jsonl] == from_csv
    samples = load_run(both).samples
    assert len(jsonl) == len(samples)
    assert [row["scores"] for row in jsonl] == list(samples["scores"])
    assert {row["text"] for row in jsonl} == {None, *HOSTILE}
    assert {type(row["scores"]) for row in jsonl} == {dict, type(None)}


def test_no_cell_is_a_formula_and_numbers_stay_numbers(both: Path, tmp_path: Path) -> None:
    path = export_samples(both, file_format="csv", out=tmp_path / "x.csv")
    with path.open(encoding="utf-8", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert {cell for cell in cells if cell[:1] in tuple("=+-@\t\r")} == {"-1"}
    assert "nan" in cells  # a text of its own
    assert not any(cell.startswith(("b'", "NaN")) for cell in cells)


@given(st.text(alphabet="=+-@\t\r\n'1.e a\"", max_size=6))
def test_a_protected_cell_is_no_formula_and_can_be_restored(text: str) -> None:
    cell = protect_cell(text)
    assert restore_cell(cell) == text
    if cell[:1] in tuple("=+-@\t\r\n") and cell:
        float(cell)


def test_samples_of_both_scorers_are_read(both: Path) -> None:
    samples = load_run(both).samples
    assert {type(scores) for scores in samples["scores"]} == {dict, type(None)}


def test_an_unfinished_run_is_exported_only_where_it_is_asked_for(
    both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((both / "run.json").read_text("utf-8"))
    run = tmp_path / "run"
    run.mkdir()
    for path in both.iterdir():
        (run / path.name).write_bytes(path.read_bytes())
    (run / "run.json").write_text(json.dumps({**manifest, "status": "running"}))
    with pytest.raises(IncompleteRunError):
        export_samples(run, file_format="csv", out=tmp_path / "x.csv")
    assert not (tmp_path / "x.csv").exists()
    assert harness(["export", str(run)]) == ExitCode.INCOMPLETE
    assert "--partial" in capsys.readouterr().err
    assert harness(["export", str(run), "--partial", "--format", "jsonl"]) == ExitCode.OK
    assert len(_jsonl(run / "samples.jsonl")) == manifest["samples"]


def test_an_unknown_format_offers_the_nearest(both: Path) -> None:
    with pytest.raises(UnknownNameError, match="parquet"):
        export_samples(both, file_format="parket", out=None)
