"""Data in several templates: `{dataset, row, variants: [{template, prompt, completion}]}`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.core.errors import UsageError, nearest_hint
from harness.tasks.rows import read_file
from trainers.pairs.filled import Filled, Instance, complete, pair_templates
from trainers.pairs.filters import Drops
from trainers.pairs.record import Pair


def t0_pairs(path: Path, *, seed: int, drops: Drops) -> Iterator[Pair]:
    """Pairs of templates that ask for the same answer words of the same row.

    Raises:
        UsageError: a row of another form.
    """
    instances = [
        _instance(row, where=f"{path}, row {number}")
        for number, row in enumerate(read_file(path), 1)
    ]
    kept = complete(instances, drops)
    return pair_templates(kept, source="t0", file=path.name, seed=seed, drops=drops)


def _instance(row: Mapping[str, object], *, where: str) -> Instance:
    for key in ("dataset", "row", "variants"):
        if key not in row:
            raise UsageError(
                f"{where}: the key {key!r} is missing; it has {', '.join(row)}."
                f"{nearest_hint(key, row)}"
            )
    variants = row["variants"]
    if not isinstance(variants, list) or not isinstance(row["row"], int):
        raise UsageError(f"{where}: 'variants' must be a list and 'row' a number.")
    filled = tuple(_filled(variant, where) for variant in variants)
    usable = tuple(w for w in filled if w.prompt and w.answer)
    return Instance(str(row["dataset"]), row["row"], usable)


def _filled(variant: object, where: str) -> Filled:
    keys = ("template", "prompt", "completion")
    if not isinstance(variant, dict) or not all(isinstance(variant.get(k), str) for k in keys):
        raise UsageError(f"{where}: a variant needs texts under {', '.join(keys)}.")
    return Filled(variant["template"], variant["prompt"].strip(), variant["completion"].strip())
