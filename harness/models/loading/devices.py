"""Devices and dtypes: from what the user typed to what torch knows."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Final

from harness.core.errors import MissingPackageError, UnknownNameError, UsageError

if TYPE_CHECKING:
    import torch

DEVICES: Final = ("auto", "cpu", "cuda", "mps", "split")
DTYPES: Final = ("auto", "float32", "bfloat16", "float16")


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` takes a GPU where there is one, `split` begins on one.

    Raises:
        UnknownNameError: no such device name.
        UsageError: this machine has no such device.
    """
    import torch

    if name not in DEVICES:
        raise UnknownNameError("device", name, DEVICES)
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((kind for kind, here in present.items() if here), "cpu"))
    if name == "split":
        check_split(torch.cuda.device_count())
        return torch.device("cuda")
    if not present.get(name, True):
        raise UsageError(
            f"--device {name}: torch {torch.__version__} sees no such device here.",
            hint="Type --device auto.",
        )
    return torch.device(name)


def check_split(gpus: int) -> None:
    """Whether the layers of a model can be spread over so many GPUs.

    Raises:
        UsageError: there is none.
        MissingPackageError: accelerate, which does it, is not installed.
    """
    if not gpus:
        raise UsageError(
            "--device split puts a model's layers on GPUs, and torch sees none here.",
            hint="Type --device auto.",
        )
    if importlib.util.find_spec("accelerate") is None:
        raise MissingPackageError(
            "accelerate",
            needed_for="--device split",
            install="pip install 'robustness-harness[train]'",
        )


def choose_dtype(name: str, device: torch.device, stored: torch.dtype | None) -> torch.dtype:
    """The dtype of that name; `auto` is float32 on a CPU, else the checkpoint's or bfloat16.

    A checkpoint in float32 is run in bfloat16 on a GPU only when asked.

    Raises:
        UnknownNameError: no such dtype name.
    """
    import torch

    if name not in DTYPES:
        raise UnknownNameError("dtype", name, DTYPES)
    if name != "auto":
        chosen: torch.dtype = getattr(torch, name)
        return chosen
    if device.type == "cpu":
        return torch.float32
    return stored or torch.bfloat16
