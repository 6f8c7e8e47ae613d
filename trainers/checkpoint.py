"""Checkpoints to resume from: written whole or not at all, and without a pickle.

`transformers` keeps the optimiser, the schedule, the random states and its arguments as pickles.
Here they are safetensors and JSON; the folder counts once its mark of completeness, written last,
is there. Models sharded by FSDP or DeepSpeed keep the library's own formats for the optimiser.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from transformers import PreTrainedTokenizerBase, Trainer
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from harness.core.atomic import reason, write_json
from harness.core.errors import IncompleteRunError, UsageError
from harness.results.jsonfiles import parse_object

OPTIMIZER_FILE = "optimizer.safetensors"
OPTIMIZER_OPTIONS = "optimizer.json"
SCHEDULE_FILE = "schedule.json"
COMPLETE_FILE = "complete.json"

Json = dict[str, Any]


class SafeCheckpoints(Trainer):
    """A Trainer whose checkpoints are safe to read and safe to be killed at."""

    tokenizer: PreTrainedTokenizerBase | None = None
    """Saved beside the weights, unchanged; `processing_class` would be fitted to the model."""

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        root = Path(str(self.args.output_dir))
        folder = root / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        if not weights_are_finite(model):
            raise not_finite(self.state.global_step, root)
        # The library would remove old checkpoints before the new one counts, weights first: a
        # kill then leaves nothing that can be resumed, or a checkpoint that only looks complete.
        keep, self.args.save_total_limit = self.args.save_total_limit, None
        try:
            super()._save_checkpoint(model, trial)
            if self.args.should_save:
                step = {"step": self.state.global_step}
                write_json(folder / COMPLETE_FILE, step)
                _keep_newest(root, keep)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise no_space(folder, error) from None
        finally:
            self.args.save_total_limit = keep

    def _save(self, output_dir: str | None = None, state_dict: Json | None = None) -> None:
        if not self.args.should_save:
            return
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        model = self.accelerator.unwrap_model(self.model, keep_torch_compile=False)
        if hasattr(model, "peft_config"):
            # Otherwise peft asks the hub whether the base's vocabulary has been resized.
            model.save_pretrained(folder, state_dict=state_dict, save_embedding_layers=False)
            _tidy_adapter(folder)
        else:
            model.save_pretrained(folder, state_dict=state_dict)
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(folder)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if self._sharded:
            super()._save_optimizer_and_scheduler(output_dir)
        elif self.args.should_save:
            folder = Path(output_dir)
            tensors, options = split_state(cast(Optimizer, self.optimizer).state_dict())
            save_file(tensors, folder / OPTIMIZER_FILE)
            write_json(folder / OPTIMIZER_OPTIONS, options)
            write_json(
                folder / SCHEDULE_FILE, dict(cast(LRScheduler, self.lr_scheduler).state_dict())
            )

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if self._sharded:
            super()._load_optimizer_and_scheduler(checkpoint)
        elif checkpoint is not None:
            folder = Path(checkpoint)
            tensors = load_file(folder / OPTIMIZER_FILE)
            state = join_state(tensors, read_json(folder / OPTIMIZER_OPTIONS))
            cast(Optimizer, self.optimizer).load_state_dict(state)
            schedule = cast(LRScheduler, self.lr_scheduler)
            schedule.load_state_dict(read_json(folder / SCHEDULE_FILE))

    def _save_rng_state(self, output_dir: str) -> None:
        Path(output_dir).mkdir(parents=True, exist_ok=True)
        save_random_state(self._random_file(output_dir))

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None and self._random_file(checkpoint).is_file():
            load_random_state(self._random_file(checkpoint))

    def _random_file(self, folder: str) -> Path:
        return Path(folder) / f"random-{self.args.process_index}.safetensors"

    @property
    def _sharded(self) -> bool:
        return bool(self.is_fsdp_enabled or self.is_deepspeed_enabled)


def find_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint in a folder; those that a kill left unfinished are ignored."""
    found = [path for path in _checkpoints(folder) if (path / COMPLETE_FILE).is_file()]
    return found[-1] if found else None


def find_resumable(folder: Path) -> Path | None:
    """The newest complete checkpoint from which steps are left to do.

    From one of the last step the library would train a step too many.
    """
    found = [path for path in _checkpoints(folder) if (path / COMPLETE_FILE).is_file()]
    return next((path for path in reversed(found) if not _is_last(path)), None)


