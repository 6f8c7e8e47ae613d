"""The core set: what a level consists of unless the whole catalogue is asked for.

A level's accuracy is comparable between runs and releases only if the level stays the same set of
perturbations. New ones join the catalogue; the core changes with a major version alone.
"""

from __future__ import annotations

from typing import Final

from harness.core.records import Level

CORE: Final[dict[Level, tuple[str, ...]]] = {
    "character": ("keyboard", "swap", "drop", "add", "homoglyph"),
    "word": ("synonym", "misspelling", "stopword-drop", "word-order", "inflection"),
    "sentence": (
        "checklist-random", "tautology", "irrelevant-before", "politeness", "format-separator",
    ),
    "semantic": ("paraphrase", "as-question", "as-request", "passive", "nominal"),
}  # fmt: skip
"""Level -> names of its perturbations."""


def is_core(name: str) -> bool:
    """Whether a perturbation belongs to its level's core set."""
    return any(name in names for names in CORE.values())
