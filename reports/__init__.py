"""Reports: what runs, comparisons and gates found, in the formats that people and CI read."""

from reports.render import (
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
