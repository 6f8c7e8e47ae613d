"""How accuracy falls as noise gets stronger: the summary's curves, shaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.core.records import STRENGTH_NAMES, StrengthName
from harness.results.summary import GroupStats, Summary
from reports.reading import GroupView, read_group


@dataclass(frozen=True, slots=True)
class Curve:
    """A level or a perturbation at each strength that was asked, the weakest first."""

    name: str
    points: Mapping[StrengthName, GroupView]


@dataclass(frozen=True, slots=True)
class Curves:
    """Every curve of a run; none where noise had one strength."""

    levels: tuple[Curve, ...] = ()
    perturbations: tuple[Curve, ...] = ()

    @property
    def strengths(self) -> list[StrengthName]:
        """The strengths that some level was asked at."""
        return [name for name in STRENGTH_NAMES if any(name in one.points for one in self.levels)]


def build_curves(summary: Summary, *, above_chance: bool) -> Curves:
    """The curves of a run's summary; `above_chance`: whether its drops can be judged."""
    if summary.strengths is None:
        return Curves()

    def shape(groups: Mapping[str, Mapping[StrengthName, GroupStats]]) -> tuple[Curve, ...]:
        return tuple(
            Curve(
                name,
                {
                    strength: read_group(
                        stats,
                        is_clean=False,
                        above_chance=above_chance,
                        confidence=summary.confidence,
                    )
                    for strength, stats in points.items()
                },
            )
            for name, points in groups.items()
        )

    return Curves(shape(summary.strengths.levels), shape(summary.strengths.perturbations))
