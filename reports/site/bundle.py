"""Writes a site as a folder that any web server publishes and that opens from a disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from harness.core.atomic import is_part
from harness.core.errors import UsageError
from reports.rendering import write_page
from reports.site.site import INDEX, Site, site_files

_MARK: Final = '<meta name="generator" content="robustness-harness">'
_UNFINISHED: Final = (
    f'<!doctype html><html lang="en"><head><meta charset="utf-8">{_MARK}<title>Unfinished</title>'
    "</head><body><p>These pages are being written, or that was stopped: the same command ends it."
    "</p></body></html>\n"
)
_OURS: Final = ("report.html", "report.cells.js")


def write_bundle(
    site: Site, out: Path, on_file: Callable[[str], None] = lambda name: None
) -> tuple[Path, ...]:
    """Write every page of a site below a folder.

    Args:
        site: what is written.
        out: a new or empty folder, or that of an earlier bundle, whose pages are replaced.
        on_file: told the name of each file when it is written.

    Returns:
        The files, the overview last.

    Raises:
        UsageError: the folder holds other things, or a run can no longer be read.
        IncompleteRunError: a file cannot be written.
    """
    _check(out)
    if not (out / INDEX).exists():
        write_page(out / INDEX, _UNFINISHED)  # by which a bundle that was stopped is known
    written = []
    for name, content in site_files(site):
        written.append(write_page(out / name, content))
        on_file(name)
    _remove_old(out, set(written))
    return tuple(written)


def _check(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is no folder.", hint="Type: --out with a new folder.")
    holds_files = out.is_dir() and not all(map(is_part, out.iterdir()))
    if holds_files and not _is_bundle(out):
        raise UsageError(
            f"{out} holds other files than a bundle's.", hint="Type: --out with a new folder."
        )


def _is_bundle(folder: Path) -> bool:
    try:
        return _MARK in (folder / INDEX).read_text("utf-8", "replace")[:4000]
    except OSError:
        return False


def _remove_old(out: Path, kept: set[Path]) -> None:
    """Remove reports that an earlier bundle had; what is not a bundle's own stays."""
    for name in _OURS:
        for path in (out / "runs").glob(f"*/{name}"):
            if path not in kept:
                path.unlink()
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()
