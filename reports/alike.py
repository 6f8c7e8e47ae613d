"""Whether the runs of one report asked the same question, said where they did not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.comparison.comparable import RunData, find_differences, read_contents
from reports.source import Run


def unlike_runs(names: Sequence[str], runs: Sequence[Run]) -> Iterator[tuple[int, str]]:
    """The places of the runs that asked another question than the first, and what differs."""
    first, *others = (_data(name, run) for name, run in zip(names, runs, strict=True))
    for place, other in enumerate(others, 1):
        lines = [line.split("\n")[0].rstrip(":") for line in find_differences(first, other).lines()]
        if lines:
            yield (
                place,
                f"{first.name} and {other.name} did not ask the same question: "
                f"{'; '.join(lines)}. What lies between them is not the models alone.",
            )


def _data(name: str, run: Run) -> RunData:
    import pandas as pd

    rows = [(one.task, one.text) for one in run.variant_records]
    # As objects: pandas' own strings cannot hold half a surrogate pair, and texts may.
    variants = pd.DataFrame(rows, columns=["task", "text"], dtype=object)
    return RunData(name, run.manifest, variants, pd.DataFrame(), read_contents(run.examples))