def _is_last(checkpoint: Path) -> bool:
    state = read_json(checkpoint / TRAINER_STATE_NAME)
    try:
        return int(state["global_step"]) >= int(state["max_steps"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UsageError(
            f"{checkpoint / TRAINER_STATE_NAME} is damaged: it does not say how many steps are "
            "done.",
            hint=f"Remove {checkpoint}: the training resumes from the one before.",
        ) from None


def discard_checkpoint(folder: Path) -> None:
    """Remove a checkpoint; from the first moment on it does not count as complete."""
    (folder / COMPLETE_FILE).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _keep_newest(root: Path, keep: int | None) -> None:
    for folder in _checkpoints(root)[:-keep] if keep else ():
        discard_checkpoint(folder)


def _checkpoints(root: Path) -> list[Path]:
    """The folders of checkpoints, complete or not, in order of their steps."""
    folders = root.glob(f"{PREFIX_CHECKPOINT_DIR}-*")
    numbered = [path for path in folders if path.name.rpartition("-")[2].isdigit()]
    return sorted(numbered, key=lambda path: int(path.name.rpartition("-")[2]))


def split_state(state: Mapping[str, Any]) -> tuple[dict[str, torch.Tensor], Json]:
    """An optimiser's state as tensors for safetensors and the rest for JSON."""
    tensors: dict[str, torch.Tensor] = {}
    numbers: dict[str, Any] = {}
    for parameter, values in state["state"].items():
        for name, value in values.items():
            key = f"{parameter}.{name}"
            if isinstance(value, torch.Tensor):
                tensors[key] = value.detach().clone().contiguous()
            else:
                numbers[key] = value
    return tensors, {"numbers": numbers, "groups": state["param_groups"]}


def join_state(tensors: Mapping[str, torch.Tensor], options: Json) -> Json:
    """The optimiser's state that `split_state` took apart."""
    state: dict[int, Json] = {}
    for key, value in {**tensors, **options["numbers"]}.items():
        parameter, _, name = key.partition(".")
        state.setdefault(int(parameter), {})[name] = value
    return {"state": state, "param_groups": options["groups"]}


def save_random_state(path: Path) -> None:
    """Write the states of all random generators."""
    _, keys, *rest = np.random.get_state(legacy=True)
    tensors = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["cuda"] = torch.cuda.get_rng_state()
    version, state, gauss = random.getstate()
    texts = {
        "python": json.dumps([version, list(state), gauss]),
        "numpy": json.dumps([np.asarray(keys).tolist(), *rest]),
    }
    save_file(tensors, path, metadata=texts)


def load_random_state(path: Path) -> None:
    """Set all random generators as they were when `path` was written."""
    tensors = load_file(path)
    with safe_open(path, "pt") as stream:
        texts = stream.metadata()
    version, state, gauss = json.loads(texts["python"])
    random.setstate((version, tuple(state), gauss))
    keys, *rest = json.loads(texts["numpy"])
    np.random.set_state(("MT19937", np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(tensors["torch"])
    if "cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["cuda"])


def _tidy_adapter(folder: Path) -> None:
    """Remove peft's empty card, and the random order of a set from the configuration."""
    (folder / "README.md").unlink(missing_ok=True)
    options = read_json(folder / "adapter_config.json")
    if isinstance(options.get("target_modules"), list):
        options["target_modules"].sort()
    write_json(folder / "adapter_config.json", options)


def weights_are_finite(model: nn.Module) -> bool:
    """Whether every trained weight is a number."""
    trained = (p for p in model.parameters() if p.requires_grad)
    return all(bool(torch.isfinite(parameter).all()) for parameter in trained)


def not_finite(step: int, checkpoints: Path, *, what: str = "a weight") -> IncompleteRunError:
    """The error of a training that has diverged, with what is left of it."""
    last = find_checkpoint(checkpoints)
    kept = f"The last good checkpoint is {last}." if last else "No checkpoint was written before."
    return IncompleteRunError(
        f"{what} was no longer a finite number at step {step + 1}; training has stopped. {kept}",
        hint="Try a lower --learning-rate, or --bf16 off.",
    )


def no_space(path: Path, error: Exception) -> IncompleteRunError:
    """The error of a checkpoint that could not be written."""
    last = find_checkpoint(path.parent)
    reason = getattr(error, "strerror", None) or str(error)
    kept = f" The last complete one is {last.name}." if last else ""
    return IncompleteRunError(
        f"{path} cannot be written: {reason}.{kept}",
        hint="Make room, then repeat the same command: it resumes.",
    )


def check_space(folder: Path, needed: int) -> None:
    """Validate before any compute that checkpoints will fit.

    Raises:
        UsageError: less than `needed` bytes are free.
    """
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise UsageError(
            f"{folder} needs about {needed / 1e9:.2f} GB for its checkpoints, and "
            f"{free / 1e9:.2f} GB are free.",
            hint="Make room, or type --out with a folder on another disk.",
        )


def read_json(path: Path) -> Json:
    """The content of a JSON file that the trainer wrote.

    Raises:
        UsageError: it is missing or damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {reason(error)}.") from None
    return parse_object(content, str(path))
