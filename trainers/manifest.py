"""train.json: what was trained from what, on what, how, and what came of it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, FiniteFloat, StrictInt, StrictStr, ValidationError

from harness.core.atomic import write_json
from harness.core.errors import UsageError
from harness.core.timestamp import timestamp
from harness.results.provenance import describe_machine, package_versions
from trainers.base_model import Base
from trainers.checkpoint import read_json
from trainers.config import TrainConfig
from trainers.data import DataFacts

MANIFEST: Final = "train.json"
SCHEMA_VERSION: Final = 1

Json = dict[str, Any]


def make_manifest(
    config: TrainConfig, base: Base, data: DataFacts, *, layout: str, devices: int, device: str
) -> Json:
    """The manifest of a training that begins."""
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "running",
        "kind": "adapter" if config.tuning == "lora" else "model",
        "created": timestamp(),
        "finished": None,
        "base": {"name": base.name, "fingerprint": base.fingerprint},
        "data": {"file": config.pairs.name, **data.row()},
        "objective": dict(config.terms),
        "prompt_format": layout,
        "config": config.identity(),
        "seed": config.seed,
        "negatives_per_anchor": _negatives(config),
        "devices": devices,
        "versions": {**package_versions(), "accelerate": version("accelerate")},
        "machine": describe_machine(device),
        "steps": 0,
        "metrics": {},
    }


def finish_manifest(manifest: Json, *, steps: int, metrics: dict[str, float]) -> Json:
    """The manifest of a training that is done."""
    return {
        **manifest,
        "status": "complete",
        "finished": timestamp(),
        "steps": steps,
        "metrics": metrics,
    }


class _Base(BaseModel):
    name: StrictStr
    fingerprint: StrictStr


class _Shape(BaseModel):
    """What the manifest of a training must hold; it may hold more."""

    status: Literal["running", "complete"]
    kind: Literal["adapter", "model"]
    base: _Base
    data: dict[str, StrictStr | StrictInt]
    objective: dict[str, FiniteFloat]
    prompt_format: StrictStr
    config: dict[str, object]
    seed: StrictInt
    negatives_per_anchor: StrictInt
    devices: StrictInt
    steps: StrictInt
    metrics: dict[str, float]


def read_manifest(folder: Path) -> Json | None:
    """The manifest in a folder, if there is one.

    Raises:
        UsageError: it is damaged, or no training's.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    hint = "Type: --fresh to start over, or --out with a new folder."
    try:
        manifest = read_json(path)
        _Shape.model_validate(manifest)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"{path} is damaged: {where}: {first['msg'].lower()}."
        raise UsageError(message, hint=hint) from None
    except UsageError as error:
        raise UsageError(error.message, hint=hint) from None
    return manifest


def write_manifest(folder: Path, manifest: Json) -> None:
    """Write the manifest into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / MANIFEST, manifest)


def check_same(existing: Json, wanted: Json, folder: Path) -> None:
    """Validate that a folder holds no training of something else.

    Raises:
        UsageError: with the first difference, base and data before options.
    """
    parts = [
        ("the base model", existing["base"]["fingerprint"], wanted["base"]["fingerprint"]),
        ("the pairs", existing["data"]["hash"], wanted["data"]["hash"]),
        *(
            (f"--{key.replace('_', '-')}", existing["config"].get(key), value)
            for key, value in wanted["config"].items()
        ),
    ]
    for what, there, here in parts:
        if there != here:
            raise UsageError(
                f"{folder} holds a training with another choice of {what} "
                f"({there!r} there, {here!r} now).",
                hint="Type: --fresh to start over, or --out with a new folder.",
            )


def _negatives(config: TrainConfig) -> int:
    if not config.contrastive:
        return 0
    return (config.batch if config.negatives == "batch" else config.micro_batch) - 1
