"""Writes a run into Weights & Biases, online or, as WANDB_MODE says, offline."""

from __future__ import annotations

from pathlib import Path

from harness.logs.trackers.facts import TrackedRun
from harness.logs.trackers.log_run import Place


def write(run: TrackedRun, page: Path, place: Place) -> str:
    """Write it; a run that is there already is written anew.

    Returns:
        The run's address, or the folder of an offline one.
    """
    import wandb

    active = wandb.init(
        project=place.project,
        dir=place.at,
        id=run.run_id,
        name=run.name,
        resume="allow",
        config={**run.parameters, **run.tags},
        save_code=False,
        # What is written is the run: nothing of this process, its machine and its packages.
        settings=wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        ),
    )
    try:
        for name, rows in run.tables.items():
            columns = list(rows[0])
            table = wandb.Table(columns, [[row.get(key) for key in columns] for row in rows])
            active.log({f"tables/{name}": table}, commit=False)
        active.log(dict(run.metrics))
        active.summary.update(dict(run.metrics))
        artifact = wandb.Artifact(f"report-{run.run_id}", type="report")
        artifact.add_file(str(page))
        active.log_artifact(artifact)
        return str(active.url or active.dir)
    finally:
        active.finish()
