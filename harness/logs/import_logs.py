"""From other tools' logs to a run directory: read, grouped, arranged, written, sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import NothingToEvaluateError, UsageError
from harness.core.records import Level
from harness.logs.arrange import ImportedTask, arrange_task
from harness.logs.choose import choose_metric, unfit
from harness.logs.find import read_logs
from harness.logs.group import by_task, of_one_model
from harness.logs.record import Log
from harness.logs.write import ImportedRun, write_run
from harness.results.rundir import Run


@dataclass(frozen=True, slots=True)
class Imported:
    """A run made of logs, and what could not be carried over."""

    run: Run
    lost: tuple[str, ...]
    """A sentence each."""


def import_logs(
    paths: Sequence[Path],
    *,
    out: Path | None = None,
    metric: str | None = None,
    as_variants: str | None = None,
    levels: Mapping[str, Level] | None = None,
    model: str | None = None,
    fresh: bool = False,
    command: str = "harness import",
) -> Imported:
    """Make a run of other tools' logs, to be reported, compared and judged as our own are.

    Args:
        paths: files or folders of lm-eval, inspect, HELM or promptfoo.
        out: the run directory; default: `runs/`, named after model and tasks.
        metric: whose values become scores; default: each task's main one that is a score.
        as_variants: the logs are one task under several prompts; what that task is called.
        levels: what a prompt is called -> its level; the others are clean.
        model: whose logs to take, or what the model is called where they do not say it.
        fresh: write over a run that is there.
        command: what was typed, for run.json.

    Returns:
        The finished run, sealed like one of ours; it cannot be resumed.

    Raises:
        UsageError: a file is no log or is damaged; logs do not go together; no metric is a score.
        NothingToEvaluateError: the logs hold no scored row, or prompts of a task share no example.
    """
    logs = of_one_model(read_logs(paths), model)
    if not logs:
        raise NothingToEvaluateError("the logs hold no row.")
    _check_tools(logs)
    grouped = by_task(logs, as_variants=as_variants, levels=levels or {})
    tasks = []
    for name, own in grouped.items():
        tasks.append(arrange_task(name, own, choose_metric(own, metric)))
    lost = tuple(dict.fromkeys((*_lost(grouped, tasks), *(n for t in tasks for n in t.notes))))
    imported = ImportedRun(tuple(tasks), logs, grouped, lost, command)
    run = write_run(imported, out=out, fresh=fresh)
    return Imported(run, lost)


def _check_tools(logs: Sequence[Log]) -> None:
    tools = sorted({log.tool for log in logs})
    if len(tools) > 1:
        raise UsageError(
            f"the logs are of {' and '.join(tools)}, which score answers each in its own way.",
            hint="Import those of each into a run of its own.",
        )


def _lost(grouped: Mapping[str, Sequence[Log]], tasks: Sequence[ImportedTask]) -> list[str]:
    """What the logs hold and the run does not."""
    found = [f"{log.task}: {one}." for own in grouped.values() for log in own for one in log.lost]
    for task in tasks:
        own = grouped[task.name]
        for name in own[0].metrics:
            if name != task.metric and all(name in log.metrics for log in own):
                why = unfit(own, name) or f"--metric {name} imports it instead"
                found.append(f"{task.name}: the metric {name} is not in the run ({why}).")
    return found
