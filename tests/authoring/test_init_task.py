"""`harness init-task`: what is guessed from a table, and that the result runs as it is."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest

from harness.authoring.columns import Column, columns_of
from harness.authoring.graders import guess_grader
from harness.authoring.guess import draft_labels
from harness.authoring.init import Drafted, init_task
from harness.cli.app import run as harness
from harness.core.errors import HarnessError, UsageError
from harness.tasks import Task, load_task
from harness.tasks.yamlfile import read_text

BODIES = (
    "I cannot log in since this morning",
    "Where is my invoice for March, please?",
    "The mug arrived broken in two",
    "Somebody else uses my account right now",
    "You charged me twice this month",
    "The shoes are one size too small",
)
TEAMS = ("access", "billing", "returns", "access", "billing", "returns")
ROWS = [
    {"ticket": 1000 + n, "body": body, "team": team}
    for n, (body, team) in enumerate(zip(BODIES, TEAMS, strict=True))
]


def csv_text(rows: Sequence[Mapping[str, object]], mark: str = ",") -> str:
    lines: list[list[object]] = [list(rows[0]), *(list(row.values()) for row in rows)]
    return "".join(mark.join(f'"{cell}"' for cell in line) + "\n" for line in lines)


def drafted(path: Path, **options: object) -> tuple[Drafted, Task]:
    done = init_task(str(path), out=path.with_suffix(".yaml"), **options)  # type: ignore[arg-type]
    return done, load_task(done.path, data_dir=None)


def write(path: Path, rows: Sequence[Mapping[str, object]] = ROWS) -> Path:
    """The rows in the form that the file's name says."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    if path.name.endswith(".gz"):
        path.write_bytes(gzip.compress(csv_text(rows).encode()))
    elif path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        texts = {
            ".csv": csv_text(rows), ".tsv": csv_text(rows, "\t"), ".jsonl": lines,
            ".json": json.dumps(list(rows)),
        }  # fmt: skip
        path.write_text(texts[path.suffix], encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.json", "t.parquet", "t.csv.gz"])
def test_every_kind_of_file_becomes_a_task_that_loads(tmp_path: Path, name: str) -> None:
    _, task = drafted(write(tmp_path / name))
    assert task.label_names == ("access", "billing", "returns")
    assert [example.id for example in task.examples] == [str(row["ticket"]) for row in ROWS]
    assert task.examples[0].input == "Body: I cannot log in since this morning"
    assert [one.style for one in task.instructions] == ["task", "task", "role"]
    for instruction in task.instructions:
        assert all(f"'{word}'" in instruction.text for word in task.label_words)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_by_which_rows_have_equally_many_columns(
    tmp_path: Path, mark: str
) -> None:
    text = csv_text(ROWS, mark).replace('"', "" if mark != "," else '"')
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    _, task = drafted(tmp_path / "t.csv")
    assert len(task.examples) == 6


def test_a_comma_in_the_header_does_not_hide_semicolons(tmp_path: Path) -> None:
    rows = [f"{body};{team}" for body, team in zip(BODIES, TEAMS, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["text, as sent;team", *rows]), encoding="utf-8")
    done, task = drafted(tmp_path / "t.csv")
    assert 'separator: ";"' in read_text(done.path, what="task")
    assert task.examples[1].input == "Text as sent: Where is my invoice for March, please?"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
def test_western_encodings_are_told_apart(tmp_path: Path, encoding: str) -> None:
    rows = [{**row, "body": f"Größe „{row['body']}“"} for row in ROWS]
    (tmp_path / "t.csv").write_bytes(csv_text(rows).encode(encoding))
    _, task = drafted(tmp_path / "t.csv")
    assert task.examples[0].input == "Body: Größe „I cannot log in since this morning“"


def test_other_single_byte_texts_are_refused_until_their_encoding_is_said(tmp_path: Path) -> None:
    rows = [{**row, "body": f"Заказ не пришёл {row['ticket']} раз"} for row in ROWS]
    (tmp_path / "t.csv").write_bytes(csv_text(rows).encode("cp1251"))
    with pytest.raises(UsageError, match=r"Type: --encoding NAME, such as .*cp1251"):
        drafted(tmp_path / "t.csv")
    _, task = drafted(tmp_path / "t.csv", encoding="cp1251")
    assert task.examples[0].input == "Body: Заказ не пришёл 1000 раз"


def test_rows_without_a_label_are_left_out_and_spellings_become_one(tmp_path: Path) -> None:
    rows = [dict(row) for row in ROWS]
    rows[0]["team"], rows[3]["team"] = "", " Access"
    done, task = drafted(write(tmp_path / "t.csv", rows))
    assert len(task.examples) == 5
    assert task.examples[2].gold == "Access"
    assert "rows that hold nothing there: 1" in read_text(done.path, what="task")


def test_spellings_that_cannot_be_told_apart_are_one_label() -> None:
    rows = [{"c": value} for value in ("Bug", "bug", "bug", " BUG ", "idea", "idea")]
    labels = draft_labels(columns_of(rows)["c"])
    assert [(one.name, one.also, one.count) for one in labels] == [
        ("bug", ("Bug", " BUG "), 4),
        ("idea", (), 2),
    ]


@pytest.mark.parametrize(("column", "words"), [("is_spam", ["no", "yes"]), ("label", ["0", "1"])])
def test_zero_and_one_are_no_and_yes_where_the_column_asks(
    tmp_path: Path, column: str, words: list[str]
) -> None:
    rows = [{"text": body, column: n % 2} for n, body in enumerate(BODIES)]
    _, task = drafted(write(tmp_path / "t.jsonl", rows))
    assert list(task.label_words) == words
    assert [example.gold for example in task.examples[:2]] == words


def test_columns_with_names_that_are_no_words_of_a_template_are_shown(tmp_path: Path) -> None:
    rows = [{"Ticket text": b, "2nd": f"more of {b}", "for": b, "team": t}
            for b, t in zip(BODIES, TEAMS, strict=True)]  # fmt: skip
    _, task = drafted(write(tmp_path / "t.csv", rows))
    lines = task.examples[2].input.splitlines()
    assert lines[0] == "Ticket text: The mug arrived broken in two"
    assert lines[1].startswith("2nd: more of")
    assert task.content_free_inputs()


def test_a_field_that_some_rows_lack_does_not_stop_the_task(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{**row, "subject": f"about case {n}"} for n, row in
                                     enumerate(ROWS)]  # fmt: skip
    del rows[2]["subject"]
    _, task = drafted(write(tmp_path / "t.jsonl", rows))
    assert task.examples[2].input == "Body: The mug arrived broken in two\nSubject:"


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (ROWS, {"label": "teem"}, "unknown column 'teem'. Did you mean 'team'?"),
        (ROWS, {"label": "team", "answer": "body"}, "--label and --answer are both given."),
        (ROWS, {"label": "ticket"}, "Type: --answer ticket"),
        ([{"a": "x y z"}, {"a": "u v w"}], {}, "Type: --label COLUMN or --answer COLUMN."),
        ([{"team": t} for t in TEAMS], {}, "beside 'team' no column holds something to read"),
    ],
)
def test_what_cannot_be_guessed_says_what_to_type(
    tmp_path: Path, rows: list[dict[str, object]], options: dict[str, str], message: str
) -> None:
    with pytest.raises(HarnessError) as caught:
        drafted(write(tmp_path / "t.csv", rows), **options)
    assert message in str(caught.value)


