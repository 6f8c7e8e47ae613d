"""The main job: evaluate a prepared run, cell by cell, into its directory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

from harness.core.cache import ResponseCache, response_cache_path
from harness.core.errors import HarnessError
from harness.core.lock import lock_folder
from harness.core.progress import NoProgress, Progress
from harness.core.records import Cell, Request
from harness.core.timestamp import timestamp
from harness.evaluation.answer_encoder import load_answer_encoder
from harness.evaluation.engine import Engine, Prior
from harness.evaluation.flight import Window, evaluate_windows
from harness.evaluation.judge_check import judge_notes, measure_judges
from harness.evaluation.plan import Block
from harness.evaluation.prepare import RunPlan
from harness.evaluation.repeats import sampling_of
from harness.evaluation.schedule import Outcomes, Schedule, UntilPrecise, WholePlan
from harness.evaluation.scorers import ScorerPlan, request_kind
from harness.evaluation.variants import Misses
from harness.grading import JudgeAgreement
from harness.metrics.summary import summarize_run
from harness.models.contract import Model
from harness.models.questions import ManyAtOnce
from harness.models.usage import Metered
from harness.prompting.readers import JudgedReader
from harness.results.jsonfiles import Json, read_json
from harness.results.manifest import SCHEMA_VERSION
from harness.results.provenance import describe_machine, package_versions
from harness.results.rundir import Run, RunDirectory, example_hash
from harness.results.store import SampleStore
from harness.results.summary import Summary
from harness.tasks import Task

WINDOW_ON_CPU = 128
"""Some seconds of work, which is what a kill can lose; its batches are full all the same."""
WINDOW_ON_ACCELERATOR = 4096
"""Enough cells to fill a large device's batches."""
WINDOW_ON_SERVER = 256
"""Enough cells for all that is in flight; their answers are kept as they come."""
TEXT_COSTS = 4
"""A written answer is so many scored ones, or more: windows of texts are so much smaller."""


def window_size(device: str, wanted: int | None, *, writes: bool = False) -> int:
    """Cells between two writes to disk.

    Args:
        device: Where the model runs.
        wanted: What the user asked for.
        writes: Whether every cell is answered in text, token by token.
    """
    if wanted or device == "server":
        return wanted or WINDOW_ON_SERVER
    scored = WINDOW_ON_CPU if device == "cpu" else WINDOW_ON_ACCELERATOR
    return scored // TEXT_COSTS if writes else scored


@dataclass(frozen=True, slots=True)
class Timing:
    """How the evaluation of this call went; cells that were there already are not in it."""

    cells: int
    seconds: float
    cache_hits: int

    def to_dict(self) -> Json:
        """The block `timing` of run.json."""
        rate = self.cells / self.seconds if self.seconds > 0 else 0.0
        return {
            "cells": self.cells,
            "seconds": round(self.seconds, 3),
            "cells_per_second": round(rate, 2),
            "cache_hits": self.cache_hits,
        }


def execute(prepared: RunPlan, *, command: str, progress: Progress | None = None) -> Run:
    """Evaluate every cell that is not there yet, then write the summary.

    Returns:
        The finished run.

    Raises:
        UsageError: the directory holds another run, or another process writes to it.
        IncompleteRunError: the disk is full; the same command resumes.
    """
    with lock_folder(prepared.out):
        return _execute(prepared, command, progress or NoProgress())


def _execute(prepared: RunPlan, command: str, progress: Progress) -> Run:
    directory = RunDirectory(prepared.out)
    spent = _spent_before(prepared)
    manifest = directory.open(_manifest(prepared, command), fresh=prepared.config.fresh)
    meter = Meter(directory, manifest, prepared.model, spent)
    directory.write_json("run.json", manifest)
    directory.write_variants(prepared.plan.all_variants())
    directory.write_examples(prepared.plan.tasks)
    try:
        timing, precision = _evaluate(prepared, directory, progress, meter)
        progress.stop()
        judges = _measure_judges(prepared, directory)
        directory.write_json("summary.json", _summarize(prepared, directory).to_json())
    except BaseException:
        progress.stop()
        _mark_incomplete(directory, {**manifest, **meter.block()})
        raise
    ended: Json = {
        **meter.block(),
        "status": "complete",
        "finished": timestamp(),
        "timing": timing.to_dict(),
        "precision": precision,
        "notes": [*prepared.notes, *judge_notes(judges)],
    }
    if isinstance(prepared.model, ManyAtOnce):
        ended["workers"] = prepared.model.describe()
    if judges:
        ended["judges"] = {task: asdict(agreement) for task, agreement in judges.items()}
    directory.finish({**manifest, **ended})
    return Run(directory.path)  # anew: a run keeps the manifest that it has read


