"""YAML files of users, read safely and complained about by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.nodes import MappingNode, Node, SequenceNode

from harness.core.errors import UsageError, nearest_hint

ModelT = TypeVar("ModelT", bound=BaseModel)
JsonObject = dict[str, Any]


def read_yaml(path: Path, model: type[ModelT], *, what: str) -> ModelT:
    """The validated content of a YAML file.

    Raises:
        UsageError: the file is missing, not UTF-8, not YAML, or breaks a rule of `model`; the
            message names the line.
    """
    text = read_text(path, what=what)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: not valid YAML: {_one_line(error)}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path}: a {what} file is a mapping of keys, this is not.")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise UsageError(_describe(error, path, root, model)) from None


def read_text(path: Path, *, what: str) -> str:
    """A UTF-8 text file.

    Raises:
        UsageError: no such file, a folder, or another encoding.
    """
    try:
        return path.read_text(encoding="utf-8")
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


def _describe(error: ValidationError, path: Path, root: Node | None, model: type[BaseModel]) -> str:
    # A misspelt key also makes the right one missing: the misspelling is what helps.
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    location = first["loc"]
    line = _line_of(root, location)
    where = ".".join(str(part) for part in location)
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        near = nearest_hint(str(location[-1]), _allowed_keys(model, location[:-1]))
        return f"{path}, line {line}: unknown key {where!r}.{near}{more}"
    message = first["msg"].removeprefix("Value error, ")
    at = f" at {where!r}" if where else ""
    return f"{path}, line {line}: {message}{at}.{more}"


def _allowed_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
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


def _line_of(node: Node | None, location: tuple[int | str, ...]) -> int:
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
