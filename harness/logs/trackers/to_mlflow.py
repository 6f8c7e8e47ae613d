"""Writes a run into MLflow: a file store, a database or a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from harness.logs.trackers.facts import TrackedRun
from harness.logs.trackers.log_run import Place

RETRIES_UNLESS_SET: Final = 2


def write(run: TrackedRun, page: Path, place: Place) -> str:
    """Write it; a run that is there already is written anew.

    Returns:
        The run's MLflow id, with its experiment.
    """
    import mlflow
    from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES as RETRIES

    if not RETRIES.is_set():  # as many as MLFlow makes by itself keep a wrong address for minutes
        RETRIES.set(RETRIES_UNLESS_SET)
    if place.at is not None:
        mlflow.set_tracking_uri(place.at)
    experiment = mlflow.set_experiment(place.project)
    known = _known(mlflow, experiment.experiment_id, run.run_id)
    with mlflow.start_run(run_id=known, run_name=None if known else run.name) as active:
        mlflow.set_tags(dict(run.tags))
        mlflow.log_params(dict(run.parameters))
        mlflow.log_metrics(dict(run.metrics), step=0)
        for name, rows in run.tables.items():
            columns = list(rows[0])
            data = [[row.get(key) for key in columns] for row in rows]
            mlflow.log_dict({"columns": columns, "data": data}, f"tables/{name}.json")
        mlflow.log_artifact(str(page))
        return f"{place.project}, run {active.info.run_id}"


def _known(mlflow: Any, experiment: str, run_id: str) -> str | None:
    """The MLflow run that this run was written to before."""
    found = mlflow.search_runs(
        [experiment],
        filter_string=f"tags.`harness.run_id` = '{run_id}'",
        max_results=1,
        output_format="list",
    )
    return str(found[0].info.run_id) if found else None
