"""How a run's progress is shown: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from harness.core.progress import NoProgress, Pace, Progress

LINE_SECONDS: Final = 10.0
"""Seconds between two lines where no bar can be drawn."""
_BAR_WIDTH: Final = 12
_SLOW: Final = 0.1
"""Answers per second below which minutes tell more."""
"""Narrow enough for all columns to stand on a line of 80."""


def printable(text: str) -> str:
    """The text, control characters escaped but for its lines' ends and tabs.

    What a model or a file says must not drive the terminal.
    """
    return "".join(c if c in "\n\t" else _shown(c) for c in text)


def one_line(text: str) -> str:
    """The text on one line, whatever the names in it hold: ends of lines are escaped, too.

    Example:
        >>> one_line("no model 'a\\nb'")
        "no model 'a\\\\nb'"
    """
    return "".join(map(_shown, text))


def _shown(char: str) -> str:
    if char.isprintable() or unicodedata.category(char) == "Zs":
        return char
    return char.encode("unicode_escape").decode("ascii")


def make_progress(*, silent: bool) -> Progress:
    """What shows the progress of a command: nothing, a bar, or lines where stderr is a file."""
    if silent:
        return NoProgress()
    console = Console(stderr=True, highlight=False)
    return BarProgress(console) if console.is_terminal else LineProgress(console)


class BarProgress:
    """A bar: the task and level at work, cells, computed cells per second, time left."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: RichProgress | None = None
        self._pace = Pace(0)

    def start(self, total: int, finished: int = 0, *, unit: str = "cells") -> None:
        """Show a bar of its own for these answers."""
        self.stop()
        self._pace = Pace(total, finished, unit=unit)
        self._bar = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=_BAR_WIDTH),
            MofNCompleteColumn(),
            _PaceColumn(self._pace),
            console=self._console,
        )
        self._bar.start()
        self._bar.add_task("starting", total=total)

    def doing(self, task: str, level: str) -> None:
        """Name what is at work."""
        if self._bar:
            self._bar.update(self._bar.task_ids[0], description=f"{one_line(task)} · {level}")

    def advance(self, answers: int) -> None:
        """Move the bar by computed answers."""
        self._pace.advance(answers)
        self._move(answers)

    def reuse(self, answers: int) -> None:
        """Move the bar by answers that were there already."""
        self._pace.reuse(answers)
        self._move(answers)

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(Text(f"note: {one_line(text)}"), style="dim")

    def stop(self) -> None:
        """Leave the bar as it is."""
        if self._bar:
            self._bar.stop()
            self._bar = None

    def _move(self, answers: int) -> None:
        if self._bar:
            self._bar.advance(self._bar.task_ids[0], answers)


class LineProgress:
    """A plain line every ten seconds and one at the end: for logs, where a bar leaves rubbish."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._pace: Pace | None = None
        self._said = self._begun = clock()
        self._doing = ""

    def start(self, total: int, finished: int = 0, *, unit: str = "cells") -> None:
        """Begin to count."""
        self.stop()
        self._pace = Pace(total, finished, self._clock, unit)
        self._said = self._begun = self._clock()

    def doing(self, task: str, level: str) -> None:
        """Name what is at work."""
        self._doing = f"{one_line(task)} · {level}: "

    def advance(self, answers: int) -> None:
        """Count computed answers."""
        if self._pace:
            self._pace.advance(answers)
            self._say(self._pace)

    def reuse(self, answers: int) -> None:
        """Count answers that were there already."""
        if self._pace:
            self._pace.reuse(answers)
            self._say(self._pace)

    def note(self, text: str) -> None:
        """Print a line."""
        self._print(f"note: {one_line(text)}")

    def stop(self) -> None:
        """Say how it went, once."""
        if self._pace:
            seconds = self._clock() - self._begun
            self._print(
                f"{describe_done(self._pace)} in {clock_time(seconds)}, {_speed(self._pace)}"
            )
            self._pace = None

    def _say(self, pace: Pace) -> None:
        now = self._clock()
        if now - self._said < LINE_SECONDS or pace.done >= pace.total:
            return
        self._said = now
        self._print(f"{self._doing}{describe_done(pace)}, {describe_pace(pace)}")

    def _print(self, text: str) -> None:
        # As it is: a log has no width to fold at.
        self._console.print(Text(text), soft_wrap=True)


def describe_done(pace: Pace) -> str:
    """How many answers are there, of how many, and what of them was there before."""
    share = f" ({pace.done / pace.total:.0%})" if pace.total else ""
    reused = f", {pace.reused:,} of them reused" if pace.reused else ""
    return f"{pace.done:,} of {pace.total:,} {pace.unit}{share}{reused}"


def describe_pace(pace: Pace) -> str:
    """Computed cells per second and the time that the rest takes."""
    left = pace.seconds_left
    return f"{_speed(pace)}, {'--:--' if left is None else clock_time(left)} left"


def clock_time(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def speed(rate: float, unit: str) -> str:
    """So many units per second, or per minute where they are few.

    Example:
        >>> speed(6.91, "cells"), speed(0.024, "cells")
        ('6.9 cells/s', '1.4 cells/min')
    """
    if rate < _SLOW:
        return f"{60 * rate:,.1f} {unit}/min"
    return f"{rate:,.1f} {unit}/s"


def _speed(pace: Pace) -> str:
    if pace.rate is None:
        return (
            "nothing to compute" if pace.total and pace.done >= pace.total else f"-- {pace.unit}/s"
        )
    return speed(pace.rate, pace.unit)


class _PaceColumn(ProgressColumn):
    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def render(self, task: Task) -> Text:
        finished = self._pace.done >= self._pace.total
        return Text(_speed(self._pace) if finished else describe_pace(self._pace), style="cyan")
