"""From an adapter to a whole model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError

from harness.core.atomic import write_text
from harness.core.errors import UsageError
from harness.models.fingerprint import fingerprint_model
from harness.models.loading.adapter import apply_adapter
from harness.models.loading.pretrained_io import read_config, read_tokenizer, read_weights
from harness.models.loading.source import find_source
from harness.models.loading.transformers_logging import quiet_transformers
from harness.models.spec import ModelSpec
from trainers.card import render_card
from trainers.checkpoint import check_space, no_space
from trainers.manifest import read_manifest, write_manifest

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged model."""

    out: Path
    base: str
    parameters: int


def merge(checkpoint: str, out: Path, *, base: str | None = None, dtype: str = "auto") -> Merged:
    """Write the base with the adapter merged into its weights, as a model directory.

    Args:
        checkpoint: the adapter's directory.
        out: a new folder.
        base: the base model, where not the one that the adapter names.
        dtype: of the weights; `auto` keeps the base's.

    Raises:
        UsageError: no adapter, another base than it was trained on, or a folder that is not new.
        IncompleteRunError: the disk is full.
    """
    source = find_source(ModelSpec(checkpoint, base=base))
    if source.adapter is None:
        raise UsageError(f"{checkpoint} is a whole model already; there is nothing to merge.")
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty.", hint="Type: --out with a new folder.")
    manifest = read_manifest(source.adapter)
    if manifest is not None:
        _check_base(manifest["base"], source.directory, source.base or "")
    settings = read_config(source.directory, code=False)
    stored = getattr(settings, "dtype", None) or torch.float32
    model = read_weights(source.directory, settings, _DTYPES.get(dtype, stored), code=False)
    merged = apply_adapter(model, source.adapter, base=source.base or "")
    parameters = list(merged.parameters())
    check_space(out, sum(p.numel() * p.element_size() for p in parameters))
    try:
        with quiet_transformers():
            merged.save_pretrained(out)
            read_tokenizer(source.tokenizer, code=False).save_pretrained(out)
        if manifest is not None:
            whole = {**manifest, "kind": "model", "merged_from": checkpoint}
            write_manifest(out, whole)
            write_text(out / "README.md", render_card(whole))
    except (OSError, SafetensorError) as error:
        raise no_space(out, error) from None
    return Merged(out, source.base or "", sum(p.numel() for p in parameters))


def _check_base(trained_on: dict[str, str], directory: Path, name: str) -> None:
    fingerprint = fingerprint_model(directory)
    if fingerprint != trained_on["fingerprint"]:
        raise UsageError(
            f"the adapter was trained on {trained_on['name']!r} with the fingerprint "
            f"{trained_on['fingerprint'][:12]}…, and {name!r} has {fingerprint[:12]}…: base and "
            "adapter do not fit.",
            hint="Type: --base with the model it was trained on.",
        )
