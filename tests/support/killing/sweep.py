"""A job is killed at each of its points, and the same command must end it well."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.killing.points import KILLED, POINTS

Result = Callable[[Path], object]
"""What is compared: of the folder that a job wrote to."""


@dataclass(frozen=True)
class Job:
    """A command, the state that it starts from, and what counts as its result."""

    arguments: Sequence[str]
    again: Sequence[Sequence[str]]
    """The commands of which each must end a killed job well (or, but for the first, refuse)."""
    result: Result
    start: Path | None = None
    """A folder whose copy is there when the job begins."""


def fork(arguments: Sequence[str], folder: Path, kill_at: int) -> tuple[int, list[str], str]:
    """Run a command in a process of its own; returns its exit code, points and messages."""
    read, write = os.pipe()
    log = folder.parent / "log"
    pid = os.fork()
    if pid == 0:
        from harness.cli.app import run

        opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, 1)
        os.dup2(opened, 2)
        POINTS.folder, POINTS.kill_at = str(folder), kill_at
        code = run(list(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(write, json.dumps(POINTS.seen).encode()[-60_000:])
        os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        seen = stream.read()
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), json.loads(seen or b"[]"), log.read_text("utf-8")


def sweep(job: Job, out: Path, *, step: int = 1) -> tuple[list[str], list[str]]:
    """Kill the job at every `step`-th point; returns all points, and what went wrong."""
    _prepare(job, out)
    code, points, said = fork(job.arguments, out, 0)
    assert code == 0, said
    wanted = job.result(out)
    wrong: list[str] = []
    for kill_at in range(1, len(points) + 1, step):
        for number, again in enumerate(job.again):
            _prepare(job, out)
            code, _, said = fork(job.arguments, out, kill_at)
            assert code == KILLED, f"point {kill_at} was not reached: {said}"
            code, _, said = fork(again, out, 0)
            refused = number > 0 and code == 2 and "--fresh" in said and said.count("\n") == 1
            if not refused and (code != 0 or job.result(out) != wanted):
                what = "another result" if code == 0 else f"exit {code}: {said[-300:]}"
                wrong.append(f"{kill_at} ({points[kill_at - 1]}), then {again[-1]}: {what}")
                print(wrong[-1], flush=True)
    return points, wrong


def _prepare(job: Job, out: Path) -> None:
    for folder in (out, beside(out)):
        shutil.rmtree(folder, ignore_errors=True)
    if job.start is not None:
        shutil.copytree(job.start, out)


def beside(out: Path) -> Path:
    """Where a hardening keeps all but its checkpoint."""
    return out.with_name(f"{out.name}.hardening")
