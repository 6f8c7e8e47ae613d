"""Reports: what runs, comparisons and gates found, in the formats that people and CI read."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.rendering import (
        FORMATS,
        VERDICT_FORMATS,
        render,
        render_again,
        write_report,
        write_verdict,
    )

__all__ = [
    "FORMATS",
    "VERDICT_FORMATS",
    "render",
    "render_again",
    "write_report",
    "write_verdict",
]


def __getattr__(name: str) -> Any:
    # On first use: a terminal's table needs how numbers are written, and no report.
    if name not in __all__:
        raise AttributeError(f"module 'reports' has no attribute {name!r}")
    return getattr(importlib.import_module("reports.rendering"), name)
