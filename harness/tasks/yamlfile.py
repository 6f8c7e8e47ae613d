"""YAML files of users, read safely, their mistakes shown by line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml.nodes import MappingNode, Node, SequenceNode

from harness.core.errors import UsageError, nearest_hint

ModelT = TypeVar("ModelT", bound=BaseModel)
JsonObject = dict[str, Any]
Location = tuple[int | str, ...]
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def read_yaml(path: Path, model: type[ModelT], *, what: str) -> ModelT:
    """The validated content of a YAML file.

    Raises:
        UsageError: the file is missing, not UTF-8, not YAML, or breaks a rule of `model`; the
            message names the line.
    """
    root, content = parse_yaml(read_text(path, what=what), where=str(path))
    if not isinstance(content, dict):
        raise UsageError(f"{path}: a {what} file is a mapping of keys, this is not.")
    return _validated(content, model, str(path), root)


def parse_content(content: Mapping[str, object], model: type[ModelT], *, where: str) -> ModelT:
    """The validated content of a mapping that holds what a file would.

    Args:
        content: Keys and values, as a YAML file has them.
        model: What may stand there.
        where: What messages call it.

    Raises:
        UsageError: it breaks a rule of `model`; the message names the key.
    """
    _check_characters(content, where)
    return _validated(dict(content), model, where, None)


def _check_characters(content: Mapping[str, object], where: str) -> None:
    """Refuse half characters, which no file and no database takes; a file's are refused earlier."""
    try:
        text = json.dumps(content, ensure_ascii=False, default=str)
    except (ValueError, RecursionError, TypeError):
        raise UsageError(
            f"{where}: keys or lists are nested too deeply, or hold themselves."
        ) from None
    if _SURROGATE.search(text):
        raise UsageError(f"{where}: half a character (a lone surrogate) stands in a text.")


def _validated(
    content: dict[str, object], model: type[ModelT], where: str, root: Node | None
) -> ModelT:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        mistakes = _mistakes(error, content, root, model)
        raise UsageError(_describe(mistakes, where, numbered=root is not None)) from None
    except RecursionError:
        raise UsageError(f"{where}: keys or lists are nested too deeply.") from None


class Loader(yaml.SafeLoader):
    """YAML 1.2's truth values: `yes`, `no`, `on` and `off` are texts, as they are label words."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def parse_yaml(text: str, *, where: str) -> tuple[Node | None, object]:
    """The nodes of a YAML text, for lines, and what they mean.

    Raises:
        UsageError: not YAML, a key that stands twice, or text that is not valid Unicode.
    """
    try:
        loader = Loader(text)
    except yaml.YAMLError as error:  # a control character, which YAML forbids
        raise UsageError(f"{where}: not valid YAML: {_one_line(error)}") from None
    try:
        root = loader.get_single_node()
        if root is None:
            return None, None
        _check_nodes(root, where)
        return root, loader.construct_document(root)
    except yaml.YAMLError as error:
        raise UsageError(f"{where}: not valid YAML: {_one_line(error)}") from None
    except RecursionError:
        raise UsageError(f"{where}: keys or lists are nested too deeply.") from None
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{where}: a value cannot be read: {str(error)[:200]}") from None
    finally:
        loader.dispose()


def _check_nodes(root: Node, where: str) -> None:
    """Refuse keys that stand twice, of which YAML readers keep the last, and half characters."""
    waiting, seen = [root], {id(root)}
    while waiting:
        node = waiting.pop()
        parts: list[Node] = []
        if isinstance(node, MappingNode):
            _check_keys(node, where)
            parts = [part for pair in node.value for part in pair]
        elif isinstance(node, SequenceNode):
            parts = list(node.value)
        elif any("\ud800" <= character <= "\udfff" for character in node.value):
            raise UsageError(
                f"{where}, line {node.start_mark.line + 1}: half a character (a lone surrogate) "
                "stands in a text."
            )
        for part in parts:
            if id(part) not in seen:
                seen.add(id(part))
                waiting.append(part)


def _check_keys(node: MappingNode, where: str) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if isinstance(key.value, str) and key.value in lines:
            raise UsageError(
                f"{where}, line {line}: the key {key.value!r} stands twice, first in line "
                f"{lines[key.value]}.",
                hint="Keep one of them.",
            )
        if isinstance(key.value, str):
            lines[key.value] = line


def read_text(path: Path, *, what: str) -> str:
    """A UTF-8 text file.

    Raises:
        UsageError: no such file, a folder, or another encoding.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        near = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        raise UsageError(f"{what} file not found: {path}.{nearest_hint(path.name, near)}") from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder; a {what} file was expected.") from None
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}: not UTF-8 (byte {error.object[error.start]:#04x} at offset {error.start}).",
            hint=f"Convert it: iconv -t utf-8 {path}",
        ) from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}.") from None


