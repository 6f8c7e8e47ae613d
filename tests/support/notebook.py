"""Runs a notebook's code cells in order, without a kernel: `python -m tests.support.notebook FILE`.

What a cell ends with is shown as a notebook would show it, one JSON line per cell: the kind of what
was shown, and its HTML or text.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def code_cells(path: Path) -> Iterator[str]:
    """The source of each code cell."""
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            yield "".join(cell["source"])


def run_cell(source: str, names: dict[str, Any]) -> object:
    """Run a cell; the value of the expression that it ends with, or None."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), names)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)


def shown(value: object) -> str:
    """What a notebook shows of a value."""
    for name in ("_repr_mimebundle_", "_repr_html_"):
        method = getattr(value, name, None)
        if callable(method) and (given := method()) is not None:
            return given if isinstance(given, str) else json.dumps(given, default=str)
    return repr(value)


if __name__ == "__main__":
    own: dict[str, Any] = {"__name__": "__main__"}
    for cell in code_cells(Path(sys.argv[1])):
        result = run_cell(cell, own)
        if result is not None:
            print(json.dumps([type(result).__name__, shown(result)]), flush=True)