def _summarize(prepared: RunPlan, directory: RunDirectory) -> Summary:
    name = prepared.config.embed_with
    embed = load_answer_encoder(name).embed if name else None
    return summarize_run(Run(directory.path), embed)


def _measure_judges(prepared: RunPlan, directory: RunDirectory) -> dict[str, JudgeAgreement]:
    if not any(isinstance(tools.reader, JudgedReader) for tools in prepared.tools.values()):
        return {}
    return measure_judges(
        Run(directory.path),
        prepared.plan.tasks,
        prepared.tools,
        seed=prepared.config.seed,
        data_dir=prepared.config.data_dir,
    )


def count_finished(prepared: RunPlan) -> int:
    """How many cells of a prepared run its directory holds already; it may hold a larger stage."""
    path = prepared.out / "samples.sqlite"
    if not path.is_file() or prepared.config.fresh:
        return 0
    with SampleStore(path) as store:
        tasks = prepared.plan.tasks
        stored = sum(store.count(prepared.scorers.of(task)[0], task.name) for task in tasks)
    return min(stored, prepared.plan.cells)


def _spent_before(prepared: RunPlan) -> float:
    """What earlier calls of the run in this folder have spent."""
    path = prepared.out / "run.json"
    if prepared.config.fresh or not path.is_file():
        return 0.0
    usage = read_json(path).get("usage")
    cost = usage.get("cost") if isinstance(usage, dict) else None
    return float(cost) if isinstance(cost, int | float) else 0.0


@dataclass(frozen=True, slots=True)
class Meter:
    """Keeps what a served model costs in run.json, so that a budget is one of all calls."""

    directory: RunDirectory
    manifest: Json
    model: Model
    spent: float

    def __post_init__(self) -> None:
        if isinstance(self.model, Metered):
            self.model.usage.cost_before = self.spent

    def block(self) -> Json:
        """The block `usage`, where somebody counts."""
        return {"usage": self.model.usage.to_dict()} if isinstance(self.model, Metered) else {}

    def write(self) -> None:
        """Keep it, window by window: a kill loses what the window in flight cost."""
        if block := self.block():
            self.directory.write_json("run.json", {**self.manifest, **block})


def _evaluate(
    prepared: RunPlan, directory: RunDirectory, progress: Progress, meter: Meter
) -> tuple[Timing, Json | None]:
    config, model, scorers = prepared.config, prepared.model, prepared.scorers
    cache_path = response_cache_path(model.info.fingerprint) if config.cache else None
    start, evaluated = time.perf_counter(), 0
    with directory.samples() as store, ResponseCache(cache_path, progress.note) as cache:
        engine = Engine(
            model=model,
            cache=cache,
            tools=prepared.tools,
            scorers=scorers,
            max_new_tokens=config.max_new_tokens,
            sampling=sampling_of(config),
        )
        stored = sum(
            store.count(scorer, task.name)
            for task in prepared.plan.tasks
            for scorer in scorers.answering(task)
        )
        progress.start(scorers.count_answers(prepared.plan.blocks(WINDOW_ON_ACCELERATOR)), stored)
        schedule = _schedule(prepared)
        begin = partial(_begin, store, scorers, progress, resumed=stored > 0)
        for one in schedule.rounds():
            for done in evaluate_windows(engine, map(begin, one), progress):
                store.write(done.samples, done.priors)
                meter.write()
                evaluated += sum(len(block) for block in done.window.asked)
                if schedule.needs_outcomes:
                    blocks = done.window.blocks
                    schedule.record(blocks, _outcomes(blocks, store, scorers))
    timing = Timing(evaluated, time.perf_counter() - start, engine.hits)
    return timing, schedule.report()


def _begin(
    store: SampleStore,
    scorers: ScorerPlan,
    progress: Progress,
    blocks: list[Block],
    *,
    resumed: bool,
) -> Window:
    """A window with what is stored of it already."""
    asked = _unfinished(blocks, store, scorers) if resumed else blocks
    progress.reuse(scorers.count_answers(blocks) - scorers.count_answers(asked))
    if not asked:
        return Window(blocks, (), {})
    progress.doing(asked[0].task.name, asked[0].variant.level)
    known = _known_priors(asked, store) if "calibrated" in scorers.scorers else {}
    return Window(blocks, asked, known)


def _schedule(prepared: RunPlan) -> Schedule:
    config = prepared.config
    writes = any(map(prepared.scorers.writes, prepared.plan.tasks))
    size = window_size(prepared.model.info.device, config.window, writes=writes)
    if config.precision is None:
        return WholePlan(prepared.plan, size)
    return UntilPrecise(
        prepared.plan,
        size,
        half_width=config.precision / 100,
        seed=config.seed,
        confidence=config.confidence,
    )


