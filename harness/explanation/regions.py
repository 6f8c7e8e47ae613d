"""Where a prompt's parts stand: found by asking for the same prompt with marks in their place.

A chat template may trim what it is given or put anything around it. What stands between the marks
is layout, whatever the template is; a prompt that the marks do not explain is layout as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from harness.core.records import CLEAN, Cell, Turn
from harness.evaluation.engine import TaskTools
from harness.explanation.words import PromptPart, Region

_MARK: Final = re.compile(r"zq([A-Z])(\d+)qz")
_LETTERS: Final[dict[str, PromptPart]] = {"S": "system", "I": "instruction", "X": "input"}


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a cell fills into its prompt."""

    instruction: str
    input: str
    system: str
    turns: tuple[Turn, ...]


@dataclass(slots=True)
class RegionFinder:
    """Finds the parts of one task's prompts; a frame of marks is rendered once for all alike."""

    tools: TaskTools
    _frames: dict[tuple[bool, bool, tuple[str, ...]], str] = field(default_factory=dict)

    def find(self, cell: Cell, prompt: str) -> tuple[Region, ...]:
        """The parts of a cell's prompt, in order; none where the prompt cannot be explained."""
        parts = self._parts(cell)
        frame = self._frame(parts)
        for changed in (_same, str.strip):
            regions = _match(frame, prompt, parts, changed)
            if regions is not None:
                return regions
        return ()

    def _parts(self, cell: Cell) -> _Parts:
        variant, example = cell.variant, cell.example
        instruction, system = variant.text, variant.system or self.tools.prompter.system
        if variant.target == "system" and variant.level != CLEAN:
            instruction, system = self.tools.instructions[variant.instruction_id], variant.text
        return _Parts(instruction, example.input, system, example.turns)

    def _frame(self, parts: _Parts) -> str:
        """The prompt with a mark for each part that says something."""
        key = (bool(parts.input), bool(parts.system), tuple(turn.role for turn in parts.turns))
        if key not in self._frames:
            turns = [replace(turn, content=f"zqX{n}qz") for n, turn in enumerate(parts.turns)]
            self._frames[key] = self.tools.prompter.prompt(
                "zqI0qz",
                "zqX0qz" if parts.input else "",
                system="zqS0qz" if parts.system else "",
                turns=turns,
            )
        return self._frames[key]


def _same(text: str) -> str:
    return text


def _match(
    frame: str, prompt: str, parts: _Parts, changed: Callable[[str], str]
) -> tuple[Region, ...] | None:
    """The parts where the frame, filled with them, is the prompt; None where it is another."""
    shown: dict[str, Sequence[str]] = {
        "S": [parts.system],
        "I": [parts.instruction],
        "X": [turn.content for turn in parts.turns] or [parts.input],
    }
    regions, place, done = [], 0, 0
    for mark in _MARK.finditer(frame):
        if mark[1] not in shown or int(mark[2]) >= len(shown[mark[1]]):
            return None
        fixed = frame[done : mark.start()]
        text = changed(shown[mark[1]][int(mark[2])])
        if not prompt.startswith(fixed + text, place):
            return None
        start = place + len(fixed)
        place, done = start + len(text), mark.end()
        regions.append(Region(start, place, _LETTERS[mark[1]]))
    return tuple(regions) if prompt[place:] == frame[done:] else None
