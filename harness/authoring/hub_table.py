"""A data set of the hub as a table to draft a task file for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.authoring.draft import DraftSource, quoted
from harness.authoring.table import Found, Table
from harness.core.errors import MissingPackageError, UsageError
from harness.tasks.hub import reach_hub
from harness.tasks.rows import kind_of
from harness.tasks.schema import HubSource, Source
from harness.tasks.sources import open_source

_NAME: Final = re.compile(r"[\w.-]+/[\w.-]+")
_FILES: Final = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
_PREFERRED: Final = ("validation", "test", "dev", "train")


def is_hub_name(data: str) -> bool:
    """Whether OWNER/NAME of the hub is meant, and not a file."""
    path = Path(data)
    return bool(_NAME.fullmatch(data)) and not path.exists() and kind_of(path) not in _FILES


def read_hub(name: str, *, config: str | None, split: str | None) -> Table:
    """The rows of a data set, with the names that it gives to its numbered labels.

    Args:
        name: OWNER/NAME.
        config: A part of it.
        split: A split; default: validation, else test, else train.

    Raises:
        UsageError: it cannot be had.
        MissingPackageError: the package `datasets` is not installed.
    """
    chosen, why = (split, "you said so") if split else _choose_split(name, config)
    source = Source(hub=HubSource(path=name, config=config, split=chosen))
    opened = open_source(source, beside=Path(), data_dir=None)
    features = getattr(opened.rows, "features", None) or {}
    names = {
        column: tuple(feature.names)
        for column, feature in features.items()
        if hasattr(feature, "names")
    }
    parts = [f"path: {quoted(name)}", *([f"config: {quoted(config)}"] if config else [])]
    line = f"hub: {{{', '.join([*parts, f'split: {quoted(chosen)}'])}}}"
    found = (Found("split", chosen, why),)
    return Table(list(opened), DraftSource((line,), f"{name} of the hub"), found, names)


def _choose_split(name: str, config: str | None) -> tuple[str, str]:
    splits = _splits(name, config)
    chosen = next((one for one in _PREFERRED if one in splits), splits[0])
    return chosen, f"of {', '.join(splits)}"


def _splits(name: str, config: str | None) -> Sequence[str]:
    try:
        import datasets
    except ImportError:
        raise MissingPackageError(
            "datasets",
            needed_for=f"{name}, which is no file here,",
            install='pip install "robustness-harness[hub]"',
        ) from None
    try:
        with reach_hub():
            return list(datasets.get_dataset_split_names(name, config))
    except Exception as error:  # datasets raises many kinds, from many libraries
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UsageError(
            f"{name} is no file here, and as a data set of the hub it cannot be had: "
            f"{lines[0][:300].rstrip('.')}.",
            hint="Name a file, or its part and split: --config NAME --split NAME.",
        ) from None
