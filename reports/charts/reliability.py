"""Whether the stated confidence is the accuracy."""

import pandas as pd

from reports.charts.labels import end_labels
from reports.charts.style import Chart, at, draw_lines, finish, house_style, percent_axis, percent_ticks
from reports.charts.svg import INK
from reports.study import Comparison, weights_line
from reports.words import percent, points

NAME = "calibration"


def reliability_chart(comparison: Comparison) -> Chart | None:
    """Accuracy against confidence in ten bins; on the dashed diagonal both are equal. None without predictions."""
    rows = comparison.with_predictions
    if not rows:
        return None
    worst, predictions = max(rows, key=lambda row: row[1].calibration_error)
    title = f"Confidence differs from accuracy by {points(predictions.calibration_error)} at worst ({worst.name})"
    caption = (
        f"On the dashed line confidence equals accuracy; ten bins, all seeds. {weights_line([c for c, _ in rows])}"
    )
    styles = {c.name: c.style for c, _ in rows}
    bins = [(place, *b) for place, (_, p) in enumerate(rows) for b in p.bins]
    frame = pd.DataFrame([(rows[place][0].name, x, y) for place, x, y, _ in bins], columns=["model", "x", "y"])
    last = {place: (x, y) for place, x, y, _ in bins}
    with house_style() as axes:
        draw_lines(axes, frame, styles, marked=True)
        low = min(x for _, x, _, _ in bins)
        axes.plot([low, 1], [low, 1], color=INK, linewidth=0.9, linestyle=(0, (2, 2)), alpha=0.6)
        axes.set(xlabel="confidence", ylabel="")
        axes.set_ylim(top=1.02)
        percent_axis(axes)
        percent_ticks(axes.xaxis)
        end_labels(axes, [(*last[place], *style) for place, style in enumerate(styles.items())])
        stops = [
            (*at(axes, x, y), f"Confidence {percent(x, 0)}", [(place, f"{percent(y)} correct, {n:,} answers")])
            for x, y, place, n in sorted((x, y, place, n) for place, x, y, n in bins)
        ]
        return Chart(NAME, title, caption.strip(), list(styles.items()), finish(axes, NAME), stops)
