"""Whether the stated confidence is the accuracy, and how many images a model can answer how accurately."""

import pandas as pd

from reports.charts.labels import end_labels
from reports.charts.style import Chart, draw_lines, finish, house_style, percent_axis, stop
from reports.charts.svg import INK
from reports.study import Comparison, weights_line
from reports.words import percent, points

SHARES = [k / 20 for k in range(1, 21)]


def reliability_chart(comparison: Comparison) -> Chart | None:
    """Accuracy against confidence in ten bins; on the dashed diagonal both are equal. None without predictions."""
    rows = comparison.with_predictions
    if not rows:
        return None
    worst, predictions = max(rows, key=lambda row: row[1].calibration_error)
    title = f"Confidence differs from accuracy by {points(predictions.calibration_error)} at worst ({worst.name})"
    names = weights_line([c for c, _ in rows])
    caption = f"On the dashed line confidence equals accuracy; ten bins, all seeds. {names}"
    styles = {c.name: c.style for c, _ in rows}
    bins = [(place, *b) for place, (_, p) in enumerate(rows) for b in p.bins]
    frame = pd.DataFrame([(rows[place][0].name, x, y) for place, x, y, _ in bins], columns=["model", "x", "y"])
    last = {place: (x, y) for place, x, y, _ in bins}
    with house_style(styles) as axes:
        draw_lines(axes, frame, styles, marked=True)
        low = min(x for _, x, _, _ in bins)
        axes.plot([low, 1], [low, 1], color=INK, linewidth=0.9, linestyle=(0, (2, 2)), alpha=0.6)
        axes.set(xlabel="confidence", ylabel="")
        axes.set_ylim(top=1.02)
        percent_axis(axes)
        percent_axis(axes, "x")
        end_labels(axes, [(*last[place], *style) for place, style in enumerate(styles.items())])
        stops = [
            stop(axes, x, y, f"Confidence {percent(x, 0)}", [(place, f"{percent(y)} correct, {n:,} answers")])
            for x, y, place, n in sorted((x, y, place, n) for place, x, y, n in bins)
        ]
        return Chart("calibration", title, caption.strip(), list(styles.items()), finish(axes, "calibration"), stops)


def coverage_chart(comparison: Comparison) -> Chart | None:
    """Accuracy of the most confident answers against the share of images answered. None without predictions."""
    rows = comparison.with_predictions
    if not rows:
        return None
    best, predictions = next((row for row in rows if row[0] is comparison.decision.choice), rows[0])
    share, accuracy, _ = predictions.accepted(0.9)
    confident = f"{percent(share, 0)} of images with at least {percent(0.9, 0)} confidence"
    title = f"{best.name} answers {confident}, {percent(accuracy)} correctly"
    names = weights_line([c for c, _ in rows])
    caption = f"Accuracy on the images with the most confident answers; mean over seeds. {names}"
    styles = {c.name: c.style for c, _ in rows}
    means = [[p.accuracy_at(share) for share in SHARES] for _, p in rows]
    frame = pd.DataFrame({"x": SHARES} | dict(zip(styles, means, strict=True)))
    with house_style(styles) as axes:
        draw_lines(axes, frame.melt("x", var_name="model", value_name="y"), styles)
        axes.set(xlabel="share of images answered", ylabel="")
        percent_axis(axes)
        percent_axis(axes, "x")
        end_labels(axes, [(1.0, mean[-1], *style) for mean, style in zip(means, styles.items(), strict=True)])
        stops = [
            stop(axes, x, None, f"{percent(x, 0)} answered", [(k, f"{percent(y)} correct") for k, y in enumerate(ys)])
            for x, ys in zip(SHARES, zip(*means, strict=True), strict=True)
        ]
        return Chart("coverage", title, caption.strip(), list(styles.items()), finish(axes, "coverage"), stops)
