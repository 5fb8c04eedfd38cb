"""Whether the confidence is reliable, and what accepting only confident answers gains."""

from reports.charts import coverage_chart, reliability_chart
from reports.parts.confusion import MOST_OPEN
from reports.parts.part import Part
from reports.study import Comparison, Predictions
from reports.words import clean, percent

FEWEST = 10  # answers below which an accuracy means nothing
THRESHOLDS = (0.5, 0.7, 0.9, 0.95, 0.99)


def _cell(predictions: Predictions, threshold: float, label: int | None = None) -> str:
    share, accuracy, number = predictions.accepted(threshold, label)
    if number < FEWEST:
        return "none" if number == 0 else f"only {number}"
    return f"{percent(share, 0)} at {percent(accuracy)}"


def part(comparison: Comparison) -> Part | None:
    """Calibration, coverage and thresholds; None without stored predictions."""
    rows = comparison.with_predictions
    charts = [chart for chart in (reliability_chart(comparison), coverage_chart(comparison)) if chart]
    if not charts:
        return None
    accept = [(percent(t, 0), [_cell(p, t) for _, p in rows]) for t in THRESHOLDS]
    classes = comparison.contenders[0].group.example.dataset.classes
    for k, name in enumerate(classes if len(classes) <= MOST_OPEN else ()):
        accept.append((f"{percent(0.9, 0)}, {clean(name, 40)}", [_cell(p, 0.9, k) for _, p in rows]))
    values = {"charts": charts, "accept": accept, "names": [c.name for c, _ in rows]}
    about = "what accepting only confident answers gains"
    return Part("trust", "Confidence", "Is the confidence reliable?", values, charts, about=about)
