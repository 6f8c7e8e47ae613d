"""Charts as Vega-Lite specifications, built with Altair and drawn by Vega in the reader's browser.

Colours are the custom properties of the page's style sheet, so a chart follows the theme and the
printer without being drawn again. A chart's data are rows of plain values; text in them comes from
models and files, is shown as text and is never part of an expression.
"""

from reports.charts.curves import CurvePoint, accuracy_curves
from reports.charts.heat import Cell, heat_map
from reports.charts.intervals import IntervalRow, accuracy_intervals, difference_intervals
from reports.charts.reliability import ReliabilityPoint, reliability_diagram
from reports.charts.runtime import draw_svg, javascript
from reports.charts.scatter import consistency_against_accuracy, level_classes
from reports.charts.shares import Part, stacked_shares
from reports.charts.spec import Spec, accuracy_domain, key_classes, theme
from reports.charts.steps import StepPoint, accuracy_over_steps
from reports.charts.timeline import TimePoint, timeline
from reports.charts.variants import variants

__all__ = [
    "Cell",
    "CurvePoint",
    "IntervalRow",
    "Part",
    "ReliabilityPoint",
    "Spec",
    "StepPoint",
    "TimePoint",
    "accuracy_curves",
    "accuracy_domain",
    "accuracy_intervals",
    "accuracy_over_steps",
    "consistency_against_accuracy",
    "difference_intervals",
    "draw_svg",
    "heat_map",
    "javascript",
    "key_classes",
    "level_classes",
    "reliability_diagram",
    "stacked_shares",
    "theme",
    "timeline",
    "variants",
]
