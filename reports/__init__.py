"""Reports: what runs, comparisons and gates found, in the formats that people and CI read."""

from reports.render import (
    COMPARISON_FORMATS,
    FORMATS,
    VERDICT_FORMATS,
    render,
    write_comparison,
    write_verdict,
)

__all__ = [
    "COMPARISON_FORMATS",
    "FORMATS",
    "VERDICT_FORMATS",
    "render",
    "write_comparison",
    "write_verdict",
]
