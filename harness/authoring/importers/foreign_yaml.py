"""YAML of other programs, read as data: a tag such as `!function` is kept as a mark, never run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from harness.authoring.importers.carried import ForeignFile
from harness.core.errors import UsageError
from harness.tasks.yamlfile import Loader, read_text

MAX_INCLUDES: Final = 5


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value with a tag of its own: `!function utils.process_docs`."""

    tag: str
    value: str

    def __str__(self) -> str:
        return f"{self.tag} {self.value}".strip()


class _Loader(Loader):
    """Safe YAML in which unknown tags are values of their own."""


def _construct_tagged(loader: _Loader, suffix: str, node: Node) -> Tagged:
    return Tagged(f"!{suffix}", str(node.value) if isinstance(node, ScalarNode) else "")


_Loader.add_multi_constructor("!", _construct_tagged)


def read_foreign(path: Path, *, what: str) -> ForeignFile:
    """A mapping of another program, the files that it includes under it.

    Raises:
        UsageError: the file cannot be read, is no mapping, or includes too deeply.
    """
    return _read(path, what, MAX_INCLUDES)


def _read(path: Path, what: str, depth: int) -> ForeignFile:
    content, lines = _parse(read_text(path, what=what), path)
    included: dict[str, Any] = {}
    for include in _listed(content.pop("include", None)):
        if depth == 0 or (path.parent / include).resolve() == path.resolve():
            raise UsageError(f"{path}: includes lead too deep, or back to a file itself.")
        included |= _read(path.parent / include, "included", depth - 1).content
    return ForeignFile(path, {**included, **content}, lines)


def _listed(include: object) -> list[str]:
    """The files that one includes: a name or a list of them."""
    names = include if isinstance(include, list) else [include]
    return [name for name in names if isinstance(name, str)]


def _parse(text: str, path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        content = loader.construct_document(root) if root is not None else None
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or lines[0]
        raise UsageError(f"{path}{where}: not valid YAML: {problem}.") from None
    if not isinstance(content, dict) or not isinstance(root, MappingNode):
        raise UsageError(f"{path}: a mapping of keys was expected, this is not.")
    lines_of = {str(key.value): key.start_mark.line + 1 for key, _ in root.value}
    return {str(key): value for key, value in content.items()}, lines_of
