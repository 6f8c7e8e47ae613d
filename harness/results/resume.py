"""Whether a run may go on in the folder of another: the same configuration, and no fewer cells."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import UsageError
from harness.results.jsonfiles import Json


def created_of(existing: Json, wanted: Json, path: Path) -> str:
    """When the run that a folder holds was begun, where the same run, or more of it, is wanted.

    Args:
        existing: The manifest that is there.
        wanted: The manifest of the run that is asked for.
        path: The folder, for messages.

    Raises:
        UsageError: the folder holds a run of another configuration, or cells that the wanted one
            does not ask, or one that was imported.
    """
    if "imported" in existing and "imported" not in wanted:
        raise UsageError(
            f"{path} holds a run that was imported from {_tool(existing)}: it cannot be resumed.",
            hint="Type: --out with a new folder.",
        )
    different = [
        f"{key}: {_short(there.get(key))} there, {_short(wanted[part].get(key))} now"
        for part in ("identity", "content")
        for there in [_section(existing, part, path)]
        for key in {**there, **wanted[part]}
        if there.get(key) != wanted[part].get(key)
    ]
    if different:
        raise UsageError(
            f"{path} holds a run of another configuration ({'; '.join(different)}).",
            hint="Type: --fresh to start over, or --out with a new folder.",
        )
    _check_share(existing, wanted, path)
    return str(existing.get("created"))


def _tool(manifest: Json) -> str:
    imported = manifest["imported"]
    return str(imported.get("tool")) if isinstance(imported, dict) else "another tool"


def _check_share(existing: Json, wanted: Json, path: Path) -> None:
    """A run may grow into a larger part of its grid, where every cell is used again."""
    there, now = (_Asked.of(manifest) for manifest in (existing, wanted))
    if now.share < there.share:
        raise UsageError(
            f"{path} holds {there.share:.0%} of its grid already, and {now.share:.0%} is asked "
            "for.",
            hint="Type: --out with a new folder, or ask for no less.",
        )
    if not now.holds(there):
        raise UsageError(
            f"{path} holds {there}, and {now} are asked for, without all of its cells.",
            hint="Type: --out with a new folder, or --full.",
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    """How much of a grid a run asks, as its manifest's `design` says."""

    share: float
    instructions: int
    examples: int
    layers: tuple[int, ...]

    @classmethod
    def of(cls, manifest: Json) -> _Asked:
        design = manifest.get("design")
        found = design if isinstance(design, dict) else {}
        share = found.get("share")
        layers = found.get("layers")
        return cls(
            float(share) if isinstance(share, int | float) else 1.0,
            _count(found.get("instructions")),
            _count(found.get("examples")),
            tuple(map(_count, layers)) if isinstance(layers, list) else (),
        )

    def holds(self, other: _Asked) -> bool:
        """Whether every cell that the other asks is one of these."""
        if self.instructions < other.instructions or self.examples < other.examples:
            return False
        steps = (*other.layers, other.instructions)
        return self.share >= 1 or (*self.layers, self.instructions)[: len(steps)] == steps

    def __str__(self) -> str:
        return f"{self.instructions} instructions and {self.examples} examples per task"


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _section(manifest: Json, name: str, path: Path) -> Json:
    value = manifest.get(name)
    if not isinstance(value, dict):
        raise UsageError(
            f"the manifest in {path} is damaged: it has no {name!r}.",
            hint="Type: --fresh to start over, or --out with a new folder.",
        )
    return value


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "…"
