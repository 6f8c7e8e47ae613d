"""Processor time and memory of explaining cells, against scoring the same cells twice.

    python benchmarks/explain_rate.py [--cells 1000] [--part 100]

The bundled model on the shipped task `sentiment`: every cell is a prompt with the run's two labels,
scored with prefix reuse as a run scores it, and explained for its likelier label. Cells are scored
and explained part by part, in turn, so that a machine that is slow for a while is slow for both;
after each part the ratio of processor time so far to two scorings and the process's peak memory so
far are printed. The ratio should stay below 3, and memory should not grow.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass

from harness.core.records import Request
from harness.evaluation.config import RunConfig
from harness.evaluation.prepare import RunPlan, prepare
from harness.explanation.gradients import attribute
from harness.models.inference.hf import HFModel


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt and an answer to it, in tokens."""

    context: tuple[int, ...]
    answer: tuple[int, ...]


def main() -> None:
    """Measure, and print a line after each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--part", type=int, default=100)
    given = parser.parse_args()
    plan = prepare(
        RunConfig(
            model="smollm2-135m",
            tasks=("sentiment",),
            scorers=("loglik",),
            device="cpu",
            cells=4 * given.cells,
        )
    )
    requests = requests_of(plan)[: given.cells]
    model = plan.model
    assert isinstance(model, HFModel)
    list(model.loglik(requests[:8]))
    scored = explained = 0.0
    for start in range(0, len(requests), given.part):
        part = requests[start : start + given.part]
        begin = time.process_time()
        scores = {index: response.scores or {} for index, response in model.loglik(part)}
        between = time.process_time()
        list(attribute(model.network, [answered(one, scores[n]) for n, one in enumerate(part)]))
        scored += between - begin
        explained += time.process_time() - between
        print(
            f"{start + len(part):5,} cells: scored in {scored:.1f} s, explained in "
            f"{explained:.1f} s, {explained / (2 * scored):.2f} times as long as scoring them "
            f"twice; peak memory {peak_mb():,.0f} MB",
            flush=True,
        )


def peak_mb() -> float:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def requests_of(plan: RunPlan) -> list[Request]:
    """What a run asks the model, in its order."""
    return [
        request
        for block in plan.plan.blocks(chunk=64)
        for request in plan.tools[block.task.name].requests(list(block.cells()))
    ]


def answered(request: Request, scores: Mapping[str, float]) -> Asked:
    """The request with the likelier of its answers."""
    best = max(scores, key=lambda name: scores[name])
    return Asked(request.context, request.continuations[best])


if __name__ == "__main__":
    main()
