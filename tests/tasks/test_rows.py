"""Data files as they come: each kind of damage is one line with its place."""

from __future__ import annotations

import csv
import gzip
import json
import lzma
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.tasks import hub
from harness.tasks.rows import numbered_rows, place_of, read_file

GOOD = json.dumps({"text": "fine", "label": 1}).encode()


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_file(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"text": "bad \\ud83d"}', "line 3: half a character"),
        (b'{"a": {"b": ["\\uDC00"]}}', "line 3: half a character"),
        (b'{"text": %s}' % (b"9" * 5000), "line 3: a number has too many digits"),
        (b'{"text": %s}' % (b"[" * 100_000), "line 3: lists or objects are nested too deeply"),
        (b'{"text": "\xe9"}', "line 3: not UTF-8 (byte 0xe9 at offset 10 of the line)"),
        (b'{"text": "a\x00"}', "line 3: a NUL byte"),
        (b"[1]", "line 3: a row is a JSON object"),
        (b"null", "line 3: a row is a JSON object"),
        (b"{'text': 1}", "line 3: not valid JSON"),
    ],
)
def test_a_bad_line_of_json_is_named(tmp_path: Path, line: bytes, why: str) -> None:
    assert why in refused(tmp_path / "rows.jsonl", b"\n".join([GOOD, b"", line, GOOD]))


def test_whole_characters_may_be_written_as_two_escapes(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "\\ud83d\\ude00 \\\\ud83d"}\n', encoding="utf-8")
    assert read_file(path) == [{"text": "\U0001f600 \\ud83d"}]


def test_a_byte_order_mark_and_blank_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD + b"\r\n\r\n  \n" + GOOD + b"\n\n")
    assert len(read_file(path)) == 2
    assert place_of(path, 2) == f"{path}, line 4"


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_archive_is_refused(tmp_path: Path, pack: object, damage: str) -> None:
    lines = b"\n".join(json.dumps({"n": n * 7919}).encode() for n in range(5000))
    packed = bytearray(pack(lines))  # type: ignore[operator]
    if damage == "cut":
        del packed[len(packed) // 2 :]
    else:
        packed[len(packed) // 2] ^= 0xFF
    suffix = "gz" if pack is gzip.compress else "xz"
    assert refused(tmp_path / f"rows.jsonl.{suffix}", bytes(packed))


def test_long_csv_fields_are_read_and_the_limit_is_put_back(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"text,label\n{'x' * 200_000},1\n", encoding="utf-8")
    before = csv.field_size_limit()
    (row,) = read_file(path)
    assert len(str(row["text"])) == 200_000
    assert csv.field_size_limit() == before


def test_a_tsv_file_is_parted_by_tabs_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text("a,b\tc;d\n1,2\t3;4\n", encoding="utf-8")
    assert read_file(path) == [{"a,b": "1,2", "c;d": "3;4"}]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_csv_may_be_parted_by_semicolons_and_tabs(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f'text{mark}label\n"a\nb"{mark}1\n\nc{mark}0\n', encoding="utf-8")
    assert read_file(path) == [{"text": "a\nb", "label": "1"}, {"text": "c", "label": "0"}]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a,a\n1,2\n", "line 1: the column 'a' stands twice"),
        (b"a,b\n1\n", "line 2: 2 columns"),
        (b"a,b\n1,\xff\n", "line 2: not UTF-8"),
        (b"a,b\n1,\x00\n", "line 2: a NUL byte"),
        (b'a,b\n1,"2\n', "not valid CSV"),
    ],
)
def test_a_bad_csv_is_named(tmp_path: Path, content: bytes, why: str) -> None:
    assert why in refused(tmp_path / "rows.csv", content)


@pytest.mark.parametrize("reachable", [True, False])
def test_the_hub_is_left_alone_where_it_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, reachable: bool
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(hub, "_reachable", lambda host, port: reachable)
    before = (constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE)
    with hub.reach_hub():
        during = (constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE)
    assert during == (before if reachable else (True, True))
    assert before == (constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE)


def test_a_host_that_does_not_exist_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in hub._PROXIES:
        monkeypatch.delenv(name, raising=False)
    assert not hub._reachable("localhost", 1)


def test_rows_are_mappings(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"{}\n" + GOOD)
    assert all(isinstance(row, Mapping) for row in read_file(path))


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").mkdir()
    with pytest.raises(UsageError, match="is a folder; a data file was expected"):
        read_file(tmp_path / "rows.jsonl")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(UsageError, match="is no regular file"):
        read_file(tmp_path / "pipe.csv")
    with pytest.raises(UsageError, match=r"not found: .*Did you mean 'rows\.jsonl'"):
        list(numbered_rows(tmp_path / "row.jsonl"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("json", "json is a file format"), ("mine", "mine is a path"), ("../here", "../here is a")],
)
def test_what_datasets_would_read_from_this_machine_is_no_hub_set(
    name: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UsageError, match=f"hub: {reason}"):
        hub.check_hub_name(name)
    hub.check_hub_name("nyu-mll/glue")
    hub.check_hub_name("n" * 5000)
