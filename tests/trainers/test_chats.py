"""Conversations and other forms of instruction data: whose text is learnt, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.cli.app import run as run_cli
from harness.core.errors import UsageError
from perturbations import select
from tests.support.trainers_tiny import write_rows
from trainers.pairs.build import PairsOptions, build_pairs
from trainers.pairs.filters import Drops
from trainers.pairs.paraphrases import ParaphraseOptions, read_instructions

Json = dict[str, Any]


def turn(role: str, content: object, **more: object) -> Json:
    return {"role": role, "content": content, **more}


def says(who: str, value: object) -> Json:
    return {"from": who, "value": value}


SYSTEM, ASKED, ANSWERED = (
    turn("system", "Be brief."),
    turn("user", "What is it?"),
    turn("assistant", "A toy."),
)
IMAGE = {"type": "image_url", "image_url": {"url": "x"}}
FIRST = ("What is it?", "", "A toy.")


def read(tmp_path: Path, *rows: Json) -> list[tuple[str, str, str]]:
    pairs = read_instructions(write_rows(tmp_path / "rows.jsonl", list(rows)))
    return [(pair.original, pair.input, pair.target) for pair in pairs]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"messages": [ASKED, ANSWERED]}, [FIRST]),
        # the system's text is no part of the input
        ({"messages": [SYSTEM, ASKED, ANSWERED]}, [FIRST]),
        ({"messages": [turn("developer", "Be brief."), ASKED, ANSWERED]}, [FIRST]),
        # each assistant turn is a target, what came before it its input
        (
            {"messages": [ASKED, ANSWERED, turn("user", "Which?"), turn("assistant", "A car.")]},
            [FIRST, ("Which?", "User: What is it?\nAssistant: A toy.", "A car.")],
        ),
        # a greeting answers nobody; a question without an answer teaches nothing
        (
            {"messages": [turn("assistant", "Hello!"), ASKED, ANSWERED, turn("user", "Bye.")]},
            [("What is it?", "Assistant: Hello!", "A toy.")],
        ),
        # a call of a tool is context, its result too
        (
            {
                "messages": [
                    ASKED,
                    turn("assistant", None, tool_calls=[{"name": "look"}]),
                    turn("tool", "a toy"),
                    ANSWERED,
                ]
            },
            [("What is it?", 'Assistant: [{"name": "look"}]\nTool: a toy', "A toy.")],
        ),
        # weight 0 in OpenAI's form
        (
            {"messages": [ASKED, {**ANSWERED, "weight": 0}, turn("user", "So?"), ANSWERED]},
            [("So?", "User: What is it?\nAssistant: A toy.", "A toy.")],
        ),
        (
            {"messages": [turn("user", [{"type": "text", "text": "What"}, "is it?"]), ANSWERED]},
            [("What\nis it?", "", "A toy.")],
        ),
        ({"prompt": "What is it?", "completion": " A toy."}, [FIRST]),
        ({"prompt": [ASKED], "completion": [ANSWERED]}, [FIRST]),
        (
            {
                "prompt": [turn("user", "Hi"), turn("assistant", "Hey"), ASKED],
                "completion": "A toy.",
            },
            [("What is it?", "User: Hi\nAssistant: Hey", "A toy.")],
        ),
        ({"prompt": "What is it?", "chosen": "A toy.", "rejected": "No."}, [FIRST]),
        ({"prompt": [ASKED], "chosen": [ANSWERED], "rejected": [turn("assistant", "No")]}, [FIRST]),
        # an implicit prompt: what chosen and rejected have in common
        (
            {
                "chosen": [turn("user", "Hi"), turn("assistant", "Hey"), ASKED, ANSWERED],
                "rejected": [
                    *[turn("user", "Hi"), turn("assistant", "Hey"), ASKED],
                    turn("assistant", "No."),
                ],
            },
            [("What is it?", "User: Hi\nAssistant: Hey", "A toy.")],
        ),
        # the prompt beside a conversation that holds it
        ({"prompt": "What is it?", "chosen": [ASKED, ANSWERED]}, [FIRST]),
        (
            {
                "conversations": [says("human", "What is it?")],
                "chosen": says("gpt", "A toy."),
                "rejected": says("gpt", "No."),
            },
            [FIRST],
        ),
        ({"instruction": "What is it?", "input": "", "chosen": "A toy."}, [FIRST]),
        (
            {"conversations": [says("human", "What is it?"), says("gpt", "A toy.")]},
            [FIRST],
        ),
        (
            {
                "system": "Be brief.",
                "conversations": [says("human", "What is it?"), says("gpt", "A toy.")],
            },
            [FIRST],
        ),
        (
            {
                "instruction": "What is it?",
                "input": "a car",
                "output": "A toy.",
                "history": [["Hi", "Hey"]],
            },
            [("What is it?", "User: Hi\nAssistant: Hey\na car", "A toy.")],
        ),
        ({"instruction": "Add.", "input": 3, "output": 4}, [("Add.", "3", "4")]),
        ({"prompt": "What is it?", "completion": "No.", "label": False}, []),
        ({"prompt": "What is it?", "completion": "A toy.", "label": True}, [FIRST]),
    ],
)
def test_roles_are_read(tmp_path: Path, row: Json, expected: list[tuple[str, str, str]]) -> None:
    assert read(tmp_path, row) == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"messages": [SYSTEM, ASKED]}, "no assistant turn answers a user's; the roles are system"),
        ({"messages": [SYSTEM, ANSWERED]}, "no assistant turn answers"),
        ({"messages": []}, "a list of turns"),
        ({"messages": "Hi"}, "a list of turns"),
        ({"messages": ["Hi", "Hey"]}, "turn 1 must be an object"),
        ({"messages": [turn("teacher", "x"), ANSWERED]}, 'turn 1 has the role "teacher"'),
        ({"messages": [{"content": "x"}, ANSWERED]}, "turn 1 has the role null"),
        ({"messages": [turn("user", [IMAGE]), ANSWERED]}, 'content part of type "image_url"'),
        ({"messages": [turn("user", {"text": "x"}), ANSWERED]}, "must be a text or a list"),
        ({"messages": [turn("user", 7), ANSWERED]}, "must be a text or a list"),
        ({"prompt": [ASKED]}, "not instruction data; it has prompt"),
        ({"completion": "A toy."}, "'completion' has no 'prompt'"),
        ({"prompt": "", "completion": "A toy."}, "no text of a user"),
        ({"prompt": [SYSTEM], "completion": [ANSWERED]}, "no text of a user"),
        ({"prompt": [ASKED], "completion": [ASKED, ANSWERED]}, "begins with a turn of role user"),
        ({"chosen": "Human: Hi", "rejected": "Human: Hi"}, "'chosen' has no prompt"),
        ({"prompt": "Why?", "chosen": [ASKED, ANSWERED]}, "does not hold the prompt"),
        ({"instruction": {"a": 1}, "output": "x"}, "'instruction' must be a text; it is dict"),
        ({"instruction": "x", "output": {"a": 1}}, "'output' must be a text; it is dict"),
        ({"instruction": "x", "output": True}, "'output' must be a text; it is bool"),
        ({"instruction": "x", "input": "y"}, "no output"),
        ({"instruction": "x", "instances": ["y"]}, "an instance must be an object"),
        ({"instruction": "x", "output": "y", "history": ["z"]}, "'history' must be"),
        ({"question": "x"}, "not instruction data; it has question"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(
    tmp_path: Path, row: Json, message: str
) -> None:
    path = tmp_path / "rows.jsonl"
    # a blank line is no row, but it is a line
    path.write_text(json.dumps({"messages": [ASKED, ANSWERED]}) + "\n\n" + json.dumps(row) + "\n")
    with pytest.raises(UsageError) as error:
        list(read_instructions(path))
    assert f"{path}, line 3: " in error.value.message
    assert message in error.value.message


def test_unwanted_answers_are_counted(tmp_path: Path) -> None:
    drops = Drops()
    row = {"prompt": "What is it?", "completion": "No.", "label": False}
    list(read_instructions(write_rows(tmp_path / "rows.jsonl", [row]), drops))
    assert drops.by_reason() == {"unwanted": 1}


@pytest.mark.parametrize(
    ("row", "system"),
    [
        ({"messages": [SYSTEM, ASKED, ANSWERED]}, "Be brief."),
        ({"messages": [ASKED, ANSWERED], "system": "Be kind."}, "Be kind."),
        ({"messages": [SYSTEM, ASKED, ANSWERED], "system": "Be kind."}, "Be kind.\n\nBe brief."),
        ({"instruction": "Add.", "output": 4, "system": "Be brief."}, "Be brief."),
        ({"prompt": [SYSTEM, ASKED], "completion": [ANSWERED]}, "Be brief."),
    ],
)
def test_what_stands_before_everything_is_the_system_text(
    tmp_path: Path, row: Json, system: str
) -> None:
    (pair,) = read_instructions(write_rows(tmp_path / "rows.jsonl", [row]))
    assert (pair.system, pair.input) == (system, "")


def test_a_chat_file_becomes_pairs_about_the_user_s_text(tmp_path: Path) -> None:
    """One answer to many questions is no constant task: the instructions differ."""
    asked = [turn("user", f"What is the colour of thing {n}?") for n in range(20)]
    rows = [{"messages": [SYSTEM, one, turn("assistant", "red")]} for one in asked]
    path = write_rows(tmp_path / "chat.jsonl", rows)
    chosen = ParaphraseOptions(select(levels=("character",)).perturbations, {})
    built = build_pairs(PairsOptions("paraphrases", path, paraphrases=chosen))
    assert [pair.original for pair in built.pairs] == [one["content"] for one in asked]
    assert {(p.system, p.target) for p in built.pairs} == {("Be brief.", "red")}
    assert all(pair.paraphrase != pair.original for pair in built.pairs)
    # the system's text, which all share, does not make them the same request
    assert len({pair.instance_id for pair in built.pairs}) == 20


@pytest.mark.parametrize(
    "line",
    [
        '{"messages": [{"role": "user", "content": "\\ud800"}, {"role": "assistant"}]}',
        '{"instruction": "a \\udc00 b", "output": "x"}',
        '{"instruction": "a", "output": %s}' % ("9" * 5000),
        "[" * 100_000,
        '{"instruction": "a", "output": NaN}',
    ],
    ids=["surrogate", "surrogate-2", "digits", "deep", "nan"],
)
@pytest.mark.parametrize("source", ["paraphrases", "t0", "coin-csv"])
def test_hostile_lines_are_one_line(
    tmp_path: Path, line: str, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(line + "\n")
    arguments: Sequence[str] = ["--input", str(path), "--out", str(tmp_path / "pairs.jsonl")]
    levels = ["--levels", "character"] if source == "paraphrases" else []
    assert run_cli(["pairs", "--source", source, *levels, *arguments]) in (2, 5)
    assert "Traceback" not in capsys.readouterr().err
