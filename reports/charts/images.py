"""Accuracy by number of training images."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from reports.charts import style
from reports.charts.labels import end_labels
from reports.charts.style import Chart, Row, Stop
from reports.study import Comparison, RunGroup, crossings, curves, share_interval, weights_line
from reports.words import PERCENT, mid_sentence, percent

NAME = "accuracy-by-images"


def _title(comparison: Comparison) -> str:
    for crossing in crossings(comparison):
        a, b = mid_sentence(crossing.a.name), crossing.b.name
        return f"{b} overtakes {a} at about {crossing.images:.0f} images per class"
    return "The order of the models is the same at every size"


def _stops(axes: Axes, rows: list[list[RunGroup]]) -> list[Stop]:
    by_size: dict[float, list[Row]] = {}
    for place, groups in enumerate(rows):
        for g in groups:
            by_size.setdefault(g.images_per_class, []).append((place, style.interval_text(g.accuracies, percent)))
    return [style.stop(axes, n, None, f"{n:.0f} images per class: test accuracy", by_size[n]) for n in sorted(by_size)]


def accuracy_by_images(comparison: Comparison) -> Chart | None:
    """The learning curves, if there are runs with fewer training images."""
    groups = curves(comparison)
    if not groups:
        return None
    styles = {c.name: c.style for c in comparison.contenders if c.name in groups}
    rows = [groups[name] for name in styles]
    points = [(name, g.images_per_class, a, len(g.runs)) for name in styles for g in groups[name] for a in g.accuracies]
    frame = pd.DataFrame(points, columns=["model", "x", "y", "seeds"])
    sizes = sorted(set(frame["x"]))
    note = "A crossing is interpolated between the two sizes around it; the chart says nothing beyond the sizes shown."
    caption = f"Dots are seeds, bands 95{PERCENT} t-intervals. {note} {weights_line(comparison.contenders)}"
    with style.house_style(styles) as axes:
        dots = frame[frame["seeds"] <= style.MOST_THIN]
        palette = {name: style.COLOURS[k % 4] for name, k in styles.items()}
        if len(dots):
            sns.scatterplot(
                dots, x="x", y="y", hue="model", palette=palette, s=4, alpha=0.5, linewidth=0, legend=False, ax=axes
            )
        style.draw_lines(axes, frame, styles, share_interval, marked=True)
        axes.set(xlabel="training images per class", ylabel="")
        style.log_axis(axes, [sizes[0] * 1.2, sizes[-1] / 1.2], lambda v: f"{v:g}", sizes)
        style.percent_axis(axes)
        ends = [(gs[-1].images_per_class, gs[-1].accuracy) for gs in rows]
        end_labels(axes, [(*end, *look) for end, look in zip(ends, styles.items(), strict=True)])
        svg = style.finish(axes, NAME)
        return Chart(NAME, _title(comparison), caption.strip(), list(styles.items()), svg, _stops(axes, rows))
