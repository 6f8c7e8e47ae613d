"""What the model saw: a run's prompts, rebuilt from its manifest and checked against it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from harness.core.errors import UnknownNameError, UsageError
from harness.evaluation.config import RunConfig
from harness.evaluation.plan import Block
from harness.evaluation.prepare import RunPlan, prepare, with_plan
from harness.evaluation.refine import plan_of
from harness.results.jsonfiles import Json
from harness.results.rundir import Run, load_run

_CHUNK = 64


def iter_prompts(run_path: Path, *, limit: int | None, allow_code: bool = False) -> Iterator[Json]:
    """One row per cell: variant_id, example_id, prompt, prompt_ids, continuations by label.

    `prompt_ids` is the context that all labels share; a label's continuation follows it. With few
    exceptions it is the whole prompt: where a tokenizer merges the prompt's end into a label, the
    merged token belongs to the continuation.

    Args:
        run_path: The run's directory.
        limit: How many cells; None for all.
        allow_code: Whether plugins and model code that the run's manifest names may be run.

    Raises:
        UsageError: no run, one that names code which may not be run, or one whose model, tasks or
            variants have changed since.
    """
    prepared = _prepare_again(run_path, allow_code=allow_code)
    rows = (
        row for block in prepared.plan.blocks(chunk=_CHUNK) for row in _block_rows(prepared, block)
    )
    return islice(rows, limit)


def _prepare_again(run_path: Path, *, allow_code: bool) -> RunPlan:
    run = load_run(run_path, partial=True)
    if run.manifest["model"]["kind"] == "memory":
        raise UsageError(
            f"{run.path}: its model was in memory and is not there any more, so its prompts cannot "
            "be shown.",
            hint="Save the model with save_pretrained, and run that directory.",
        )
    if "imported" in run.manifest:
        raise UsageError(
            f"{run.path} was imported: its prompts were made by another tool.",
            hint="The first of each task stands in its report, under: what was run.",
        )
    config = RunConfig.model_validate({**run.manifest["config"], "out": str(run.path)})
    if not allow_code:
        _refuse_code(config, run)
    prepared = _prepare(config, run)
    changed = [
        k for k, v in prepared.identity.content.items() if run.manifest["content"].get(k) != v
    ]
    if changed:
        raise UsageError(
            f"{run.path}: its {' and '.join(changed)} have changed since it ran, so its prompts "
            "cannot be shown as they were."
        )
    return with_plan(prepared, plan_of(prepared, run), run.path)


def _refuse_code(config: RunConfig, run: Run) -> None:
    """A run directory is data, maybe a stranger's: what it names is not run by reading it."""
    code = [f"the plugin {name}" for name in config.plugins]
    code += [f"the code of the model {config.model}"] if config.trust_remote_code else []
    if code:
        raise UsageError(
            f"{run.path}: to show its prompts, {' and '.join(code)} must be run.",
            hint=f"If you trust it, type: harness prompts {run.path} --allow-code",
        )


def _prepare(config: RunConfig, run: Run) -> RunPlan:
    try:
        return prepare(config)
    except UnknownNameError as error:
        if error.given not in run.manifest["tasks"]:
            raise
        raise UsageError(
            f"{run.path}: its task {error.given!r} was in memory and is not there any more, so its "
            "prompts cannot be shown.",
            hint="Write the task to a YAML file, and run that.",
        ) from None


def _block_rows(prepared: RunPlan, block: Block) -> Iterator[Json]:
    tools = prepared.tools[block.task.name]
    cells = list(block.cells())
    prompts = tools.prompts_of(cells)
    requests = tools.builder.build(prompts, [cell.example.words for cell in cells])
    for cell, prompt, request in zip(cells, prompts, requests, strict=True):
        yield {
            "variant_id": cell.variant.id,
            "example_id": cell.example.id,
            "prompt": prompt.text,
            "prompt_ids": list(request.context),
            "continuations": {k: list(v) for k, v in request.continuations.items()},
        }
