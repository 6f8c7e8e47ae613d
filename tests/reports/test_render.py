"""`render`: the files of each format."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from harness.core.errors import IncompleteRunError, UnknownNameError, UsageError
from reports import FORMATS, render, write_report
from reports.csvfile import render_csv
from reports.junit import render_levels
from reports.view import build_view
from tests.support.make_run import make_run

RUN = make_run(examples=20)


def test_every_format_is_written_where_it_says(tmp_path: Path) -> None:
    written = render([RUN], list(FORMATS), tmp_path / "new" / "folder")
    assert {name: path.name for name, path in written.items()} == {
        "md": "report.md",
        "html": "report.html",
        "csv": "report.csv",
        "svg": "report.svg",
        "junit": "report.junit.xml",
    }
    assert all(path.stat().st_size > 1000 for path in written.values())
    assert len(list((tmp_path / "new" / "folder").iterdir())) == len(FORMATS)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    first = render([RUN], list(FORMATS), tmp_path / "a")
    second = render([make_run.__wrapped__(examples=20)], list(FORMATS), tmp_path / "b")
    for name in FORMATS:
        assert first[name].read_bytes() == second[name].read_bytes()


def test_an_unknown_format_is_named_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"report format 'htlm'.*'html'"):
        render([RUN], ["md", "htlm"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IncompleteRunError, match="cannot be written"):
        render([RUN], ["md"], tmp_path / "file" / "below")


def test_csv_has_a_row_a_group_and_the_summary_s_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(build_view([RUN])))))
    assert len(rows) == 5 + 4 * 5 + 8
    row = next(one for one in rows if (one["task"], one["level"]) == ("topic", "word"))
    stats = RUN.summary.to_json()["tasks"]["topic"]["levels"]["word"]
    assert float(row["accuracy"]) == pytest.approx(stats["accuracy"], rel=1e-5)
    assert float(row["drop_low"]) == pytest.approx(stats["drop_ci"][0], rel=1e-4)
    assert int(row["cells"]) == stats["cells"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1+1", "@SUM(A1)"])
def test_csv_holds_no_formula(name: str) -> None:
    text = render_csv(build_view([make_run(model=name, examples=20)]))
    cells = next(csv.DictReader(io.StringIO(text)))
    assert cells["run"] == f"'{name}"


def test_junit_has_a_case_a_task_and_level_and_skips_what_is_not_judged() -> None:
    root = ElementTree.fromstring(render_levels(build_view([RUN])))
    suite = root[0]
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("16", "0")
    weak = [name for name, task in RUN.summary.tasks.items() if not task.above_chance]
    assert weak
    skipped = {case.attrib["classname"] for case in suite if case.find("skipped") is not None}
    assert skipped == set(weak)
    assert "drop" in (suite[0].findtext("system-out") or "")


@pytest.mark.parametrize("form", ["html", "md"])
@pytest.mark.parametrize("path", [".", "folder"])
def test_a_folder_where_a_file_is_to_be_is_refused(
    path: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    with pytest.raises(UsageError, match="is a folder, and the name of a file was expected"):
        write_report([RUN], form, Path(path))
    assert list(Path("folder").iterdir()) == []
