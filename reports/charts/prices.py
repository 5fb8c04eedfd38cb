"""The charts of cost: accuracy against what it costs, and where the time goes."""

from collections.abc import Callable

import numpy as np

from reports.charts.labels import point_labels
from reports.charts.style import (
    NICE_SECONDS,
    Chart,
    at,
    figure,
    log_axis,
    percent_axis,
    style_of,
    tick_seconds,
)
from reports.charts.svg import INK, PAPER
from reports.study import Comparison, Group, parts_seconds, total_seconds
from reports.study import statistics as st
from reports.words import big, duration, percent, short


def price_of(group: Group, what: str) -> float | None:
    """What a group costs: training seconds, parameters, flops per image or joules; None where not measured."""
    run = group.any
    if what == "seconds":
        return group.training_seconds
    if what == "joules":
        measured = [r.cost.energy_joules for r in group.runs if r.cost.energy_joules]
        return float(np.mean(measured)) if measured else None
    return float(run.model.parameters_total if what == "parameters" else run.model.flops_per_image or 0) or None


PRICES: dict[str, tuple[str, Callable[[float], str]]] = {
    "seconds": ("training time, feature pass included", duration),
    "parameters": ("parameters", big),
    "flops": ("FLOPs per image, forward", big),
    "joules": ("energy of the run, J", lambda v: big(v, "J")),
}


def scatter(comparison: Comparison, what: str, title: str, caption: str) -> Chart | None:
    """Accuracy against a price on a log axis, with intervals and the Pareto front."""
    import seaborn as sns

    rows = [(c, p) for c in comparison.contenders if (p := price_of(c.group, what))]
    if len(rows) < 2:
        return None
    others = [
        (g, p)
        for g in comparison.study.groups
        if comparison.apart.get(id(g)) == "another recipe of the same model" and (p := price_of(g, what))
    ]
    label, show = PRICES[what]
    chart = Chart(f"accuracy-by-{what}", title, caption, [(c.name, c.style) for c, _ in rows])
    with figure(chart, right=0.965) as (_, axes):
        front = st.pareto([p for _, p in rows], [c.accuracy for c, _ in rows])
        axes.plot([rows[i][1] for i in front], [rows[i][0].accuracy for i in front], drawstyle="steps-post",
                  color=INK, linewidth=0.9, linestyle=(0, (2, 2)), alpha=0.6, zorder=1)  # fmt: skip
        for g, p in others:
            model = next((c for c, _ in rows if c.group.any.model.name == g.any.model.name), None)
            colour = style_of(model.style)["color"] if model else INK
            axes.plot(p, g.accuracy, "o", markersize=3.5, markerfacecolor="none", color=colour, alpha=0.7)
        for c, p in rows:
            look, interval = style_of(c.style), c.interval or c.image_interval
            axes.vlines(p, *interval, color=look["color"], linewidth=1.6)
            filled = look["markerfacecolor"] == look["color"]
            sns.scatterplot(x=[p], y=[c.accuracy], ax=axes, color=look["markerfacecolor"], marker=look["marker"], s=52,
                            edgecolor=PAPER if filled else look["color"], linewidth=0.4 if filled else 1.3,
                            legend=False, zorder=3)  # fmt: skip
        axes.set(xlabel=label, ylabel="")
        axes.margins(y=0.12)
        prices = [p for _, p in rows] + [p for _, p in others]
        log_axis(axes, [min(prices) / 1.3, max(prices) * 1.3], tick_seconds if what == "seconds" else big,
                  NICE_SECONDS if what == "seconds" else ())  # fmt: skip
        percent_axis(axes)
        bars = [c.interval or c.image_interval for c, _ in rows]
        point_labels(axes, [(p, c.accuracy, c.name) for c, p in rows], bars)
        for place, (c, p) in sorted(enumerate(rows), key=lambda row: row[1][1]):
            low, high = c.interval or c.image_interval
            values = [(place, f"{percent(c.accuracy)} ({100 * low:.1f}–{100 * high:.1f})")]
            chart.stops.append((*at(axes, p, c.accuracy), show(p), values))
    return chart


PARTS = (
    ("features", "feature pass", 0.7),
    ("train", "training", 1.0),
    ("evaluate", "evaluating", 0.5),
    ("pack", "reading images", 0.38),
    ("warm-up", "warming up", 0.3),
    ("compile", "compiling", 0.22),
    ("keep", "keeping checkpoints and pictures", 0.15),
    ("other", "the rest", 0.08),
)
"""Parts of a run's time in the order they are stacked: key, words, strength of the colour."""


def time_parts(group: Group) -> dict[str, float]:
    """Mean seconds of each part of a group's runs; what no part accounts for is `other`."""
    rows = []
    for run in group.runs:
        parts = parts_seconds(run)
        rows.append(parts | {"other": max(0.0, total_seconds(run) - sum(parts.values()))})
    return {key: float(np.mean([row[key] for row in rows])) for key, _, _ in PARTS}


def time_breakdown(comparison: Comparison, title: str, caption: str) -> Chart:
    """Whole-run time as stacked bars from zero, one bar per contender."""
    rows = comparison.contenders
    chart = Chart("time-breakdown", title, caption, [(c.name, c.style) for c in rows])
    with figure(chart, right=0.965) as (canvas, axes):
        canvas.subplots_adjust(left=0.27)
        axes.grid(visible=False)
        axes.grid(axis="x")
        for y, c in enumerate(rows):
            start, parts, told = 0.0, time_parts(c.group), []
            for key, words, strength in PARTS:
                width = parts[key]
                if width > 0:
                    axes.barh(y, width, 0.56, start, color=style_of(c.style)["color"], alpha=strength, linewidth=0)
                    told.append(f"{words} {duration(width)}")
                start += width
            chart.stops.append((0.0, float(y), f"{duration(start)} in all", [(y, ", ".join(told))]))
        axes.set_yticks(range(len(rows)), [short(c.name) for c in rows])
        axes.invert_yaxis()
        long = axes.get_xlim()[1] >= 600
        axes.set(xlabel=f"{'minutes' if long else 'seconds'} of the whole run", ylabel="")
        if long:
            axes.xaxis.set_major_formatter(lambda v, _: f"{v / 60:g}")
            step = next(s for s in (120, 300, 600, 1800, 3600, 14400, 10**9) if axes.get_xlim()[1] / s <= 8)
            axes.set_xticks([k * step for k in range(int(axes.get_xlim()[1] / step) + 1)])
        middle = axes.get_xlim()[1] / 2
        chart.stops = [(*at(axes, middle, y), head, values) for _, y, head, values in chart.stops]
    return chart
