"""reports.charts."""

from reports.charts.labels import end_labels
from reports.charts.prices import price_of
from reports.charts.style import Chart, at, figure, lines, percent_axis
from reports.charts.svg import INK

__all__ = [
    "INK",
    "Chart",
    "at",
    "end_labels",
    "figure",
    "lines",
    "percent_axis",
    "price_of",
]
