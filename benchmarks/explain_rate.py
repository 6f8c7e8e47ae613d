"""Seconds and memory of explaining cells, against scoring the same cells twice.

    python benchmarks/explain_rate.py [--cells 96]

The bundled model on the shipped task `sentiment`: every cell is a prompt with the run's two labels,
scored with prefix reuse as a run scores it, and explained for its likelier label. Printed are the
seconds of both, their ratio to two scorings, and the process's peak memory after a quarter of the
cells and after all of them, which should be the same.
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
    """Measure, and print a line for each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=96)
    cells: int = parser.parse_args().cells
    plan = prepare(
        RunConfig(model="smollm2-135m", tasks=("sentiment",), scorers=("loglik",), cells=4 * cells)
    )
    requests = requests_of(plan)[:cells]
    model = plan.model
    assert isinstance(model, HFModel)
    list(model.loglik(requests[:8]))
    start = time.perf_counter()
    scores = {index: response.scores or {} for index, response in model.loglik(requests)}
    scored = time.perf_counter() - start
    asked = [answered(one, scores[index]) for index, one in enumerate(requests)]
    start = time.perf_counter()
    peaks = []
    for part in (asked[: cells // 4], asked[cells // 4 :]):
        list(attribute(model.network, part))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    explained = time.perf_counter() - start
    print(f"{cells} cells: scored in {scored:.1f} s, explained in {explained:.1f} s")
    print(f"explained / scored twice: {explained / (2 * scored):.2f}")
    print(f"peak after a quarter {peaks[0]:.0f} MB, after all {peaks[1]:.0f} MB")


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
