"""A run's plan, rebuilt from its manifest with its model loaded, and checked against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from harness.core.errors import UnknownNameError, UsageError
from harness.evaluation.config import RunConfig
from harness.evaluation.prepare import RunPlan, prepare, with_plan
from harness.evaluation.refine import plan_of
from harness.models import Model, ModelSpec, load_model
from harness.results.rundir import Run


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a run is prepared again for, as errors say it."""

    refused: str
    """What cannot be done otherwise, such as "its prompts cannot be shown"."""
    command: str
    """The command that does it."""


def _nothing() -> Mapping[str, object]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Given:
    """What takes the place of things that the manifest names."""

    options: Mapping[str, object] = field(default_factory=_nothing)
    """Options of the run with other values, such as where its model lies by now."""
    model: Model | None = None
    """The model, where it is loaded already."""
    load: Callable[[ModelSpec], Model] = load_model
    """Loads the model elsewhere."""


NOTHING = Given()


def prepare_again(
    run: Run, purpose: Purpose, *, allow_code: bool = False, given: Given = NOTHING
) -> RunPlan:
    """The run's plan with the cells that it asked.

    Args:
        run: The run.
        purpose: What it is wanted for.
        allow_code: Whether plugins and model code that the run's manifest names may be run.
        given: What takes the place of things that the manifest names.

    Raises:
        UsageError: a run that names code which may not be run, one whose model or tasks were in
            memory, or one whose model, tasks or variants have changed since.
    """
    if run.manifest["model"]["kind"] == "memory" and given.model is None:
        raise UsageError(
            f"{run.path}: its model was in memory and is not there any more, so {purpose.refused}.",
            hint="Save the model with save_pretrained, and run that directory.",
        )
    if "imported" in run.manifest:
        raise UsageError(
            f"{run.path} was imported: its prompts were made by another tool, so "
            f"{purpose.refused}.",
            hint="The first of each task stands in its report, under: what was run.",
        )
    stored = {**run.manifest["config"], "out": str(run.path)}
    config = RunConfig.model_validate({**stored, **given.options})
    if not allow_code:
        _refuse_code(config, run, purpose)
    prepared = _prepare(config, run, purpose, given)
    changed = [
        k for k, v in prepared.identity.content.items() if run.manifest["content"].get(k) != v
    ]
    if changed == ["model"] and (given.model is not None or "model" in given.options):
        raise UsageError(
            f"{config.model} has other weights or another tokenizer than the model of {run.path}, "
            f"so {purpose.refused}: its fingerprint is {prepared.identity.content['model'][:12]}…, "
            f"and the run's {str(run.manifest['content'].get('model'))[:12]}….",
            hint=f"Leave --model out: the run's own is {run.manifest['model']['name']}.",
        )
    if changed:
        raise UsageError(
            f"{run.path}: its {' and '.join(changed)} have changed since it ran, so "
            f"{purpose.refused} as they were."
        )
    return with_plan(prepared, plan_of(prepared, run), run.path)


def _refuse_code(config: RunConfig, run: Run, purpose: Purpose) -> None:
    """A run directory is data, maybe a stranger's: what it names is not run by reading it."""
    code = [f"the plugin {name}" for name in config.plugins]
    code += [f"the code of the model {config.model}"] if config.trust_remote_code else []
    if code:
        raise UsageError(
            f"{run.path}: to do so, {' and '.join(code)} must be run.",
            hint=f"If you trust it, type: {purpose.command} {run.path} --allow-code",
        )


def _prepare(config: RunConfig, run: Run, purpose: Purpose, given: Given) -> RunPlan:
    loaded = given.model
    try:
        return prepare(config, load=given.load if loaded is None else lambda _: loaded)
    except UnknownNameError as error:
        if error.given not in run.manifest["tasks"]:
            raise
        raise UsageError(
            f"{run.path}: its task {error.given!r} was in memory and is not there any more, so "
            f"{purpose.refused}.",
            hint="Write the task to a YAML file, and run that.",
        ) from None
