"""GGUF checkpoints: converted once to a safetensors directory in the user cache."""

from __future__ import annotations

import io
import sys
import tempfile
from contextlib import redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from harness.core.cache import cache_dir
from harness.core.errors import UsageError
from harness.models.file_hashes import hash_files
from harness.models.loading.transformers_logging import quiet_transformers

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_COMPLETE: Final = "config.json"
"""A converted directory appears whole, by a rename; this file says that it is one."""


def convert_gguf(path: Path, *, name: str) -> Path:
    """The directory that holds a GGUF checkpoint as float32 safetensors, made where it is missing.

    It is keyed by the file's content, so that a moved file isn't converted again.

    Args:
        path: the `.gguf` file.
        name: what the directory's name begins with, for people.

    Raises:
        UsageError: the file is no GGUF, is cut short, or holds an architecture that transformers
            can't read.
    """
    digest = hash_files([path])[path]
    target = cache_dir() / "models" / f"{name}-{digest[:16]}"
    if (target / _COMPLETE).is_file():
        return target
    check_gguf(path)
    print(f"Converting {path.name} to safetensors, once, in {target}", file=sys.stderr)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".converting-") as folder:
            made = Path(folder) / target.name
            _convert(path, made)
            _publish(made, target)
    except OSError as error:
        raise UsageError(
            f"{path.name} can't be converted into {target.parent}: {error}.",
            hint="Set HARNESS_CACHE_DIR to a directory with room that can be written to.",
        ) from error
    return target


def check_gguf(path: Path) -> None:
    """Refuses a file that isn't a whole GGUF, from its table of tensors alone.

    Raises:
        UsageError: what is wrong with it.
    """
    import gguf

    try:
        reader = gguf.GGUFReader(path)
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        # The reader maps the file: a cut tensor shows as a shape that its bytes can't fill.
        raise UsageError(
            f"{path} is not a whole GGUF file ({path.stat().st_size:,} bytes): {error}.",
            hint="Download it again.",
        ) from error
    needed = max((int(t.data_offset + t.n_bytes) for t in reader.tensors), default=0)
    if needed == 0 or needed > path.stat().st_size:
        raise UsageError(
            f"{path} is cut short: its tensors end at byte {needed:,}, and it has "
            f"{path.stat().st_size:,}.",
            hint="Download it again.",
        )


def trained_context(path: Path) -> int | None:
    """The longest prompt that a GGUF's model was trained for; None where that isn't said.

    Args:
        path: a file that `check_gguf` has let pass.

    Returns:
        Its length in tokens.
    """
    import gguf

    reader = gguf.GGUFReader(path)
    architecture = reader.get_field("general.architecture")
    length = architecture and reader.get_field(f"{architecture.contents()}.context_length")
    told = length.contents() if length else None
    return told if isinstance(told, int) and told > 0 else None


def _convert(path: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder, file = str(path.parent), path.name
    try:
        # The reader's progress bar asks nobody whether it is wanted.
        with quiet_transformers(), redirect_stderr(io.StringIO()):
            tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
            model = AutoModelForCausalLM.from_pretrained(
                folder, gguf_file=file, dtype=torch.float32
            )
    except (ValueError, KeyError, NotImplementedError, OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(
            f"transformers can't read {path}: {reason}",
            hint="Give the model's safetensors directory instead.",
        ) from error
    with quiet_transformers():
        _as_plain_model(model).save_pretrained(target)
        tokenizer.save_pretrained(target)


def _as_plain_model(model: PreTrainedModel) -> PreTrainedModel:
    """The same weights in a model that doesn't call itself quantized: such a one can't be saved."""
    import torch
    from transformers import AutoModelForCausalLM

    settings = model.config.to_dict()
    settings.pop("quantization_config", None)
    with torch.device("meta"):  # its own random weights are never made
        plain = AutoModelForCausalLM.from_config(type(model.config).from_dict(settings))
    plain.load_state_dict(model.state_dict(), assign=True)
    plain.generation_config = model.generation_config
    return cast("PreTrainedModel", plain)


def _publish(made: Path, target: Path) -> None:
    """Rename into place; where another process was faster, its directory is as good."""
    try:
        made.rename(target)
    except OSError:
        if not (target / _COMPLETE).is_file():
            raise
