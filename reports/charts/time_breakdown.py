"""Where the time of a run goes."""

import numpy as np
from matplotlib.axes import Axes

from reports.charts.style import Chart, Stop, finish, house_style, stop, style_of
from reports.study import Comparison, RunGroup, parts_seconds, total_seconds, weights_line
from reports.words import duration, percent, shorten

NAME = "time-breakdown"
TIME_PARTS = (
    ("features", "feature pass", 0.7),
    ("train", "training", 1.0),
    ("evaluate", "evaluation", 0.5),
    ("pack", "reading images", 0.38),
    ("warm-up", "warm-up", 0.3),
    ("compile", "compilation", 0.22),
    ("keep", "checkpoints and pictures", 0.15),
    ("other", "other", 0.08),
)
"""Parts of a run's time in the order of the stack: key, words, strength of the colour."""


def time_parts(group: RunGroup) -> dict[str, float]:
    """Mean seconds of each part of a group's runs; `other` is the time that no part accounts for."""
    rows = []
    for run in group.runs:
        parts = parts_seconds(run)
        rows.append(parts | {"other": max(0.0, total_seconds(run) - sum(parts.values()))})
    return {key: float(np.mean([row[key] for row in rows])) for key, _, _ in TIME_PARTS}


def _draw_bar(axes: Axes, y: int, parts: dict[str, float], colour: str) -> Stop:
    start, texts = 0.0, []
    for key, words, strength in TIME_PARTS:
        if parts[key] > 0:
            axes.barh(y, parts[key], 0.56, start, color=colour, alpha=strength, linewidth=0)
            texts.append(f"{words} {duration(parts[key])}")
            start += parts[key]
    return 0.0, float(y), f"{duration(start)} in total", [(y, ", ".join(texts))]


def _set_time_axis(axes: Axes) -> None:
    end = axes.get_xlim()[1]
    in_minutes = end >= 600
    axes.set(xlabel=f"{'minutes' if in_minutes else 'seconds'} of the whole run", ylabel="")
    if in_minutes:
        axes.xaxis.set_major_formatter(lambda v, _: f"{v / 60:g}")
        step = next(s for s in (120, 300, 600, 1800, 3600, 14400, 10**9) if end / s <= 8)
        axes.set_xticks([k * step for k in range(int(end / step) + 1)])


def time_breakdown_chart(comparison: Comparison) -> Chart:
    """Whole-run time as stacked bars from zero, one bar per contender."""
    contenders = comparison.contenders
    parts = [time_parts(c.group) for c in contenders]
    longest = max(range(len(parts)), key=lambda i: sum(parts[i].values()))
    share = parts[longest]["train"] / max(sum(parts[longest].values()), 1e-9)
    title = f"{contenders[longest].name} takes longest; {percent(share, 0)} of that time is training"
    order = ", ".join(words for _, words, _ in sorted(TIME_PARTS, key=lambda part: -part[2]))
    caption = f"From dark to light: {order}. Mean over seeds. {weights_line(contenders)}".strip()
    with house_style(right=0.965) as axes:
        axes.figure.subplots_adjust(left=0.27)
        axes.grid(visible=False)
        axes.grid(axis="x")
        colours = [style_of(c.style)["color"] for c in contenders]
        bars = [_draw_bar(axes, y, *bar) for y, bar in enumerate(zip(parts, colours, strict=True))]
        axes.set_yticks(range(len(contenders)), [shorten(c.name) for c in contenders])
        axes.invert_yaxis()
        _set_time_axis(axes)
        middle = axes.get_xlim()[1] / 2
        stops = [stop(axes, middle, y, head, values) for _, y, head, values in bars]
        return Chart(NAME, title, caption, [(c.name, c.style) for c in contenders], finish(axes, NAME), stops)
