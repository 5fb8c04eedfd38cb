"""The charts of trust: whether stated confidence is right, and how many images can be answered how surely."""

import numpy as np

from reports.charts import INK, Chart, at, end_labels, figure, lines, percent_axis
from reports.study import Answers, Comparison, Contender
from reports.study import statistics as st
from reports.words import percent

Told = list[tuple[Contender, Answers]]


def told(comparison: Comparison) -> Told:
    """The contenders whose predictions are stored."""
    return [(c, c.answers) for c in comparison.contenders if c.answers is not None]


def calibration_error(answers: Answers) -> float:
    """Expected calibration error in ten bins, mean over seeds."""
    pairs = zip(answers.probability, answers.right, strict=True)
    return float(np.mean([st.calibration(p, r)[1] for p, r in pairs]))


def accepted(answers: Answers, threshold: float, label: int | None = None) -> tuple[float, float | None, int]:
    """Share of images answered with at least this confidence, share right among them, their number; over all seeds.

    With `label` only the images predicted as that class count.
    """
    asked = np.ones_like(answers.predicted, bool) if label is None else answers.predicted == label
    sure = asked & (answers.probability >= threshold)
    share = float(sure.sum() / max(1, asked.sum()))
    return share, float(answers.right[sure].mean()) if sure.any() else None, int(sure.sum())


def reliability(rows: Told, title: str, caption: str) -> Chart:
    """Share right against stated confidence in ten bins; the dashed diagonal is a model that means what it says."""
    chart = Chart("calibration", title, caption, [(c.name, c.style) for c, _ in rows])
    with figure(chart) as (_, axes):
        ends, stops, tracks = [], [], []
        for place, (c, a) in enumerate(rows):
            bins, _ = st.calibration(a.probability.ravel(), a.right.ravel())
            x, y = [b[0] for b in bins], [b[1] for b in bins]
            tracks.append((c.style, x, y))
            ends.append((x[-1], y[-1], c.name, c.style))
            stops += [(b[0], b[1], place, f"{percent(b[1])} right, {b[2]:,} answers") for b in bins]
        lines(axes, tracks, marked=True)
        low = min(s[0] for s in stops)
        axes.plot([low, 1], [low, 1], color=INK, linewidth=0.9, linestyle=(0, (2, 2)), alpha=0.6)
        axes.set(xlabel="confidence stated", ylabel="")
        axes.set_ylim(top=1.02)
        percent_axis(axes)
        axes.xaxis.set_major_formatter(lambda v, _: f"{100 * v:.0f}%")
        end_labels(axes, ends)
        chart.stops = [
            (*at(axes, x, y), f"Confidence {percent(x, 0)}", [(place, t)]) for x, y, place, t in sorted(stops)
        ]
    return chart


def coverage(rows: Told, title: str, caption: str) -> Chart:
    """Share right among the surest answers, against the share of images answered."""
    chart = Chart("coverage", title, caption, [(c.name, c.style) for c, _ in rows])
    shares = np.linspace(0.05, 1, 20)
    with figure(chart) as (_, axes):
        ends, values = [], []
        for c, a in rows:
            curves = []
            for probability, right in zip(a.probability, a.right, strict=True):
                _, accuracy = st.coverage(probability, right)
                curves.append([accuracy[max(0, round(s * len(accuracy)) - 1)] for s in shares])
            mean = np.mean(curves, axis=0)
            ends.append((1.0, float(mean[-1]), c.name, c.style))
            values.append(mean)
        lines(axes, [(c.style, shares, mean) for (c, _), mean in zip(rows, values, strict=True)])
        axes.set(xlabel="share of images answered, surest first", ylabel="")
        percent_axis(axes)
        axes.xaxis.set_major_formatter(lambda v, _: f"{100 * v:.0f}%")
        end_labels(axes, ends)
        for i, s in enumerate(shares):
            told_values = [(place, f"{percent(float(mean[i]))} right") for place, mean in enumerate(values)]
            chart.stops.append((*at(axes, float(s), None), f"{percent(float(s), 0)} answered", told_values))
    return chart
