"""Hub: a repository's safetensors checkpoint, as a directory in the Hugging Face cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.core.errors import UsageError

_FILES: Final = ("*.safetensors", "*.json", "*.model", "*.txt", "*.jinja", "*.tiktoken")


def download_snapshot(
    repository: str, revision: str | None, *, code: bool, files: Sequence[str] = _FILES
) -> Path:
    """The directory of a repository's files, fetched where the cache lacks them.

    `HF_HUB_OFFLINE`, `HF_HOME` and `HF_TOKEN` are honoured.

    Args:
        repository: its id.
        revision: a branch, tag or commit; None for its main branch.
        code: whether Python files are wanted, too.
        files: patterns of the others.

    Raises:
        UsageError: the repository can't be had; the message tells why in one line.
    """
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    patterns = [*files, "*.py"] if code else list(files)
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=patterns))
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        at = f"{repository}@{revision}" if revision else repository
        reason = _reason(error, offline=bool(constants.HF_HUB_OFFLINE))
        raise UsageError(
            f"{at} is no directory here, and can't be had from the hub: {reason}.",
            hint="Type a local directory, a .gguf file, or an alias (see: harness list models).",
        ) from error


def _reason(error: Exception, *, offline: bool) -> str:
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    reasons: list[tuple[type[Exception], str]] = [
        (GatedRepoError, "it is gated; ask for access on its page and log in (hf auth login)"),
        (RevisionNotFoundError, "it has no such revision"),
        (RepositoryNotFoundError, "no such repository, or a private one (hf auth login)"),
        (
            LocalEntryNotFoundError,
            "HF_HUB_OFFLINE is set and the cache doesn't hold it"
            if offline
            else "there is no connection to it and the cache doesn't hold it",
        ),
    ]
    for kind, reason in reasons:
        if isinstance(error, kind):
            return reason
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
