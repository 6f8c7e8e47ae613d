"""Text in CSV files that people open in a spreadsheet, where some texts would be formulas."""

from __future__ import annotations

import re
from typing import Final

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n]")
_NUMBER: Final = re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_PROTECTED: Final = re.compile(r"''*[=+\-@\t\r\n]")


def protect_cell(text: str) -> str:
    """A text as a cell that no spreadsheet runs as a formula.

    A cell that would be one gets an apostrophe before it; a number, as "-1", stays a number.
    `restore_cell` takes it off again.

    Example:
        >>> [protect_cell(text) for text in ("=1+1", "-1", "'=1+1", "it's")]
        ["'=1+1", '-1', "''=1+1", "it's"]
    """
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def restore_cell(cell: str) -> str:
    """The text that `protect_cell` made a cell of."""
    return cell[1:] if _PROTECTED.match(cell) else cell
