"""Draws the rooms of the house and their imports: `python -m tests.support.house | dot -Tsvg`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.support.paths import ROOT

FOLDERS: Final = ("harness", "perturbations", "reports", "trainers")


def room_of(module: str) -> str | None:
    """The room of a module of ours; None for others' modules and for `harness` itself."""
    first, _, rest = module.partition(".")
    if first != "harness":
        return first if first in FOLDERS else None
    return rest.split(".")[0] or None


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    """Module and name of every import of a file, those for type checkers apart."""
    tree = ast.parse(path.read_text("utf-8"))
    guarded = {
        node
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and ast.unparse(test.test) == "TYPE_CHECKING"
        for node in ast.walk(test)
    }
    for node in ast.walk(tree):
        if node in guarded:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def modules(folder: str) -> dict[str, Path]:
    """Module name -> file."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def arrows() -> dict[tuple[str, str], set[str]]:
    """(room, room that it imports) -> the modules that do."""
    found: dict[tuple[str, str], set[str]] = {}
    for folder in FOLDERS:
        for module, path in modules(folder).items():
            for imported, _ in imports_of(path):
                start, end = room_of(module), room_of(imported)
                if start and end and start != end:
                    found.setdefault((start, end), set()).add(module)
    return found


def draw(found: Mapping[tuple[str, str], set[str]]) -> str:
    """The arrows in Graphviz's language, without those that a longer way already shows."""
    below = _reachable(set(found))
    kept = [
        (start, end)
        for start, end in sorted(found)
        if not any(
            (start, over) in found and over != end and end in below[over] for over in below[start]
        )
    ]
    lines = [f'  "{start}" -> "{end}";' for start, end in kept]
    style = "  rankdir=TB; node [shape=box, style=rounded, fontname=Helvetica];"
    foot = f'  label="{counted(found)}"; fontname=Helvetica;'
    return "\n".join(["digraph house {", style, foot, *lines, "}"])


def counted(found: Mapping[tuple[str, str], set[str]]) -> str:
    """How many rooms and arrows there are, as the foot of the drawing says it."""
    rooms = {room for arrow in found for room in arrow}
    return f"{len(rooms)} rooms, {len(found)} arrows"


def _reachable(found: set[tuple[str, str]]) -> dict[str, set[str]]:
    below: dict[str, set[str]] = {room: set() for arrow in found for room in arrow}
    changed = True
    while changed:
        changed = False
        for start, end in found:
            grown = below[start] | {end} | below[end]
            changed = changed or grown != below[start]
            below[start] = grown
    return below


if __name__ == "__main__":
    print(draw(arrows()))
