"""Refinement: a run that goes on from its first report, stage by stage, until it is sure enough.

Each stage asks about twice the cells of the one before and holds all of them. It is a run of its
own in a folder inside the run's, begun with a copy of the samples, and takes the place of the last
one when its reports are written. So the folder is a finished run from the first report on, however
the next stage ends, and the same command goes on with it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.core.atomic import remove_parts, write_json
from harness.core.lock import lock_folder
from harness.core.progress import Progress
from harness.evaluation.budget import fit, grow, with_instructions
from harness.evaluation.design import Design
from harness.evaluation.execute import execute
from harness.evaluation.plan import Plan
from harness.evaluation.prepare import RunPlan, with_plan
from harness.metrics.outlook import widest_drop
from harness.results.jsonfiles import Json, read_json
from harness.results.manifest import SAMPLES
from harness.results.rundir import Run

STAGE: Final = "next"
"""The folder of the stage that is under way, inside the run's."""
GROWTH: Final = 2
"""How many times the cells of a stage the next one asks, about."""

Report = Callable[[Run], object]


def refine(prepared: RunPlan, *, command: str, progress: Progress, report: Report) -> Run:
    """Evaluate a run stage by stage, until the widest drop interval is as narrow as `until`.

    Args:
        prepared: the run, with its first stage as the plan and `until` in its configuration.
        command: what goes on with it, for its manifest.
        progress: told how far each stage is.
        report: writes the reports of a finished stage into its folder.

    Returns:
        The run after its last stage.

    Raises:
        UsageError: the directory holds another run, or another process writes to it.
        IncompleteRunError: the disk is full; the same command resumes.
    """
    out, config = prepared.out, prepared.config
    wanted = (config.until or 0.0) / 100
    run = _last_stage(prepared, report)
    if run is None:
        run = execute(prepared, command=command, progress=progress)
        report(run)
    for larger in _stages(prepared, plan_of(prepared, run)):
        width = widest_drop(run.summary)
        if width is not None and width <= wanted:
            break
        progress.note(_goes_on(width, wanted, larger, prepared.full))
        with lock_folder(out):
            stage = with_plan(prepared, larger, out / STAGE)
            _begin(stage, out)
            report(execute(stage, command=command, progress=progress))
            _take_place(out)
        run = Run(out)
    return run


def _goes_on(width: float | None, wanted: float, larger: Plan, full: Plan) -> str:
    known = (
        "the drop of some level has no interval yet"
        if width is None
        else f"the widest drop interval is within {100 * width:.1f} points"
    )
    return (
        f"{known}; {100 * wanted:g} points are wanted, so the run goes on to {larger.cells:,} of "
        f"{full.cells:,} cells. Stop when you like: the report stays."
    )


def _last_stage(prepared: RunPlan, report: Report) -> Run | None:
    """The finished run that is here, to go on from; None where there is none, or another one."""
    out = prepared.out
    if prepared.config.fresh:
        shutil.rmtree(out / STAGE, ignore_errors=True)
        return None
    stage, last = _manifest_of(out / STAGE, prepared), _manifest_of(out, prepared)
    if stage and last and stage["status"] == "complete" and _cells(stage) > _cells(last):
        with lock_folder(out):
            if last["status"] == "complete":  # else its files are being moved, the reports too
                report(Run(out / STAGE))
            _take_place(out)
    last = _manifest_of(out, prepared)
    if last is None or last["status"] != "complete":
        return None
    with lock_folder(out):
        remove_parts(out)  # of reports that were being written
    return Run(out)


def _manifest_of(folder: Path, prepared: RunPlan) -> Json | None:
    """The manifest in a folder if it is this run's, in whatever stage."""
    if not (folder / "run.json").is_file():
        return None
    there, identity = read_json(folder / "run.json"), prepared.identity
    same = there.get("identity") == identity.options and there.get("content") == identity.content
    return there if same else None


def _cells(manifest: Json) -> int:
    cells: int = manifest["design"]["cells"]
    return cells


def plan_of(prepared: RunPlan, run: Run) -> Plan:
    """The plan of a finished stage, as its manifest says."""
    design, described = run.manifest["design"], run.manifest["tasks"]
    seed = prepared.config.seed
    tasks = tuple(
        task.with_examples(count, seed=seed) if count < len(task.examples) else task
        for task in prepared.full.tasks
        for count in [described[task.name]["examples"]]
    )
    whole = replace(prepared.full, tasks=tasks, design=Design(design["share"], seed))
    counts: list[int] = [*design["layers"], design["instructions"]]
    plan = with_instructions(whole, counts[0])
    for count in counts[1:]:
        plan = grow(plan, with_instructions(whole, count))
    return plan


def _stages(prepared: RunPlan, plan: Plan) -> Iterator[Plan]:
    """Ever larger plans, each with every cell of the one before, the full grid last."""
    budget, larger = plan.cells, prepared.plan
    while plan.cells < prepared.full.cells:
        grown = grow(plan, larger)
        if grown.cells > plan.cells:
            plan = grown
            yield plan
        budget *= GROWTH
        larger = _fit(prepared, budget)


def _fit(prepared: RunPlan, budget: int) -> Plan:
    config = prepared.config
    return fit(
        prepared.full,
        budget,
        seed=config.seed,
        keep_instructions=config.instructions is not None,
        keep_examples=config.limit is not None,
    )


def _begin(stage: RunPlan, out: Path) -> None:
    """Make the stage's folder: the samples of the last one and a manifest to go on from.

    The manifest comes last: without one the folder was not ready and is made anew.
    """
    folder = stage.out
    begun = _manifest_of(folder, stage)
    if begun and begun["design"] == stage.fitted.to_dict():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copyfile(out / SAMPLES, folder / SAMPLES)
    write_json(folder / "run.json", {**read_json(out / "run.json"), "status": "incomplete"})


def _take_place(out: Path) -> None:
    """Put a finished stage in the place of the last one; a kill on the way is mended by calling it.

    Between the first file and the last the run is marked as not finished.
    """
    stage = out / STAGE
    write_json(out / "run.json", {**read_json(out / "run.json"), "status": "incomplete"})
    for path in sorted(stage.iterdir()):
        if path.name != "run.json":
            path.replace(out / path.name)
    (stage / "run.json").replace(out / "run.json")
    stage.rmdir()
