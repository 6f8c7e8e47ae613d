"""Fingerprints: what a model is by its content, wherever it lies.

Two directories with the same weights, configuration, generation settings, tokenizer, chat templates
and adapter have the same fingerprint, so that cached responses are shared between them and never
taken from another model. A file that isn't known to be without influence counts.
"""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from harness.models.file_hashes import ALWAYS_READ_BYTES, hash_bytes, hash_files, hash_text

_WITHOUT_INFLUENCE: Final = (
    # for people
    ".*", "*.md", "LICENSE*", "NOTICE*", "USE_POLICY*", "*.png", "*.jpg", "*.pdf",
    # what a training keeps beside its result: ours, and transformers'
    "train.json", "log.jsonl", "schedule.json", "complete.json", "optimizer.*", "scheduler.*",
    "trainer_state.json", "training_args.*", "rng_state*", "events.out.tfevents.*",
)  # fmt: skip
"""Files of a model's folder that no loader reads."""
_FOLDERS: Final = ("additional_chat_templates/*", "**/*.py")
"""What is read from folders inside; others hold other checkpoints or formats."""
_TOKENIZER: Final = (
    "config.json", "tokenizer*", "special_tokens_map.json", "added_tokens.json", "chat_template*",
    "vocab*", "merges*", "*.model", "*.tiktoken", "additional_chat_templates/*",
)  # fmt: skip
"""What counts of a folder from which the tokenizer alone is taken."""
PROVENANCE: Final = frozenset(
    {
        "_name_or_path",
        "name_or_path",
        "base_model_name_or_path",
        "transformers_version",
        "peft_version",
    }
)
"""Keys of JSON files that say where something came from, not what it is."""


def fingerprint_model(
    directory: Path, *, adapter: Path | None = None, tokenizer: Path | None = None
) -> str:
    """32 hexadecimal digits that stand for a model's content.

    Args:
        directory: the checkpoint.
        adapter: a PEFT adapter directory that is applied to it.
        tokenizer: the folder of the tokenizer, where that is neither of the two.

    Raises:
        UsageError: a file can't be read.
    """
    parts = _parts("model", directory, _counting(directory))
    if adapter is not None:
        parts |= _parts("adapter", adapter, _counting(adapter))
    if tokenizer not in (None, directory, adapter):
        found = (path for pattern in _TOKENIZER for path in tokenizer.glob(pattern))
        parts |= _parts("tokenizer", tokenizer, {path for path in found if path.is_file()})
    listing = "\n".join(f"{name}\t{digest}" for name, digest in sorted(parts.items()))
    return hash_text(listing)


def _counting(directory: Path) -> set[Path]:
    """All files of a folder that may shape a model's answers."""
    inner = {path for pattern in _FOLDERS for path in directory.glob(pattern)}
    return {path for path in inner | set(directory.iterdir()) if _counts(path)}


def _counts(path: Path) -> bool:
    return path.is_file() and not any(fnmatch(path.name, name) for name in _WITHOUT_INFLUENCE)


def _parts(kind: str, directory: Path, paths: set[Path]) -> dict[str, str]:
    """The hash of each file by its name."""
    described = {path for path in paths if _is_small_json(path)}
    digests = hash_files(sorted(paths - described))
    digests |= {path: hash_bytes(_canonical(path)) for path in described}
    return {f"{kind}/{path.relative_to(directory)}": digest for path, digest in digests.items()}


def _is_small_json(path: Path) -> bool:
    return path.suffix == ".json" and path.stat().st_size <= ALWAYS_READ_BYTES


def _canonical(path: Path) -> bytes:
    """A JSON object in one order and without where it came from; anything else as it is."""
    stored = path.read_bytes()
    try:
        content = json.loads(stored)
        if isinstance(content, dict):
            content = {key: value for key, value in content.items() if key not in PROVENANCE}
        return json.dumps(content, sort_keys=True).encode()
    except (ValueError, RecursionError):
        return stored