def test_a_file_that_is_there_is_overwritten_by_force_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "tickets.csv")
    assert harness(["init-task", "tickets.csv"]) == 0
    assert "classes" in capsys.readouterr().out
    Path("tickets.yaml").write_text("mine", encoding="utf-8")
    assert harness(["init-task", "tickets.csv"]) == 2
    assert "--force" in capsys.readouterr().err
    assert read_text(Path("tickets.yaml"), what="task") == "mine"
    assert harness(["init-task", "tickets.csv", "--force", "--json"]) == 0
    found = {one["what"]: one["value"] for one in json.loads(capsys.readouterr().out)["found"]}
    assert found["id"] == "ticket"
    assert found["input"] == "body"


@pytest.mark.parametrize("name", ["t.json", "t.jsonl", "t.csv", "t.parquet", "t.txt"])
def test_hostile_files_end_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b'{"a": [1, 2}\x00\xff\xfe\x81 broken')
    assert harness(["init-task", str(tmp_path / name), "--out", str(tmp_path / "x.yaml")]) == 2
    assert not (tmp_path / "x.yaml").exists()


def test_free_answers_have_a_grader_that_fits_them(tmp_path: Path) -> None:
    questions = [{"question": f"Which {body}?", "answer": f"the {n}th"} for n, body in
                 enumerate(BODIES)]  # fmt: skip
    done, task = drafted(write(tmp_path / "t.csv", questions))
    assert task.answer is not None
    assert task.answer.grader.name == "token_f1"
    assert task.examples[0].references == ("the 0th",)
    assert "EDIT: exact for one right text" in read_text(done.path, what="task")
    numbers = [{"problem": body, "answer": f"1,00{n}"} for n, body in enumerate(BODIES)]
    _, task = drafted(write(tmp_path / "n.csv", numbers), answer="answer")
    assert task.answer is not None
    assert task.answer.grader.name == "numeric"


