"""What the model saw: a run's prompts, rebuilt from its manifest and checked against it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from harness.evaluation.plan import Block
from harness.evaluation.prepare import RunPlan
from harness.evaluation.prepared_again import Purpose, prepare_again
from harness.results.jsonfiles import Json
from harness.results.rundir import load_run

_CHUNK = 64
_PURPOSE = Purpose("its prompts cannot be shown", "harness prompts")


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
    prepared = prepare_again(load_run(run_path, partial=True), _PURPOSE, allow_code=allow_code)
    rows = (
        row for block in prepared.plan.blocks(chunk=_CHUNK) for row in _block_rows(prepared, block)
    )
    return islice(rows, limit)


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
