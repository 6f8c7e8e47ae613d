"""What a cell costs beside the model: processor time and resident memory at 1k to 1M cells.

The model is a stub that answers from the tokens' hash, so that everything else is the real thing:
plan, prompts, tokens, cache look-up, scoring, store and summary. Each size runs in a process of its
own, because resident memory never falls.

    python benchmarks/overhead.py --cells 1000 10000 100000 1000000
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.core.progress import NoProgress
from harness.core.records import Example, Request, Response, Variant, stable_hash
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.plan import Plan
from harness.evaluation.prepare import RunPlan, make_run_plan
from harness.models import ModelInfo
from harness.models.token_requests import TokenRequests
from harness.tasks import Task, load_task
from harness.tasks.suites import task_path

TASKS = ("sentiment", "paraphrase", "inference", "topic", "acceptability")
EXAMPLES = 1000
"""Most examples of a task; variants make up the rest."""


STUB = ModelInfo(
    name="stub",
    kind="directory",
    path="",
    fingerprint="stub",
    parameters=1,
    dtype="float32",
    device="cpu",
    max_context=10_000,
)


@dataclass(frozen=True)
class WordTokenizer(TokenRequests):
    """One token a word; enough to make requests from prompts."""

    chat_template: str | None = None

    def encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        """A hash of each word."""
        return [[zlib.crc32(word.encode()) for word in text.split(" ")] for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        """Numbers."""
        return " ".join(map(str, ids))

    def render_chat(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The contents, joined."""
        return "\n".join(message["content"] for message in messages)


@dataclass(frozen=True)
class StubModel:
    """Answers at once, the same for the same tokens."""

    info: ModelInfo = STUB
    tokenizer: WordTokenizer = WordTokenizer()
    notes: list[str] = field(default_factory=list)

    def loglik(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        """Scores from the hash of the tokens."""
        for index, request in enumerate(requests):
            seed = hash(request.context)
            scores = {
                label: -((seed ^ hash(tokens)) % 1000) / 100
                for label, tokens in request.continuations.items()
            }
            yield index, Response(scores=scores)

    def generate(
        self,
        requests: Sequence[Request],
        *,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
        stop: Sequence[str] = (),
    ) -> Iterator[tuple[int, Response]]:
        """Nothing."""
        del max_new_tokens, is_done, stop
        yield from ((index, Response(text="")) for index in range(len(requests)))


class EvaluationClock(NoProgress):
    """Processor time at the evaluation's two ends; a busy machine doesn't count in it."""

    started = stopped = 0.0

    def start(self, total: int, finished: int = 0, *, unit: str = "cells") -> None:
        """The first window comes next."""
        del total, finished
        self.started = time.process_time()

    def stop(self) -> None:
        """The last window is stored."""
        self.stopped = time.process_time()


def main() -> None:
    """Measure every size and print a table, and JSON to --json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", type=int, default=[1000, 10_000, 100_000])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one)))
        return
    rows = [in_own_process(cells) for cells in options.cells]
    print(f"{'cells':>10} {'µs a cell':>10} {'summary':>14} {'peak MB':>9}")
    for row in rows:
        print(
            f"{row['cells']:>10,.0f} {row['microseconds']:>10.1f} "
            f"{row['summary_microseconds']:>14.1f} {row['megabytes']:>9.0f}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


def in_own_process(cells: int) -> dict[str, float]:
    """One size, measured in a fresh interpreter."""
    command = [sys.executable, __file__, "--one", str(cells)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def measure(cells: int) -> dict[str, float]:
    """Time a cell, and peak resident memory, of one whole run."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare_cells(cells, Path(folder) / "run")
        clock = EvaluationClock()
        execute(prepared, command="overhead", progress=clock)
        ended = time.process_time()
    return {
        "cells": prepared.plan.cells,
        "microseconds": 1e6 * (clock.stopped - clock.started) / prepared.plan.cells,
        "summary_microseconds": 1e6 * (ended - clock.stopped) / prepared.plan.cells,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def prepare_cells(cells: int, out: Path) -> RunPlan:
    """A run of the starter suite with as many examples and variants as the cells need."""
    tasks = tuple(_task(name, cells // len(TASKS)) for name in TASKS)
    variants = {
        task.name: tuple(
            _variant(task, n) for n in range(cells // len(TASKS) // len(task.examples))
        )
        for task in tasks
    }
    config = RunConfig(
        model="stub", tasks=TASKS, out=out, scorers=("loglik",), cache=False, window=4096
    )
    return make_run_plan(config, Plan(tasks, variants), StubModel())


def _task(name: str, cells: int) -> Task:
    task = load_task(task_path(name), data_dir=None).with_instructions(1)
    count = min(EXAMPLES, cells // 10)
    return replace(task, examples=tuple(_example(task, n) for n in range(count)))


def _example(task: Task, number: int) -> Example:
    base = task.examples[number % len(task.examples)]
    return replace(base, id=str(number), input=f"{base.input} ({number})")


def _variant(task: Task, number: int) -> Variant:
    text = task.instructions[0].text
    clean = number == 0
    return Variant(
        id=f"{stable_hash(task.name, number):016x}",
        task=task.name,
        level="clean" if clean else "character",
        perturbation="clean" if clean else "keyboard",
        instruction_id=task.instructions[0].id,
        index=number,
        seed=number,
        text=text if clean else f"{text} {number}",
        original=text,
    )


if __name__ == "__main__":
    main()
