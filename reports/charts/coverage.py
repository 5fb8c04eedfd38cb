"""How many images a model can answer, and how accurately."""

import pandas as pd

from reports.charts.labels import end_labels
from reports.charts.style import Chart, at, draw_lines, finish, house_style, percent_axis, percent_ticks
from reports.study import Comparison, weights_line
from reports.words import percent

NAME = "coverage"
SHARES = [k / 20 for k in range(1, 21)]


def coverage_chart(comparison: Comparison) -> Chart | None:
    """Accuracy of the most confident answers against the share of images answered. None without predictions."""
    rows = comparison.with_predictions
    if not rows:
        return None
    best, predictions = rows[0]
    share, accuracy, _ = predictions.accepted(0.9)
    confident = f"{percent(share, 0)} of images with at least {percent(0.9, 0)} confidence"
    title = f"{best.name} answers {confident}, {percent(accuracy)} correctly"
    names = weights_line([c for c, _ in rows])
    caption = f"Accuracy on the images with the most confident answers; mean over seeds. {names}"
    styles = {c.name: c.style for c, _ in rows}
    means = [[p.accuracy_at(share) for share in SHARES] for _, p in rows]
    points = [
        (c.name, x, y) for (c, _), mean in zip(rows, means, strict=True) for x, y in zip(SHARES, mean, strict=True)
    ]
    with house_style() as axes:
        draw_lines(axes, pd.DataFrame(points, columns=["model", "x", "y"]), styles)
        axes.set(xlabel="share of images answered, most confident first", ylabel="")
        percent_axis(axes)
        percent_ticks(axes.xaxis)
        end_labels(axes, [(1.0, mean[-1], *style) for mean, style in zip(means, styles.items(), strict=True)])
        stops = [
            (
                *at(axes, x, None),
                f"{percent(x, 0)} answered",
                [(place, f"{percent(mean[i])} correct") for place, mean in enumerate(means)],
            )
            for i, x in enumerate(SHARES)
        ]
        return Chart(NAME, title, caption.strip(), list(styles.items()), finish(axes, NAME), stops)
