"""What runs that asked partly different questions still share: refused, noted, or cut down to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.comparison.comparable import Differences, RunData, Unlike, find_differences
from harness.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Shared:
    """Runs cut down to what may be compared, and what that left out."""

    runs: tuple[RunData, ...]
    tasks_left_out: frozenset[str] = frozenset()
    notes: tuple[str, ...] = field(default=())


def keep_shared(runs: Sequence[RunData], unlike: Unlike) -> Shared:
    """The runs, without what asked something else in one of them.

    Examples of other content are never compared: with `leave-out` and `note` they are left out,
    and with `leave-out` so are tasks whose labels, words, cue or few-shot examples differ. Settings
    of the whole runs leave nothing to share; `note` lets them and tasks' settings pass.

    Raises:
        UsageError: the runs asked different questions, and `unlike` does not allow for that.
    """
    found = [find_differences(runs[0], other) for other in runs[1:]]
    lines = [line for one in found for line in one.lines()]
    if not lines:
        return Shared(tuple(runs))
    if unlike == "refuse" or (unlike == "leave-out" and any(one.settings for one in found)):
        raise UsageError(_refusal(lines, found, unlike))
    tasks = frozenset(task for one in found for task in one.tasks)
    examples = _union(found)
    kept = tuple(_without(run, examples) for run in runs)
    if unlike == "note":
        return Shared(kept, notes=(*_other_lines(found), *_example_notes(examples, runs)))
    tasks_notes = (
        f"task {task} is left out: it differs between the runs" for task in sorted(tasks)
    )
    return Shared(kept, tasks, (*tasks_notes, *_example_notes(examples, runs, tasks)))


def _refusal(lines: Sequence[str], found: Sequence[Differences], unlike: Unlike) -> str:
    shown = "\n  ".join(lines)
    message = f"the runs did not ask the same question:\n  {shown}"
    if any(one.settings for one in found):
        if unlike == "leave-out":
            return f"{message}\nSettings of whole runs differ, so they share no cell."
        return message
    return f"{message}\nTo compare only the cells whose content is equal, type: --shared"


def _union(found: Sequence[Differences]) -> dict[str, frozenset[str]]:
    """Task -> the examples that ask something else in any of the runs."""
    tasks = dict.fromkeys(task for one in found for task in one.examples)
    return {
        task: frozenset[str]().union(*(one.examples.get(task, ()) for one in found))
        for task in tasks
    }


def _without(run: RunData, examples: Mapping[str, Collection[str]]) -> RunData:
    """A run without the samples of some examples."""
    if not examples:
        return run
    tasks = dict(zip(run.variants["id"], run.variants["task"], strict=True))
    samples = run.samples
    keys = zip(samples["variant_id"], samples["example_id"], strict=True)
    keep = [example not in examples.get(tasks.get(variant, ""), ()) for variant, example in keys]
    return replace(run, samples=samples[keep])


def _other_lines(found: Sequence[Differences]) -> list[str]:
    return [
        line
        for one in found
        for line in (*one.settings, *(line for lines in one.tasks.values() for line in lines))
    ]


def _example_notes(
    examples: Mapping[str, Collection[str]],
    runs: Sequence[RunData],
    tasks_left_out: Collection[str] = (),
) -> list[str]:
    return [
        f"{len(ids):,} of {len(runs[0].examples[task]):,} examples of {task} are left out: their "
        "text or gold label differs between the runs"
        for task, ids in examples.items()
        if task not in tasks_left_out
    ]
