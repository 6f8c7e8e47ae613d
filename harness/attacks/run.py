"""Running an attack: search within the budget, measure on the report split, write the outcome.

An attack is a directory: attack.json (what was asked, what was found, how sure that is),
queries.sqlite (every cell, in order) and variants.jsonl (the clean and the found instruction, for
`harness run --variants`).
"""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from random import Random

from harness.attacks.prepare import PreparedAttack
from harness.attacks.querylog import QueryLog
from harness.attacks.result import describe_found, describe_steps, found_variants, measure_report
from harness.attacks.victim import SearchObjective, Victim
from harness.core.cache import ResponseCache, response_cache_path
from harness.core.errors import HarnessError, UsageError
from harness.core.lock import lock_folder
from harness.core.progress import NoProgress, Progress
from harness.core.records import stable_hash
from harness.core.sqlite import delete_database
from harness.core.timestamp import timestamp
from harness.evaluation.engine import Engine
from harness.evaluation.execute import window_size
from harness.evaluation.scorers import ScorerPlan
from harness.results.jsonfiles import Json, read_json
from harness.results.manifest import SCHEMA_VERSION
from harness.results.provenance import describe_machine, package_versions
from harness.results.rundir import RunDirectory
from perturbations.search.ledger import Ledger
from perturbations.search.recipes import Outcome

MANIFEST = "attack.json"
QUERIES = "queries.sqlite"


@dataclass(frozen=True)
class AttackResult:
    """A finished attack on disk."""

    path: Path

    @cached_property
    def report(self) -> Json:
        """The content of attack.json."""
        return read_json(self.path / MANIFEST)


def execute_attack(
    prepared: PreparedAttack, *, command: str, progress: Progress | None = None
) -> AttackResult:
    """Search, measure and write; a killed attack is resumed.

    Returns:
        The finished attack.

    Raises:
        UsageError: the directory holds another attack, the budget is too small for one step, or
            nothing in the instruction can be changed.
        IncompleteRunError: the disk is full; the same command resumes.
    """
    with lock_folder(prepared.config.out):
        return _execute(prepared, command, progress or NoProgress())


def _execute(prepared: PreparedAttack, command: str, progress: Progress) -> AttackResult:
    directory = RunDirectory(prepared.config.out, MANIFEST)
    manifest = directory.open(_manifest(prepared, command), fresh=prepared.config.fresh)
    directory.write_json(MANIFEST, manifest)
    try:
        result = _attack(prepared, directory, progress)
    except UsageError:
        if _nothing_asked(directory):
            _discard(directory)
        else:
            directory.write_json(MANIFEST, {**manifest, "status": "incomplete"})
        raise
    except BaseException:
        # Best effort: a full disk must not hide the error that stopped the search.
        with contextlib.suppress(HarnessError):
            directory.write_json(MANIFEST, {**manifest, "status": "incomplete"})
        raise
    finally:
        progress.stop()
    ended = {"status": "complete", "finished": timestamp(), **result}
    directory.write_json(MANIFEST, {**manifest, **ended})
    return AttackResult(directory.path)


def _attack(prepared: PreparedAttack, directory: RunDirectory, progress: Progress) -> Json:
    config, problem, splits = prepared.config, prepared.problem, prepared.splits
    progress.start(config.budget + 2 * len(splits.report))
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(QueryLog(directory.path / QUERIES))
        victim = _victim(prepared, stack, log, progress)
        objective = SearchObjective(victim, splits.search, prepared.recipe.damage)
        ledger = Ledger(objective, config.budget)
        outcome = prepared.recipe.search(problem, ledger, _generator(prepared))
        found = outcome.best
        report = measure_report(
            victim, problem.subject.text, found.text, splits.report, config.confidence
        )
        variants = found_variants(problem, outcome, prepared.recipe.name, config.seed)
        directory.write_variants(variants)
        return {
            "found": describe_found(problem, found),
            "report": report,
            "search": {
                "cells": ledger.spent,
                "texts": len(ledger.texts),
                "damage": prepared.recipe.damage,
                "steps": describe_steps(outcome.steps),
            },
            "cells": {
                "budget": config.budget,
                "search": ledger.spent,
                "report": len(variants) * len(splits.report),
                "computed_now": victim.computed - victim.engine.hits,
            },
            "notes": [*prepared.notes, *outcome.notes, *_warnings(prepared, outcome, report)],
        }


def _victim(
    prepared: PreparedAttack, stack: contextlib.ExitStack, log: QueryLog, progress: Progress
) -> Victim:
    model, config, task = prepared.model, prepared.config, prepared.task
    cache_path = response_cache_path(model.info.fingerprint) if config.cache else None
    engine = Engine(
        model=model,
        cache=stack.enter_context(ResponseCache(cache_path, progress.note)),
        tools={task.name: prepared.tools},
        scorers=ScorerPlan(("loglik",)),
        max_new_tokens=1,
    )
    return Victim(
        task=task,
        instruction_id=prepared.problem.instruction.id,
        engine=engine,
        log=log,
        window=window_size(model.info.device, config.window),
        on_stage=lambda stage: progress.doing(task.name, stage),
        progress=progress,
    )


def _generator(prepared: PreparedAttack) -> Random:
    problem = prepared.problem
    parts = (problem.task, problem.instruction.id, prepared.recipe.name, problem.level)
    return Random(stable_hash(prepared.config.seed, *parts, "attack"))


def _warnings(prepared: PreparedAttack, outcome: Outcome, report: Json) -> list[str]:
    warnings = []
    if outcome.best.text == prepared.problem.subject.text:
        warnings.append("no candidate did more damage than the instruction itself")
    gold = Counter(example.gold for example in prepared.splits.report)
    constant = max(gold.values()) / len(prepared.splits.report)
    chance = prepared.task.chance
    if report["clean_accuracy"] <= max(chance, constant):
        what = "chance" if chance >= constant else "what one constant answer reaches"
        warnings.append(
            f"the model is not above {what} with this instruction "
            f"({report['clean_accuracy']:.1%} against {max(chance, constant):.1%}): a drop says "
            "nothing"
        )
    return warnings


def _manifest(prepared: PreparedAttack, command: str) -> Json:
    splits, problem = prepared.splits, prepared.problem
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "running",
        "command": command,
        "created": timestamp(),
        "finished": None,
        "identity": prepared.identity,
        "content": prepared.content,
        "config": prepared.config.model_dump(mode="json"),
        "model": asdict(prepared.model.info),
        "prompt_format": prepared.layout,
        "recipe": prepared.recipe.name,
        "level": problem.level,
        "task": problem.task,
        "instruction": asdict(problem.instruction),
        "splits": {
            "search": [example.id for example in splits.search],
            "report": [example.id for example in splits.report],
        },
        "versions": package_versions(),
        "machine": describe_machine(prepared.model.info.device),
        "notes": list(prepared.notes),
    }


def _nothing_asked(directory: RunDirectory) -> bool:
    with QueryLog(directory.path / QUERIES) as log:
        return len(log) == 0


def _discard(directory: RunDirectory) -> None:
    """Leave the folder to the mended command: there is nothing in it to be resumed."""
    delete_database(directory.path / QUERIES)
    (directory.path / MANIFEST).unlink(missing_ok=True)  # last: without it the folder is nobody's
    with contextlib.suppress(OSError):
        directory.path.rmdir()
