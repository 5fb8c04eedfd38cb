"""The charts of learning: accuracy and loss by epoch and by seconds, accuracy by number of training images."""

from collections.abc import Callable
from typing import Any

import numpy as np

from reports.charts.labels import end_labels
from reports.charts.style import (
    MOST_THIN,
    NICE_SECONDS,
    Chart,
    at,
    figure,
    interval_text,
    lines,
    log_axis,
    percent_axis,
    style_of,
    tick_seconds,
)
from reports.study import Comparison, Contender, Group, curves, elapsed
from reports.study import statistics as st
from reports.words import duration, percent


def _matrix(group: Group, key: str) -> "np.ndarray[Any, Any] | None":
    """A field of the epochs as [seeds, epochs], cut to the shortest run; None where not recorded."""
    rows = [[getattr(e, key) for e in run.epochs] for run in group.runs]
    length = min(map(len, rows), default=0)
    found = np.array([row[:length] for row in rows], float)
    return found if length and np.isfinite(found).all() else None


def curve(comparison: Comparison, key: str, against: str, title: str, caption: str) -> Chart | None:
    """`key` of the epochs (such as test_accuracy) against `epoch` or `seconds`: each seed thin, mean, t interval."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    found = [(c, m) for c in comparison.contenders if (m := _matrix(c.group, key)) is not None]
    if not found:
        return None
    name = f"{key.replace('_', '-')}-by-{against}"
    chart = Chart(name, title, caption, [(c.name, c.style) for c, _ in found])
    rate = key.endswith("accuracy")
    show: Callable[[float], str] = percent if rate else lambda v: f"{v:.3f}"
    ends, points, seeds, means = [], [], [], []
    with figure(chart) as (_, axes):
        for place, (c, matrix) in enumerate(found):
            length = matrix.shape[1]
            if against == "epoch":
                xs = np.tile([e.epoch for e in c.group.any.epochs[:length]], (len(matrix), 1)).astype(float)
            else:
                xs = np.array([elapsed(run)[:length] for run in c.group.runs])
            x, mean = xs.mean(0), matrix.mean(0)
            means.append((c.style, x, mean))
            if 1 < len(matrix) <= MOST_THIN:
                seeds += [(c.style, *row) for row in zip(xs, matrix, strict=True)]
            if len(matrix) > 1:
                band = np.array([st.t_interval(list(column)) for column in matrix.T])
                low, high = (band.clip(0, 1) if rate else band).T
                axes.fill_between(x, low, high, color=style_of(c.style)["color"], alpha=0.14, linewidth=0)
            ends.append((float(x[-1]), float(mean[-1]), c.name, c.style))
            points += [(float(x[i]), float(mean[i]), place, i + 1, list(matrix[:, i])) for i in range(length)]
        lines(axes, seeds, thin=True)
        lines(axes, means)
        axes.set(xlabel="epoch" if against == "epoch" else "training time, feature pass included", ylabel="")
        if against == "epoch":
            axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
        else:
            log_axis(axes, [max(p[0], 1e-3) for p in points], tick_seconds, NICE_SECONDS)
        if rate:
            percent_axis(axes)
        else:
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        end_labels(axes, ends)
        if against == "epoch":
            for epoch in sorted({p[0] for p in points}):
                rows = [(place, interval_text(v, show)) for x, _, place, _, v in points if x == epoch]
                chart.stops.append((*at(axes, epoch, None), f"Epoch {epoch:.0f}", rows))
        else:
            for x_, y_, place, epoch, v in sorted(points):
                head = f"After {duration(x_)}, epoch {epoch}"
                chart.stops.append((*at(axes, x_, y_), head, [(place, interval_text(v, show))]))
    return chart


def learning_curve(comparison: Comparison, title: str, caption: str) -> Chart | None:
    """Accuracy against training images per class, each seed a small dot, with t intervals."""
    found = curves(comparison)
    rows: list[tuple[Contender, list[Group]]] = [(c, found[c.name]) for c in comparison.contenders if c.name in found]
    if not rows:
        return None
    chart = Chart("accuracy-by-images", title, caption, [(c.name, c.style) for c, _ in rows])
    sizes = sorted({g.images_per_class for _, groups in rows for g in groups})
    with figure(chart) as (_, axes):
        ends = []
        for c, groups in rows:
            look, x = style_of(c.style), [g.images_per_class for g in groups]
            mean = [g.accuracy for g in groups]
            band = [st.t_interval(g.accuracies) or (g.accuracy, g.accuracy) for g in groups]
            axes.fill_between(x, [max(0, b[0]) for b in band], [min(1, b[1]) for b in band], color=look["color"],
                              alpha=0.14, linewidth=0)  # fmt: skip
            seeds = [(g.images_per_class, a) for g in groups if len(g.runs) <= MOST_THIN for a in g.accuracies]
            if seeds:
                axes.plot(*zip(*seeds, strict=True), "o", markersize=2, color=look["color"], alpha=0.5)
            ends.append((x[-1], mean[-1], c.name, c.style))
        lines(
            axes, [(c.style, [g.images_per_class for g in gs], [g.accuracy for g in gs]) for c, gs in rows], marked=True
        )
        axes.set(xlabel="training images per class", ylabel="")
        log_axis(axes, [sizes[0] * 1.2, sizes[-1] / 1.2], lambda v: f"{v:g}", sizes)
        percent_axis(axes)
        end_labels(axes, ends)
        for n in sizes:
            values = [
                (place, interval_text(g.accuracies, percent))
                for place, (_, groups) in enumerate(rows)
                for g in groups
                if g.images_per_class == n
            ]
            chart.stops.append((*at(axes, n, None), f"{n:.0f} images per class", values))
    return chart
