"""Reports: what runs found, as Markdown, HTML, CSV, SVG and JUnit XML."""

from reports.render import FORMATS, render

__all__ = ["FORMATS", "render"]
