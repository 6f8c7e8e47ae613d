"""Several models in one command: the same options for each, and a directory for each run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.core.errors import UsageError
from harness.core.names import folder_name
from harness.core.records import stable_id
from harness.evaluation.config import DEFAULT_SUITE, RunConfig
from harness.models.named import check_named, expand_models, is_adapter
from harness.models.options import SERVER_FIELDS
from harness.models.servers.address import is_served
from harness.models.spec import ModelSpec
from harness.results.names import short_names

PAGES: Final = ("report.md", "report.html")
"""The page about all models, in its forms."""
_NAMED: Final = 3
"""How many models a folder's name tells."""


@dataclass(frozen=True, slots=True)
class ManyPlan:
    """What several models are asked; the first is the baseline of the page about all."""

    folder: Path
    """Where that page is written; with `--out` the runs lie in it."""
    names: tuple[str, ...]
    """What the models are called, all different."""
    configs: tuple[RunConfig, ...]
    """A run each, alike but for the model and what belongs to it."""


def expand_configs(configs: Sequence[RunConfig]) -> list[RunConfig]:
    """Return a configuration for each model that the configurations' names and patterns stand for.

    Raises:
        UsageError: a pattern matches no model, or a model is named twice.
    """
    models = expand_models([config.model for config in configs])
    return [configs[0].model_copy(update={"model": model}) for model in models]


def plan_many(configs: Sequence[RunConfig]) -> ManyPlan:
    """Place the runs of several models; nothing is loaded or written.

    With `--out` each run lies there, in a folder named after its model. Without, each lies where it
    would alone, so that a run that was there before is that of this command, too.

    Args:
        configs: two at least, alike but for their model; the first is the baseline.

    Raises:
        UsageError: a name that can be no model, or a `--out` that holds the run of one model or
            reports of another hand.
    """
    for config in configs:
        check_named(config.model)
    models = [config.model for config in configs]
    names = _unique_names(models)
    first, out = configs[0], configs[0].out
    if out is not None:
        _check_folder(out, len(configs))
    folder = out or Path("runs") / _page_folder(first, models, names)
    return ManyPlan(
        folder=folder,
        names=tuple(names),
        configs=tuple(
            _fit(config, None if out is None else out / folder_name(name))
            for config, name in zip(configs, names, strict=True)
        ),
    )


def _check_folder(out: Path, models: int) -> None:
    """Refuse a folder in which the runs or the page about them would take another thing's place."""
    if out.exists() and not out.is_dir():
        found = "is a file"
    elif (out / "run.json").is_file():
        found = f"is the run of one model, and {models} are named"
    elif any((out / page).exists() for page in PAGES) and not any(out.glob("*/run.json")):
        found = f"holds a {' or '.join(PAGES)} and no runs that it is about"
    else:
        return
    raise UsageError(
        f"--out {out} {found}.", hint="Give another folder: each model's run will lie in it."
    )


def _fit(config: RunConfig, out: Path | None) -> RunConfig:
    """The configuration without the options that are meant for models of another kind."""
    left_out: dict[str, Any] = {}
    if config.base is not None and not is_adapter(config.model):
        left_out["base"] = None
    if not is_served(ModelSpec(config.model)):
        fields = RunConfig.model_fields
        left_out |= {name: fields[name].get_default() for name in SERVER_FIELDS}
    return config.model_copy(update={**left_out, "out": out})


def _unique_names(models: Sequence[str]) -> list[str]:
    """Short names whose folders differ, too, and are neither the folder of all nor its page."""
    paths = [Path(model).expanduser() for model in models]
    names = short_names(
        [
            str(path.resolve()) if path.exists() else model
            for path, model in zip(paths, models, strict=True)
        ]
    )
    folders = Counter([*(folder_name(name).lower() for name in names), "", *PAGES])
    return [
        name if folders[folder_name(name).lower()] == 1 else f"{place} {name}"
        for place, name in enumerate(names, start=1)
    ]


def _page_folder(config: RunConfig, models: Sequence[str], names: Sequence[str]) -> str:
    said = [folder_name(name) for name in names[:_NAMED]]
    more = [f"{len(names) - _NAMED}-more"] if len(names) > _NAMED else []
    asked = config.suite or "-".join(config.tasks) or DEFAULT_SUITE
    digest = stable_id(*models, repr(sorted(config.identity().items())))[:12]
    return f"{'-vs-'.join([*said, *more])}-{folder_name(asked)}-{digest}"