def _outcomes(window: Sequence[Block], store: SampleStore, scorers: ScorerPlan) -> Outcomes:
    return {
        (block.variant.id, example_id): score
        for block in window
        for example_id, score in store.scores(
            block.variant.id, scorers.of(block.task)[0], _ids(block)
        ).items()
    }


def _ids(block: Block) -> list[str]:
    return [example.id for example in block.examples]


def _unfinished(window: Sequence[Block], store: SampleStore, scorers: ScorerPlan) -> list[Block]:
    """The window without the cells that are stored: in a grown share they stand among new ones.

    A window is stored at once, so that what a kill left is asked in the batches of before.
    """
    left: list[Block] = []
    for block in window:
        missing: set[str] = set()
        for scorer in scorers.of(block.task):
            asked = _ids(scorers.narrow(block, request_kind(scorer)))
            missing |= set(asked).difference(store.scores(block.variant.id, scorer, asked))
        examples = tuple(example for example in block.examples if example.id in missing)
        if examples:
            left.append(replace(block, examples=examples))
    return left


def _known_priors(window: Sequence[Block], store: SampleStore) -> dict[str, Prior]:
    found = {block.variant.id: store.prior(block.variant.id) for block in window}
    return {variant_id: prior for variant_id, prior in found.items() if prior is not None}


def _mark_incomplete(directory: RunDirectory, manifest: Json) -> None:
    # Best effort: a full disk must not hide the error that stopped the run.
    with contextlib.suppress(HarnessError):
        directory.write_json(
            "run.json", {**manifest, "status": "incomplete", "finished": timestamp()}
        )


def _manifest(prepared: RunPlan, command: str) -> Json:
    config = prepared.config
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": prepared.identity.run_id,
        "status": "running",
        "command": command,
        "created": timestamp(),
        "finished": None,
        "identity": prepared.identity.options,
        "content": prepared.identity.content,
        "config": config.model_dump(mode="json"),
        "model": asdict(prepared.model.info),
        "prompt_format": prepared.layout,
        "versions": package_versions(),
        "machine": describe_machine(prepared.model.info.device),
        "seed": config.seed,
        "design": prepared.fitted.to_dict(),
        "tasks": {task.name: _describe_task(prepared, task) for task in prepared.plan.tasks},
        "timing": None,
        "precision": None,
        "left_out": [asdict(one) for one in prepared.left_out],
        "notes": list(prepared.notes),
    }


def _describe_task(prepared: RunPlan, task: Task) -> Json:
    variants, tools = prepared.plan.variants[task.name], prepared.tools[task.name]
    misses = prepared.misses.get(task.name, Misses())
    first = Cell(variants[0], task.examples[0])
    (request,) = tools.requests([first])
    return {
        "description": task.description,
        "kind": task.kind,
        "metric": task.metric_name,
        "metrics": list(task.metrics),
        "order": list(task.order),
        "labels": list(task.label_names),
        "label_words": [label.answer for label in task.labels],
        "answer_cue": task.answer_cue,
        "prefill": task.prefill,
        "placement": task.placement,
        "system": task.system,
        "gap": task.gap,
        "few_shot": [example_hash(shot) for shot in tools.prompter.shots],
        "scoring": _scoring(task),
        "label_tokens": _label_tokens(task, request),
        "chance": task.chance,
        "examples": len(task.examples),
        "example_ids": [example.id for example in task.examples],
        "instructions": len({variant.instruction_id for variant in variants}),
        "variants": len(variants),
        "cells": prepared.plan.cells_of(task),
        "no_ops": dict(misses.no_ops),
        "duplicates": dict(misses.duplicates),
        "dissimilar": dict(misses.dissimilar),
        "rendered_prompt": tools.prompt(first.variant, first.example),
    }


def _scoring(task: Task) -> Json:
    """What decides which answer is right, beside labels and references; runs that differ in it
    cannot be compared."""
    if task.answer is not None:
        grader = task.answer.grader.model_dump(mode="json", by_alias=True)
        rest = task.answer.model_dump(mode="json", exclude={"field", "grader"})
        return {"grader": grader, **rest}
    if task.choices is not None:
        return task.choices.model_dump(mode="json", exclude={"field", "gold"})
    return {}


def _label_tokens(task: Task, request: Request) -> list[int] | None:
    """How many tokens each label has; None where that differs from row to row."""
    if any(label not in request.continuations for label in task.label_names):
        return None
    if task.choices is not None and task.choices.by == "text":
        return None
    return [len(request.continuations[label]) for label in task.label_names]
