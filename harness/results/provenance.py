"""Where a result comes from: versions, machine, and a hash of what was asked."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

from harness.core.records import BLANK_LINE, Variant
from harness.results.rundir import variant_row
from harness.tasks import Task

_PACKAGES = ("robustness-harness", "torch", "transformers", "tokenizers", "numpy", "pandas", "peft")


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape a result."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def describe_machine(device: str) -> dict[str, str | int]:
    """The machine a run happened on, without its name or paths."""
    import torch

    described: dict[str, str | int] = {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "processor": _processor(),
    }
    if device.startswith("cuda"):
        described["gpu"] = torch.cuda.get_device_name()
    return described


def task_hash(task: Task) -> str:
    """A hash of what a task asks: labels, layout, inputs and gold labels, few-shot ones too."""
    content = [
        [[label.name, label.answer] for label in task.labels],
        task.answer_cue,
        [[example.id, example.input, example.gold] for example in task.examples],
        [[example.input, example.gold] for example in task.few_shot],
    ]
    return _hash([*content, *_beside_labels(task)])


def _beside_labels(task: Task) -> Iterator[object]:
    """What tasks say beside labels under an instruction that comes first, whose hash stays."""
    if task.placement != "first":
        yield task.placement
    if task.order:
        yield ["order", list(task.order)]
    if task.system:
        yield ["system", task.system]
    if task.prefill:
        yield ["prefill", task.prefill]
    if task.messages is not None:
        shown = (*task.examples, *task.few_shot)
        yield ["messages", [[asdict(turn) for turn in one.turns] for one in shown]]
    if task.gap != BLANK_LINE:
        yield ["gap", task.gap]
    spec = task.choices or task.answer
    if spec is not None:
        yield [task.kind, spec.model_dump(mode="json", warnings=False)]
        yield [[dict(one.words), list(one.references)] for one in task.examples]


def variants_hash(variants: list[Variant]) -> str:
    """A hash of the variants of a run."""
    return _hash([variant_row(variant) for variant in variants])


def run_id(identity: dict[str, object], content: dict[str, object]) -> str:
    """A short name of what was asked; equal for equal questions."""
    return _hash([identity, content])[:12]


def _hash(content: object) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:  # noqa: PTH123
            names = [line.split(":", 1)[1].strip() for line in stream if line.startswith("model n")]
    except OSError:
        return platform.processor()
    return names[0] if names else platform.processor()
