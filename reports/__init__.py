"""Reports: what runs found, as Markdown, HTML, CSV, SVG and JUnit XML."""

from reports.render import COMPARISON_FORMATS, FORMATS, render, render_comparison

__all__ = ["COMPARISON_FORMATS", "FORMATS", "render", "render_comparison"]
