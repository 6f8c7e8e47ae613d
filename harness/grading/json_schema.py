"""JSON checked against a JSON Schema (https://json-schema.org) by the package jsonschema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, JsonValue

from harness.core.errors import UsageError
from harness.grading.grade import UNPARSED, Grade, GraderOptions
from harness.grading.json_text import JsonKind, find_json, parse_json
from harness.grading.pattern import matches, runs_away

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

JsonObject = dict[str, JsonValue]
_TRIALS: Final[tuple[JsonValue, ...]] = ({}, [], "", 0, True, None)


def _usable(schema: JsonObject) -> JsonObject:
    """Refuse what is no JSON Schema, refers to what is not in it, or would run without an end."""
    from jsonschema.exceptions import SchemaError
    from referencing.exceptions import Unresolvable

    validator = _make_validator(schema)
    try:
        validator.check_schema(schema)
        for reference in [None, *_values_of("$ref", schema)]:
            _try(schema if reference is None else {**schema, "$ref": reference})
    except SchemaError as error:
        raise ValueError(f"no JSON Schema: {error.message[:300]} at {error.json_path}") from None
    except Unresolvable as error:
        raise ValueError(f"the schema refers to {error.ref!r}, which is not in it") from None
    except RecursionError:
        raise ValueError("the schema refers to itself without an end") from None
    for pattern in _patterns(schema):
        if runs_away(pattern):
            raise ValueError(f"the pattern {pattern[:80]!r} runs away on repeated characters")
    return schema


class JsonSchema(GraderOptions):
    """1 where the text's JSON is valid by a JSON Schema. Needs no reference.

    A text without JSON is unparsed, which is counted apart from JSON that is not valid. `json_text`
    says which JSON of a text is read. The draft is the one that `$schema` names, by default
    2020-12; `$ref` leads to places of the schema alone, and nothing is fetched.

    Example:
        >>> schema = {"type": "object", "required": ["city"]}
        >>> JsonSchema.model_validate({"schema": schema}).grade('{"city": "Paris"}', []).score
        1.0
    """

    name: Literal["json_schema"] = "json_schema"
    definition: Annotated[JsonObject, AfterValidator(_usable)] = Field(alias="schema")
    """The JSON Schema, written out in the task file."""

    whole: bool = False
    """Whether the text must be JSON and nothing else; else JSON within it counts, too."""

    binary: ClassVar[bool] = True

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """1 where the JSON is valid; unparsed where there is none."""
        said = parse_json(text) if self.whole else find_json(text, self._kind)
        if said is None:
            return UNPARSED
        return Grade(float(self._is_valid(said.value)), said.text)

    def problem(self, references: Sequence[str]) -> str | None:
        """References are not looked at."""
        return None

    def _is_valid(self, value: JsonValue) -> bool:
        try:
            return self._validator.is_valid(value)
        except ArithmeticError:  # multipleOf of a number that no float holds
            return False
        except RecursionError:
            raise UsageError("the JSON Schema refers to itself without an end.") from None

    @cached_property
    def _validator(self) -> Validator:
        return _make_validator(self.definition)

    @property
    def _kind(self) -> JsonKind:
        expected = self.definition.get("type")
        return "object" if expected == "object" else "array" if expected == "array" else "any"


def _make_validator(schema: JsonObject) -> Validator:
    """The validator of the schema's draft, its patterns under a time limit; it fetches nothing."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend, validator_for
    from jsonschema_specifications import REGISTRY

    draft = validator_for(schema, default=Draft202012Validator)
    timed = extend(draft, {"pattern": _check_pattern})  # type: ignore[no-untyped-call]
    made: Validator = timed(schema, registry=REGISTRY)
    return made


def _check_pattern(
    validator: Validator, pattern: str, value: JsonValue, _: JsonObject
) -> Iterator[ValidationError]:
    from jsonschema.exceptions import ValidationError

    if isinstance(value, str) and not matches(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _try(schema: JsonObject) -> None:
    validator = _make_validator(schema)
    for value in _TRIALS:
        validator.is_valid(value)


def _patterns(schema: JsonObject) -> Iterator[str]:
    yield from (one for one in _values_of("pattern", schema) if isinstance(one, str))
    for properties in _values_of("patternProperties", schema):
        yield from properties if isinstance(properties, dict) else ()


def _values_of(key: str, value: JsonValue) -> Iterator[JsonValue]:
    """What stands under a key, anywhere in a schema."""
    if isinstance(value, dict):
        yield from (part for name, part in value.items() if name == key)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from _values_of(key, part)