@dataclass(frozen=True, slots=True)
class Mistake:
    """A rule that a file breaks."""

    line: int
    """The line of the file; 1 where the content is no file's."""
    keys: tuple[int | str, ...]
    """Where in the content it is."""
    message: str


def find_mistakes(
    content: Mapping[str, object], model: type[BaseModel], root: Node | None
) -> list[Mistake]:
    """Every rule of `model` that the content breaks, in the order of lines; none if it is valid.

    Raises:
        RecursionError: keys or lists are nested too deeply.
    """
    try:
        model.model_validate(content)
    except ValidationError as error:
        return _mistakes(error, content, root, model)
    return []


def _mistakes(
    error: ValidationError,
    content: Mapping[str, object],
    root: Node | None,
    model: type[BaseModel],
) -> list[Mistake]:
    found: dict[tuple[int, str], Mistake] = {}
    errors = error.errors(include_url=False)
    for one in errors:
        one["loc"] = _without_types(one, content)
    misspelt = _misspelt(errors, model)
    for one in errors:
        location = one["loc"]
        if _is_consequence(one, errors, misspelt):
            continue
        line = _line_of(root, location)
        mistake = Mistake(line, location, _mistake(one["type"], one["msg"], location, model))
        # A value that fits none of several types fails once for each: one line says it.
        found.setdefault((line, ".".join(map(str, location))), mistake)
    return [mistake for _, mistake in sorted(found.items(), key=itemgetter(0))]


def _without_types(error: ErrorDetails, content: object) -> Location:
    """The place of a mistake without what pydantic adds for a value that may be of several types.

    Those parts are no keys of the content; of the others only the last may be, if it is missing.
    """
    kept: list[int | str] = []
    for number, part in enumerate(error["loc"], 1):
        missing = number == len(error["loc"]) and error["type"] == "missing"
        if isinstance(content, dict) and (part in content or missing):
            kept.append(part)
            content = content.get(part)
        elif isinstance(content, list | tuple) and isinstance(part, int):
            kept.append(part)
            content = content[part] if part < len(content) else None
    return tuple(kept)


def _describe(in_order: Sequence[Mistake], where: str, *, numbered: bool) -> str:
    """One mistake on one line; several, each with its line number if any, below each other."""
    mistakes = [f"line {one.line}: {one.message}" if numbered else one.message for one in in_order]
    if len(mistakes) == 1:
        return f"{where}{', ' if numbered else ': '}{mistakes[0]}"
    return f"{where}: {len(mistakes)} mistakes:\n" + "\n".join(f"  {one}" for one in mistakes)


def _is_consequence(
    error: ErrorDetails, errors: Sequence[ErrorDetails], misspelt: set[Location]
) -> bool:
    """Whether another mistake causes this one: a misspelt key, or one within the value."""
    if error["type"] == "missing":
        return error["loc"] in misspelt
    depth = len(error["loc"])
    return depth > 0 and any(
        len(other["loc"]) > depth and other["loc"][:depth] == error["loc"] for other in errors
    )


def _misspelt(errors: Sequence[ErrorDetails], model: type[BaseModel]) -> set[Location]:
    """Where the right key of each misspelt one would stand."""
    right: set[Location] = set()
    for one in errors:
        if one["type"] == "extra_forbidden":
            *parents, key = one["loc"]
            near = get_close_matches(str(key), _allowed_keys(model, tuple(parents)), n=1)
            right |= {(*parents, name) for name in near}
    return right


def _mistake(kind: str, message: str, location: Location, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in location)
    if kind == "extra_forbidden":
        near = nearest_hint(str(location[-1]), _allowed_keys(model, location[:-1]))
        return f"unknown key {where!r}.{near}"
    text = message.removeprefix("Value error, ").replace("\n", " ")[:500]
    return f"{text} at {where!r}." if where else f"{text}."


def _allowed_keys(model: type[BaseModel], location: Location) -> list[str]:
    """Keys that may stand where `location` leads to, found in the model's JSON Schema."""
    schema = model.model_json_schema()
    node: JsonObject = schema
    for part in location:
        node = _resolve(node, schema)
        if isinstance(part, int):
            node = node.get("items", {})
        else:
            node = node.get("properties", {}).get(part) or node.get("additionalProperties", {})
    return list(_resolve(node, schema).get("properties", {}))


def _resolve(node: JsonObject, schema: JsonObject) -> JsonObject:
    """Follow `$ref`, and the object among the choices of an optional key."""
    choices: list[JsonObject] = node.get("anyOf", [])
    for choice in choices:
        if "$ref" in choice:
            node = choice
    if "$ref" in node:
        definition: JsonObject = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        return definition
    return node


def _line_of(node: Node | None, location: Location) -> int:
    line = node.start_mark.line + 1 if node else 1
    for part in location:
        if isinstance(node, MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}
            if str(part) not in pairs:
                break
            key, node = pairs[str(part)]
            line = key.start_mark.line + 1
        elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}: {problem}" if mark else str(problem)
