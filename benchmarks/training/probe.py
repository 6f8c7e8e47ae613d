"""What the benchmark's processes share: step times, peak memory, the workload's form.

Imports nothing of the project, so that a peer's environment can run it.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from transformers import TrainerCallback

SKIPPED_STEPS = 2
"""The first steps allocate and warm up."""


def read_workload(path: Path) -> dict[str, Any]:
    """`{model, micro, batches: [[{original, original_prompt, paraphrase, paraphrase_prompt}]]}`."""
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def adapter() -> LoraConfig:
    """The reference's adapter."""
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=16,
        lora_alpha=16,
        lora_dropout=0.05,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj"],
    )


class StepClock(TrainerCallback):
    """Seconds of each step, by the wall clock and of processor time.

    On a shared machine the processor's time is what can be compared.
    """

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.processor: list[float] = []
        self._start = self._processor = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start."""
        synchronise()
        self._start, self._processor = time.perf_counter(), time.process_time()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Stop."""
        synchronise()
        self.seconds.append(time.perf_counter() - self._start)
        self.processor.append(time.process_time() - self._processor)


class MemoryProbe:
    """Peak memory from now on."""

    def __init__(self) -> None:
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
            self._before = torch.cuda.memory_allocated()
        else:
            Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
            self._before = _status("VmRSS")

    def peak_mb(self) -> float:
        """Megabytes above what was held when the probe was made."""
        if torch.cuda.is_available():
            return (torch.cuda.max_memory_allocated() - self._before) / 2**20
        return (_status("VmHWM") - self._before) / 2**20


def synchronise() -> None:
    """Wait for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def report(clock: StepClock, memory: MemoryProbe, path: Path) -> None:
    """Write what was measured."""
    # One huge step, of many micro-batches, is its own warm-up.
    skipped = min(SKIPPED_STEPS, len(clock.seconds) - 1)
    content = {
        "seconds": clock.seconds[skipped:],
        "processor": clock.processor[skipped:],
        "peak_mb": memory.peak_mb(),
    }
    path.write_text(json.dumps(content))


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0
