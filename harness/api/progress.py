"""Whether a call shows how far it is: a bar where someone looks at it, nothing in a script."""

from __future__ import annotations

import sys
import time
from html import escape
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from harness.core.progress import NoProgress, Pace, Progress
from harness.core.progress_bar import describe_done, describe_pace, make_progress

if TYPE_CHECKING:
    from collections.abc import Callable

ProgressLike: TypeAlias = "Progress | bool | None"
"""A progress of one's own; True for a bar, False for none; None for a bar in a notebook only."""

_PAUSE: Final = 0.2
"""Seconds between two updates of a notebook's page."""


def to_progress(given: ProgressLike) -> Progress:
    """The progress that a call reports to."""
    if given is None:
        given = in_notebook()
    if not isinstance(given, bool):
        return given
    if not given:
        return NoProgress()
    if in_notebook():
        return NotebookProgress()
    return make_progress(silent=False)


def in_notebook() -> bool:
    """Whether the code runs in a notebook's kernel, whose reader waits for it."""
    if "IPython" not in sys.modules:
        return False
    from rich.console import Console

    return Console().is_jupyter


class NotebookProgress:
    """A bar on a notebook's page; it needs no widgets, which many notebooks lack."""

    def __init__(self) -> None:
        display: Any = sys.modules["IPython"].display
        self._html: Callable[[str], object] = display.HTML
        self._handle: Any = display.display(display.HTML(""), display_id=True)
        self._pace, self._doing, self._shown = Pace(0), "starting", 0.0
        self._notes: list[str] = []

    def start(self, total: int, finished: int = 0, *, unit: str = "cells") -> None:
        """Begin to count."""
        self._pace = Pace(total, finished, unit=unit)
        self._show()

    def doing(self, task: str, level: str) -> None:
        """Name what is at work."""
        self._doing = f"{task} · {level}"

    def advance(self, answers: int) -> None:
        """Move the bar by computed answers."""
        self._pace.advance(answers)
        self._show_now_and_then()

    def reuse(self, answers: int) -> None:
        """Move the bar by answers that were there already."""
        self._pace.reuse(answers)
        self._show_now_and_then()

    def note(self, text: str) -> None:
        """Write a line above the bar."""
        self._notes.append(text)
        self._show()

    def stop(self) -> None:
        """Leave the bar as it is."""
        self._doing = "done" if self._pace.done >= self._pace.total else "stopped"
        self._show()

    def _show_now_and_then(self) -> None:
        if time.monotonic() - self._shown >= _PAUSE:
            self._show()

    def _show(self) -> None:
        self._shown, pace = time.monotonic(), self._pace
        notes = "".join(f"<div><small>note: {escape(note)}</small></div>" for note in self._notes)
        said = f"{self._doing}: {describe_done(pace)}, {describe_pace(pace)}"
        bar = f"<progress value={pace.done} max={max(pace.total, 1)}></progress>"
        self._handle.update(self._html(f"{notes}<div>{bar} {escape(said)}</div>"))
