"""inspect's logs as runs, and archives that are no logs."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import HarnessError, MissingPackageError, UsageError
from harness.logs import archive as archives
from harness.logs.import_logs import import_logs
from harness.logs.inspect_ai import read_inspect
from harness.results.rundir import Run
from tests.support.foreign_logs import inspect_log, inspect_sample, save_eval

SAMPLES = [
    inspect_sample(1, "4", "C"),
    inspect_sample(2, "5", "I"),
    inspect_sample("three", "4?", "P"),
    inspect_sample(4, "", "N"),
]


def _save_json(path: Path, log: dict[str, Any]) -> Path:
    path.write_text(json.dumps(log), encoding="utf-8")
    return path


def _said(run: Run) -> dict[str, str | None]:
    """Example id -> the answer; None where nothing was read."""
    rows = run.samples.to_dict("records")
    return {row["example_id"]: row["prediction"] if row["parsed"] else None for row in rows}


def test_values_are_what_inspect_takes_them_for(tmp_path: Path) -> None:
    run = import_logs([_save_json(tmp_path / "log.json", inspect_log(SAMPLES))]).run
    task = run.summary.tasks["sums"]
    accuracy = task.levels["clean"].accuracy
    assert accuracy is not None
    assert (task.metric, accuracy.value) == ("match", 0.375)  # (1 + 0 + 0.5 + 0) / 4
    assert _said(run) == {
        "1": "4", "2": "5", "three": "4?", "4": None,
    }  # fmt: skip
    (variant,) = run.variant_records
    assert variant.text == "prompt_template(template=Answer: {prompt})\ngenerate()"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_an_archive_is_the_log_that_its_json_is(tmp_path: Path) -> None:
    one = read_inspect(_save_json(tmp_path / "log.json", inspect_log(SAMPLES)))
    other = read_inspect(save_eval(tmp_path / "log.eval", inspect_log(SAMPLES)))
    assert one.rows == other.rows
    assert (one.version, one.model) == ("0.3.285", "mockllm/model")


def test_zstandard_is_read_and_its_package_named_where_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zstandard = pytest.importorskip(
        "zstandard", reason='type: pip install "robustness-harness[logs]"'
    )
    with monkeypatch.context() as patch:  # Python writes such archives from 3.14 on
        patch.setattr(zipfile, "_check_compression", lambda kind: None)
        pack = lambda *kind: zstandard.ZstdCompressor().compressobj()  # noqa: E731
        patch.setattr(zipfile, "_get_compressor", pack)
        path = save_eval(tmp_path / "log.eval", inspect_log(SAMPLES), 93)
    assert len(read_inspect(path).rows) == 4
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingPackageError, match=r"robustness-harness\[logs\]"):
        read_inspect(path)


def test_epochs_are_one_cell_with_their_mean_and_said(tmp_path: Path) -> None:
    values = ("C", "I", "C")
    samples = [
        inspect_sample(1, said, value, epoch=epoch)
        for epoch, (said, value) in enumerate(zip("454", values, strict=True), 1)
    ]
    log = read_inspect(_save_json(tmp_path / "log.json", inspect_log(samples)))
    assert log.rows[0].scored["match"].value == pytest.approx(2 / 3)
    assert log.rows[0].scored["match"].answer == "4"
    assert any("mean of 3 epochs" in one for one in log.lost)


def test_options_are_answered_by_their_letters(tmp_path: Path) -> None:
    options: dict[str, Any] = {"choices": ["dog", "owl"], "target": "B"}
    samples = [
        inspect_sample(1, "B", "C", **options),
        inspect_sample(2, "A", "I", **options),
        inspect_sample(3, "both", "I", **options),
    ]
    run = import_logs([_save_json(tmp_path / "log.json", inspect_log(samples))]).run
    assert _said(run) == {"1": "owl", "2": "dog", "3": None}
    assert run.manifest["tasks"]["sums"]["chance"] == 0.5


def test_texts_that_stand_apart_are_found(tmp_path: Path) -> None:
    sample = inspect_sample(1, "4", "C", attachments={"abc": "a long question"})
    sample["input"] = [{"role": "user", "content": [{"type": "text", "text": "attachment://abc"}]}]
    log = read_inspect(_save_json(tmp_path / "log.json", inspect_log([sample])))
    assert log.rows[0].input == "a long question"


def test_scores_with_parts_are_metrics_of_their_own(tmp_path: Path) -> None:
    sample = inspect_sample(1, "4", {"style": 0.25, "truth": True})
    log = read_inspect(_save_json(tmp_path / "log.json", inspect_log([sample])))
    values = {name: one.value for name, one in log.rows[0].scored.items()}
    assert values == {"match/style": 0.25, "match/truth": 1.0, "length": 3.0}


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (inspect_log(SAMPLES, version=9), "log version 9; 2 is read"),
        (inspect_log([], status="error"), "no sample: its status is 'error'"),
        (inspect_log([{**SAMPLES[0], "id": None}]), "sample 1 has no id"),
        (inspect_log([SAMPLES[0], SAMPLES[0]]), "stands there twice"),
        (inspect_log([{**SAMPLES[0], "scores": None}]), "no metric of this log"),
        (inspect_log([7]), "row 1 must be an object, not a number"),
        ({**inspect_log([]), "samples": 7}, "a list of rows was expected, not a number"),
    ],
)
def test_logs_that_make_no_run_are_one_line(
    tmp_path: Path, log: dict[str, Any], message: str
) -> None:
    with pytest.raises(HarnessError, match=message):
        import_logs([_save_json(tmp_path / "log.json", log)])


def test_an_unfinished_log_is_taken_and_said(tmp_path: Path) -> None:
    log = inspect_log(SAMPLES, status="cancelled")
    imported = import_logs([save_eval(tmp_path / "log.eval", log)])
    assert any("status 'cancelled'" in one for one in imported.lost)


def test_broken_archives_are_one_line(tmp_path: Path) -> None:
    path = save_eval(tmp_path / "log.eval", inspect_log(SAMPLES))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match="no archive, or a part of one"):
        read_inspect(path)
    path.write_bytes(whole.replace(b"header.json", b"reader.json"))
    with pytest.raises(UsageError, match=r"no header\.json"):
        read_inspect(path)
    at = whole.index(b"header.json") + 20  # within the packed bytes
    path.write_bytes(whole[:at] + bytes(8) + whole[at + 8 :])
    with pytest.raises(UsageError, match=r"header\.json is damaged"):
        read_inspect(path)


def test_an_archive_that_unfolds_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", bytes(3_000_000))
    monkeypatch.setattr(archives, "MAX_MEMBER", 1_000_000)
    with pytest.raises(UsageError, match="3,000,000 bytes; at most 1,000,000"):
        read_inspect(path)
    monkeypatch.setattr(archives, "MAX_TOTAL", 2_000_000)
    with pytest.raises(UsageError, match="would unfold to 3,000,000 bytes"):
        read_inspect(path)


def test_an_archive_writes_nothing_and_its_other_members_are_passed_over(tmp_path: Path) -> None:
    path = save_eval(tmp_path / "log.eval", inspect_log(SAMPLES))
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("../../evil.json", "/etc/evil.json", "samples/../../evil.json"):
            archive.writestr(name, "not JSON")
    before = sorted(tmp_path.rglob("*"))
    assert len(read_inspect(path).rows) == 4
    assert sorted(tmp_path.rglob("*")) == before
