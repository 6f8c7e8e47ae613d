"""A run's samples as one table, for other programs."""

from __future__ import annotations

from pathlib import Path

from harness.core.errors import MissingPackageError, UnknownNameError, UsageError
from harness.results.rundir import load_run

FORMATS = ("csv", "parquet")


def export_samples(run_path: Path, *, file_format: str, out: Path | None) -> Path:
    """Write every sample with its variant's text and original; gives the file.

    Raises:
        UsageError: an unknown format, no run, or a file that cannot be written.
    """
    if file_format not in FORMATS:
        raise UnknownNameError("export format", file_format, FORMATS)
    run = load_run(run_path)
    texts = run.variants.set_index("id")[["index", "text", "original", "target"]]
    texts = texts.rename(columns={"text": "instruction", "original": "original_instruction"})
    samples = run.samples.astype({"variant_id": object})
    table = samples.merge(texts, left_on="variant_id", right_index=True, how="left")
    table["scores"] = [_compact(scores) for scores in table["scores"]]
    target = out or run.path / f"samples.{file_format}"
    try:
        if file_format == "csv":
            table.to_csv(target, index=False)
        else:
            table.to_parquet(target, index=False)
    except ImportError:
        raise MissingPackageError(
            "pyarrow",
            needed_for="writing Parquet",
            install='pip install "robustness-harness[parquet]"',
        ) from None
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}.") from None
    return target


def _compact(scores: dict[str, float] | None) -> str | None:
    import json

    return None if scores is None else json.dumps(scores)