def test_objects_are_graded_by_their_fields_and_the_keys_are_said(tmp_path: Path) -> None:
    rows = [{"mail": body, "expected": {"team": team, "urgent": n}} for n, (body, team) in
            enumerate(zip(BODIES, TEAMS, strict=True))]  # fmt: skip
    _, task = drafted(write(tmp_path / "t.jsonl", rows))
    assert task.answer is not None
    assert task.answer.grader.name == "json_fields"
    assert all("'team' and 'urgent'" in one.text for one in task.instructions)
    assert task.answer_cue == "JSON:"


@pytest.mark.parametrize(("answers", "gold"), [("BAA", "BAA"), ("213", "BAC"), ("102", "BAC")])
def test_options_in_columns_of_letters_are_choices(tmp_path: Path, answers: str, gold: str) -> None:
    rows = [
        {"question": f"Which one is {n}?", "A": f"x{n}", "B": f"y{n}", "C": f"z{n}", "answer": said}
        for n, said in enumerate(answers)
    ]
    _, task = drafted(write(tmp_path / "t.csv", rows))
    assert task.kind == "choices"
    assert "".join(example.gold for example in task.examples) == gold
    assert task.examples[0].input.endswith("A. x0\nB. y0\nC. z0")


def test_a_list_of_options_is_choices_too(tmp_path: Path) -> None:
    rows = [{"question": f"Is it {n}?", "choices": ["x", "y"], "answer": n % 2} for n in range(4)]
    _, task = drafted(write(tmp_path / "t.jsonl", rows))
    assert (task.kind, task.examples[1].gold) == ("choices", "B")


class HubRows(list[dict[str, object]]):
    """Rows as the package datasets returns them, with names for the numbers of a label."""

    features = {"label": type("ClassLabel", (), {"names": ["bad", "very_good"]})(), "text": None}  # noqa: RUF012


def test_a_data_set_of_the_hub_is_drafted_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = HubRows([{"text": body, "label": n % 2} for n, body in enumerate(BODIES)])
    monkeypatch.setattr("datasets.get_dataset_split_names", lambda name, config: ["train", "test"])
    monkeypatch.setattr("datasets.load_dataset", lambda path, config, *, split: rows)
    done = init_task("owner/films", out=tmp_path / "films.yaml", config="all")
    text = read_text(done.path, what="task")
    assert "hub: {path: owner/films, config: all, split: test}" in text
    assert 'name: very_good, value: "1", word: "very good"' in text
    assert [one.value for one in done.found if one.what == "split"] == ["test"]


def test_a_hub_that_cannot_be_reached_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.invalid")
    assert harness(["init-task", "owner/films", "--out", str(tmp_path / "x.yaml")]) == 2
    error = capsys.readouterr().err
    assert "owner/films is no file here, and as a data set of the hub it cannot be had" in error
    assert len(error.splitlines()) == 1


def test_answers_of_brackets_without_an_end_are_texts() -> None:
    column = Column("answer", ("[" * 3000,) * 3)
    assert "words in common" in guess_grader(column).reason
