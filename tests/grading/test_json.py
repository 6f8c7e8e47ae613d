"""JSON in texts, compared field by field and checked by a schema."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from harness.grading.json_text import find_json, parse_json
from tests.support.graders import grader

ANN = '{"name": "Ann", "age": 30}'
NESTED = '{"name": "Ann", "home": {"city": "Rome", "zip": "00100"}, "tags": ["a", "b"]}'

FIELDS = [
    # options, text, reference, score; None: unparsed
    ({}, ANN, ANN, 1),
    ({}, '{"age": 30, "name": "ann"}', ANN, 1),
    ({}, '{"age": 31, "name": "Ann"}', ANN, 1 / 2),
    ({}, '{"name": "Ann"}', ANN, 1 / 2),
    ({}, "{}", ANN, 0),
    ({}, '{"name": "Ann", "age": 30, "x": 1}', ANN, 1),
    ({"extra": "wrong"}, '{"name": "Ann", "age": 30, "x": 1}', ANN, 2 / 3),
    ({"require": "all"}, '{"name": "Ann", "age": 31}', ANN, 0),
    ({"require": "all"}, ANN, ANN, 1),
    ({}, "I do not know.", ANN, None),
    ({}, "", ANN, None),
    ({}, "{'name': 'Ann'}", ANN, None),
    ({}, '{"name": "Ann",}', ANN, None),
    ({}, '["Ann", 30]', ANN, None),
    ({}, '"Ann"', ANN, None),
    ({}, '{"name": "Ann", "age": 30', ANN, None),
    ({}, '{"name": "Ann", "name": "Bob", "age": 30}', ANN, None),
    ({}, '{"name": "Ann", "age": NaN}', ANN, None),
    ({}, '{"name": "Ann", "age": 1e999}', ANN, None),
    # types
    ({}, '{"name": "Ann", "age": "30"}', ANN, 1 / 2),
    ({"types": "loose"}, '{"name": "Ann", "age": "30"}', ANN, 1),
    ({"types": "loose"}, '{"name": "Ann", "age": "30 years"}', ANN, 1),
    ({}, '{"name": "Ann", "age": 30.0}', ANN, 1),
    ({}, '{"a": true}', '{"a": 1}', 0),
    ({}, '{"a": 1}', '{"a": true}', 0),
    ({"types": "loose"}, '{"a": "True"}', '{"a": true}', 1),
    ({"types": "loose"}, '{"a": 1}', '{"a": true}', 0),
    ({}, '{"a": null}', '{"a": null}', 1),
    ({}, "{}", '{"a": null}', 0),
    ({"types": "loose"}, "{}", '{"a": null}', 1),
    ({"types": "loose"}, '{"a": ""}', '{"a": null}', 1),
    ({}, '{"a": ""}', '{"a": null}', 0),
    # numbers and texts
    ({"absolute": 1}, '{"name": "Ann", "age": 31}', ANN, 1),
    ({"relative": 0.01}, '{"name": "Ann", "age": 31}', ANN, 1 / 2),
    ({}, '{"a": 0.1}', '{"a": 0.10}', 1),
    ({}, '{"a": "x  Y"}', '{"a": "X y"}', 1),
    ({"texts": "exact"}, '{"a": "x Y"}', '{"a": "X y"}', 0),
    ({}, '{"a": "x-y"}', '{"a": "xy"}', 0),
    # nesting
    ({}, NESTED, NESTED, 1),
    ({}, '{"name": "Ann", "home": {"city": "Rome"}}', NESTED, 2 / 4),
    ({}, '{"name": "Ann", "home": "Rome", "tags": ["b", "a"]}', NESTED, 1 / 4),
    ({"fields": ["home.city"]}, '{"home": {"city": "Rome"}}', NESTED, 1),
    ({"fields": ["home"]}, '{"home": {"city": "Rome"}}', NESTED, 1 / 2),
    ({"fields": ["name", "tags"]}, '{"name": "Bob", "tags": ["a", "b"]}', NESTED, 1 / 2),
    ({"fields": ["name"], "extra": "wrong"}, '{"name": "Ann", "x": 1}', ANN, 1),
    ({"lists": "set", "fields": ["tags"]}, '{"tags": ["b", "a", "a"]}', NESTED, 1),
    ({"lists": "set", "fields": ["tags"]}, '{"tags": ["a"]}', NESTED, 0),
    ({"lists": "set", "fields": ["tags"]}, '{"tags": ["a", "b", "c"]}', NESTED, 0),
    ({}, "[1, 2]", "[1, 2]", 1),
    ({}, "[2, 1]", "[1, 2]", 0),
    ({"lists": "set"}, "[2, 1.0]", "[1, 2]", 1),
    ({}, '[{"a": 1}]', '[{"a": 1}]', 1),
    ({}, '[{"a": 1, "b": 2}]', '[{"a": 1}]', 0),
    ({}, '{"a": {}}', '{"a": {}}', 1),
    ({}, '{"a.b": 1}', '{"a.b": 1}', 1),
]


@pytest.mark.parametrize(("options", "text", "reference", "score"), FIELDS)
def test_the_share_of_fields_that_are_right(
    options: dict[str, object], text: str, reference: str, score: float | None
) -> None:
    grade = grader("json_fields", **options).grade(text, [reference])
    assert (None if grade.answer is None else grade.score) == score


def test_the_best_reference_counts_and_only_all_or_nothing_is_binary() -> None:
    assert grader("json_fields").grade('{"a": 2}', ['{"a": 1}', '{"a": 2}']).score == 1
    assert not grader("json_fields").binary
    assert grader("json_fields", require="all").binary


FOUND: list[tuple[str, JsonValue | None]] = [
    ('{"a": 1}', {"a": 1}),
    (' \n{"a": 1}\n', {"a": 1}),
    ('Sure! {"a": 1} Anything else?', {"a": 1}),
    ('```json\n{"a": 1}\n```', {"a": 1}),
    ('~~~\n{"a": 1}\n~~~', {"a": 1}),
    ('```json\n{"a": 1}', {"a": 1}),
    ('First ```\n{"a": 1}\n``` then ```\n{"a": 2}\n```', {"a": 2}),
    ('```json\n{"a": 1}\n```\nAs in {"b": 2}.', {"a": 1}),
    ('The form {"a": 0} is filled as {"a": 1}', {"a": 1}),
    ('{"a": 1}\nExplanation: {"b": 2} would be wrong.', {"a": 1}),
    ('{"a": {"b": 1}} x', {"a": {"b": 1}}),
    ('see [1]: {"a": 1}', {"a": 1}),
    ('{"a": "}"} x', {"a": "}"}),
    ('{ not json } {"a": 1}', {"a": 1}),
    ('{"a": {"b": 1}', {"b": 1}),
    ('{"a": 1, "a": 2}', None),
    ("{" * 50_000, None),
    ('{"a":' * 50_000, None),
    ('{"a":' * 65 + "1" + "}" * 65, None),
    ('{"' * 50_000, None),
    ("no", None),
    ("", None),
    ("12", None),
]


@pytest.mark.parametrize(("text", "value"), FOUND)
def test_an_object_is_found_in_a_text(text: str, value: JsonValue | None) -> None:
    found = find_json(text, "object")
    assert (found.value if found else None) == value


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "1e999", '{"a":1,"a":1}', "9" * 5000, "'a'"])
def test_what_is_no_strict_json_is_refused(text: str) -> None:
    assert parse_json(text) is None


def test_a_reference_that_cannot_be_compared_is_a_problem() -> None:
    fields = grader("json_fields")
    assert "no JSON object or array" in (fields.problem(["x"]) or "")
    assert "no JSON object or array" in (fields.problem(["3"]) or "")
    assert "has no field" in (fields.problem(["{}"]) or "")
    assert "has no field named b" in (
        grader("json_fields", fields=["b"]).problem(['{"a": 1}']) or ""
    )
    assert fields.problem([ANN, "[]"]) is None


TICKET: dict[str, JsonValue] = {
    "type": "object",
    "required": ["id", "tags"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "mail": {"type": "string", "pattern": "^[^@]+@[^@]+$"},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True},
        "next": {"$ref": "#"},
        "share": {"type": "number", "multipleOf": 0.5},
    },
}
VALUES: list[JsonValue] = [
    {"id": 1, "tags": []},
    {"id": 1, "tags": ["a"]},
    {"id": 1, "tags": ["a", "b"]},
    {"id": 1, "tags": ["a", "a"]},
    {"id": 1, "tags": ["c"]},
    {"id": 1, "tags": "a"},
    {"id": 1, "tags": None},
    {"id": 1},
    {"tags": []},
    {},
    {"id": 0, "tags": []},
    {"id": 1.0, "tags": []},
    {"id": 1.5, "tags": []},
    {"id": "1", "tags": []},
    {"id": True, "tags": []},
    {"id": None, "tags": []},
    {"id": 10**30, "tags": []},
    {"id": 1, "tags": [], "x": 1},
    {"id": 1, "tags": [], "mail": "a@b"},
    {"id": 1, "tags": [], "mail": "a@@b"},
    {"id": 1, "tags": [], "mail": ""},
    {"id": 1, "tags": [], "mail": 5},
    {"id": 1, "tags": [], "next": {"id": 2, "tags": []}},
    {"id": 1, "tags": [], "next": {"id": 0, "tags": []}},
    {"id": 1, "tags": [], "next": {}},
    {"id": 1, "tags": [], "next": None},
    {"id": 1, "tags": [], "share": 1.5},
    {"id": 1, "tags": [], "share": 1},
    {"id": 1, "tags": [], "share": 0.3},
    {"id": 1, "tags": [], "share": "1"},
    {"id": 1, "tags": [["a"]]},
    {"ID": 1, "tags": []},
]


@pytest.mark.parametrize("value", VALUES)
def test_a_schema_is_checked_as_jsonschema_does(value: JsonValue) -> None:
    expected = jsonschema.Draft202012Validator(TICKET).is_valid(value)
    text = f"Here:\n```json\n{json.dumps(value)}\n```"
    assert grader("json_schema", schema=TICKET).grade(text, []).score == expected


def test_both_outcomes_stand_in_the_table() -> None:
    valid = jsonschema.Draft202012Validator(TICKET).is_valid
    assert sum(map(valid, VALUES)) == 9


def test_a_text_without_json_is_unparsed_and_no_reference_is_needed() -> None:
    schema = grader("json_schema", schema=TICKET)
    assert schema.grade("none", []).answer is None
    assert schema.grade("[1]", []).answer is None
    assert schema.problem([]) is None
    assert grader("json_schema", schema={"type": "array"}).grade("so: [1]", []).score == 1
    assert grader("json_schema", schema={"type": "number"}).grade("5", []).score == 1


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objekt"}, "no JSON Schema: 'objekt' is not valid"),
        ({"properties": {"a": {"minimum": "1"}}}, r"at \$.properties.a.minimum"),
        ({"pattern": "("}, "no JSON Schema"),
        ({"$ref": "#/$defs/x"}, "which is not in it"),
        ({"properties": {"a": {"$ref": "#/$defs/x"}}}, "which is not in it"),
        ({"$ref": "https://example.invalid/schema"}, "which is not in it"),
        ({"$ref": "#"}, "refers to itself"),
        (
            {"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"$ref": "#/$defs/b"}}},
            "itself",
        ),
        ({"properties": {"a": {"pattern": "^(a|aa)+$"}}}, "runs away"),
        ({"patternProperties": {"^(a|aa)+$": {}}}, "runs away"),
        ("object", "valid dictionary"),
        (3, "valid dictionary"),
        (None, "valid dictionary"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        grader("json_schema", schema=schema)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.text(), JSON, min_size=1))
def test_any_object_is_right_for_itself(value: dict[str, JsonValue]) -> None:
    text = json.dumps(value)
    for options in (
        {},
        {"types": "loose"},
        {"lists": "set"},
        {"extra": "wrong"},
        {"texts": "exact"},
    ):
        assert grader("json_fields", **options).grade(f"So: {text}.", [text]).score == 1


@settings(deadline=None)
@given(st.text(alphabet='{}[]",:1a \\\n`', max_size=200))
def test_any_text_is_searched(text: str) -> None:
    for kind in ("object", "array", "any"):
        find_json(text, kind)
