"""Small tables of a result: as HTML for a notebook, as text for a console, as frames to work on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from harness.results.jsonfiles import Json
from reports.visible import one_line

if TYPE_CHECKING:
    import pandas as pd

_RIGHT = "text-align:right;white-space:nowrap"
_LEFT = "text-align:left"


@dataclass(frozen=True, slots=True)
class Table:
    """A title, columns and rows of text; nothing in it is ever markup."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    """Lines below the table."""
    words: tuple[str, ...] = ()
    """The columns of words, beside the first: they begin at the left, numbers end at the right."""

    def to_html(self) -> str:
        """The table for a notebook, every text escaped."""
        head = self._html_row("th", self.columns)
        body = "".join(self._html_row("td", row) for row in self.rows)
        notes = "".join(f"<div><small>{_safe(note)}</small></div>" for note in self.notes)
        return (
            f"<div><div><strong>{_safe(self.title)}</strong></div><table><thead>{head}"
            f"</thead><tbody>{body}</tbody></table>{notes}</div>"
        )

    def to_text(self) -> str:
        """The table for a console, in columns of equal width."""
        rows = [[one_line(text) for text in row] for row in (self.columns, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                text.ljust(width) if left else text.rjust(width)
                for text, width, left in zip(row, widths, self._at_left(), strict=True)
            ).rstrip()
            for row in rows
        ]
        return "\n".join([one_line(self.title), *lines, *map(one_line, self.notes)])

    def _at_left(self) -> list[bool]:
        return [not place or name in self.words for place, name in enumerate(self.columns)]

    def _html_row(self, tag: str, texts: tuple[str, ...]) -> str:
        cells = (
            f'<{tag} style="{_LEFT if left else _RIGHT}">{_safe(text)}</{tag}>'
            for text, left in zip(texts, self._at_left(), strict=True)
        )
        return f"<tr>{''.join(cells)}</tr>"


def stats_frame(blocks: Mapping[str, Mapping[str, object]], index: str) -> pd.DataFrame:
    """Blocks of summary.json as a frame: one row per block, a column per metric.

    A metric with an interval has two columns more, `…_low` and `…_high`. Shares and differences
    are fractions; NaN stands where a metric is undefined.

    Args:
        blocks: Name -> metrics, such as the `levels` of `Summary.to_json()`.
        index: What the names are.
    """
    import pandas as pd

    rows = [_stats_row(block) for block in blocks.values()]
    return pd.DataFrame(rows, index=pd.Index(list(blocks), name=index))


def task_frame(tasks: Mapping[str, Json]) -> pd.DataFrame:
    """`stats_frame` of every task's levels, indexed by task and level."""
    import pandas as pd

    frames = {name: stats_frame(task["levels"], "level") for name, task in tasks.items()}
    return pd.concat(frames, names=["task", "level"]) if frames else pd.DataFrame()


def _stats_row(block: Mapping[str, object]) -> dict[str, object]:
    row: dict[str, object] = {}
    for name, value in block.items():
        if name.endswith("_ci"):
            low, high = value if isinstance(value, list) else (None, None)
            metric = name.removesuffix("_ci")
            row |= {f"{metric}_low": _number(low), f"{metric}_high": _number(high)}
        else:
            row[name] = _number(value)
    return row


def _number(value: object) -> object:
    return float("nan") if value is None else value


def _safe(text: str) -> str:
    return escape(one_line(text))


def count_of(items: Iterable[object], noun: str) -> str:
    """How many there are: '1 task', '12 tasks'."""
    number = len(list(items))
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def with_ends(row: dict[str, object]) -> dict[str, object]:
    """A record's fields with its interval as two of them."""
    interval = row.pop("interval")
    low, high = interval if isinstance(interval, tuple) else (float("nan"), float("nan"))
    return {**row, "low": low, "high": high}
