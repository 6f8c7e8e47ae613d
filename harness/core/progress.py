"""How a run tells where it is. The terminal draws it; a library call may pass nothing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told what a run does; never asked anything."""

    def start(self, total: int) -> None:
        """The run has `total` answers to get."""

    def doing(self, task: str, level: str) -> None:
        """The task and level that come next."""

    def advance(self, answers: int) -> None:
        """So many answers have just come in."""

    def note(self, text: str) -> None:
        """Something the user should know."""

    def stop(self) -> None:
        """The run has ended, well or not."""


class NoProgress:
    """Says nothing."""

    def start(self, total: int) -> None:
        """Ignored."""

    def doing(self, task: str, level: str) -> None:
        """Ignored."""

    def advance(self, answers: int) -> None:
        """Ignored."""

    def note(self, text: str) -> None:
        """Ignored."""

    def stop(self) -> None:
        """Ignored."""
