"""What a run asks, by content: two runs with equal identities have equal results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.core.names import folder_name
from harness.core.plugin_file import adds_only
from harness.evaluation.budget import Fitted
from harness.evaluation.config import RunConfig
from harness.evaluation.plan import Plan
from harness.models.contract import ModelInfo
from harness.prompting.prompts import PromptFormat
from harness.results.jsonfiles import Json
from harness.results.provenance import run_id, task_hash, variants_hash


@dataclass(frozen=True, slots=True)
class Identity:
    """What a run's results follow from."""

    options: Json
    """The options that define the results, `auto` resolved."""
    content: Json
    """Hashes of what the results depend on beside the options: model, tasks, variants."""

    @property
    def run_id(self) -> str:
        """A short name of what is asked; equal for equal questions."""
        return run_id(self.options, self.content)


def identify(config: RunConfig, plan: Plan, model: ModelInfo, layout: PromptFormat) -> Identity:
    """Return the identity of a run on this model that has, or may grow into, this plan."""
    # A file of metrics alone changes no answer, so that a finished run can be measured by it.
    plugins = [path for path in config.plugins if not adds_only(Path(path), "METRICS")]
    resolved: Json = {"plugins": plugins, "dtype": model.dtype, "prompt_format": layout}
    return Identity(
        options={**config.identity(), **resolved},
        content={
            "model": model.fingerprint,
            "tasks": {task.name: task_hash(task) for task in plan.tasks},
            "variants": variants_hash(list(plan.all_variants())),
        },
    )


def run_directory(
    config: RunConfig, plan: Plan, identity: Identity, fitted: Fitted | None = None
) -> Path:
    """Return the run's directory: `--out`, or one named after model, tasks and run id.

    A run that was cut to fewer instructions or examples is named after them too: with another
    budget it may not hold the cells of this one.
    """
    if config.out is not None:
        return config.out
    tasks = config.suite or "-".join(task.name for task in plan.tasks)
    name = Path(config.model).name
    cut = ""
    if fitted and (fitted.instructions, fitted.examples) != (
        fitted.of_instructions,
        fitted.of_examples,
    ):
        cut = f"-{fitted.instructions}x{fitted.examples}"
    return Path("runs") / f"{folder_name(name)}-{folder_name(tasks)}-{identity.run_id}{cut}"
