"""The examples on which one run is worst against another: what a reader wants to see first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.comparison.comparable import ExampleContent
from harness.metrics.grid import Grid


@dataclass(frozen=True, slots=True)
class LostExample:
    """An example, and the mean score of both runs over the variants that both were asked."""

    task: str
    example_id: str
    input: str
    """The start of its input; empty where the run does not say."""
    gold: str
    first: float
    second: float
    variants: int


def find_lost(
    grids: Mapping[str, tuple[Grid, ...]],
    contents: Mapping[str, Mapping[str, ExampleContent]],
    *,
    most: int = 5,
) -> tuple[LostExample, ...]:
    """The examples that lose most from the first run to the second, most first.

    Args:
        grids: task -> the two runs' grids, laid out alike.
        contents: task -> example id -> what it asks.
        most: how many.

    Returns:
        At most `most` of those that lose anything; those with more variants first among equals.
    """
    found = [
        one
        for task, (first, second) in grids.items()
        for one in _lost_of(first, second, contents.get(task, {}))
    ]
    found.sort(key=lambda one: (one.second - one.first, -one.variants, one.task, one.example_id))
    return tuple(found[:most])


def _lost_of(
    first: Grid, second: Grid, contents: Mapping[str, ExampleContent]
) -> Iterator[LostExample]:
    unknown = ExampleContent(input="", gold="", hash="")
    for place, example in enumerate(first.examples):
        asked = first.present[:, place]
        if asked.any():
            before, after = (float(grid.score[asked, place].mean()) for grid in (first, second))
            content = contents.get(example, unknown)
            if after < before:
                yield LostExample(
                    task=first.task,
                    example_id=example,
                    input=content.input,
                    gold=content.gold,
                    first=before,
                    second=after,
                    variants=int(asked.sum()),
                )
