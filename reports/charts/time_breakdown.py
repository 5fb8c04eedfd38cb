"""Where the time of a run goes."""

import numpy as np
from matplotlib.axes import Axes

from reports.charts.style import WIDTH, Chart, Stop, finish, fitted, house_style, stop, style_of, text_width
from reports.charts.svg import FAINT, PAPER
from reports.study import Comparison, RunGroup, parts_seconds, total_seconds, weights_line
from reports.words import duration, listed, percent

NAME = "time-breakdown"
TRAINING, FEATURES, EVALUATION, REST = "training", "feature pass", "evaluation", "the rest"
SHADES = {FEATURES: 0.62, TRAINING: 1.0, EVALUATION: 0.36, REST: 0.16}
"""The segments of a bar from left to right, and the strength of their colour."""
TIME_PARTS = (
    ("features", "feature pass", FEATURES),
    ("train", "training", TRAINING),
    ("evaluate", "evaluation", EVALUATION),
    ("pack", "reading images", REST),
    ("warm-up", "warm-up", REST),
    ("compile", "compilation", REST),
    ("keep", "checkpoints and pictures", REST),
    ("other", "other", REST),
)
"""Parts of a run's time: key, words, and the segment of the bar that shows it."""
ROW, BAR, LEGEND = 42, 15, 26
"""Units of height: a name with its bar, the bar alone, the legend."""


def time_parts(group: RunGroup) -> dict[str, float]:
    """Mean seconds of each part of a group's runs; `other` is the time that no part accounts for."""
    rows = []
    for run in group.runs:
        parts = parts_seconds(run)
        rows.append(parts | {"other": max(0.0, total_seconds(run) - sum(parts.values()))})
    return {key: float(np.mean([row[key] for row in rows])) for key, _, _ in TIME_PARTS}


def _draw_bar(axes: Axes, y: float, parts: dict[str, float], colour: str, longest: float) -> list[str]:
    """A bar of segments that reaches over the whole width for the longest run; the parts in words."""
    start, scale = 0.0, WIDTH / max(longest, 1e-9)
    for segment, strength in SHADES.items():
        width = sum(parts[key] for key, _, shown_in in TIME_PARTS if shown_in == segment) * scale
        if width > 0:
            axes.barh(y, width, BAR, start, color=colour, alpha=strength, linewidth=0)
            axes.plot([start + width] * 2, [y - BAR / 2, y + BAR / 2], color=PAPER, linewidth=1, solid_capstyle="butt")
            start += width
    return [f"{words} {duration(parts[key])}" for key, words, _ in TIME_PARTS if parts[key] > 0]


def _draw_legend(axes: Axes, y: float, parts: list[dict[str, float]]) -> None:
    """The segments that occur, in the order of the bars, in the colour of the text."""
    x = 0.0
    for segment, strength in SHADES.items():
        if any(row[key] > 0 for row in parts for key, _, shown_in in TIME_PARTS if shown_in == segment):
            axes.barh(y, 11, 11, x, color=FAINT, alpha=strength, linewidth=0)
            axes.text(x + 15, y, segment, va="center_baseline")
            x += 15 + text_width(segment) + 8


def time_breakdown_chart(comparison: Comparison) -> Chart:
    """Whole-run time as stacked bars from zero, one bar per contender, under its name and total."""
    contenders = comparison.contenders
    parts = [time_parts(c.group) for c in contenders]
    totals = [sum(row.values()) for row in parts]
    longest = max(range(len(parts)), key=lambda i: totals[i])
    share = parts[longest]["train"] / max(totals[longest], 1e-9)
    title = f"{contenders[longest].name} takes longest; {percent(share, 0)} of that time is training"
    rest = listed([words for _, words, segment in TIME_PARTS if segment == REST])
    caption = f"Mean over seeds. The rest: {rest}. {weights_line(contenders)}".strip()
    height = LEGEND + ROW * len(contenders)
    with house_style(height=height) as axes:
        axes.set_position((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(height, 0))
        axes.set_axis_off()
        _draw_legend(axes, LEGEND / 2 - 4, parts)
        stops: list[Stop] = []
        for place, (c, row, total) in enumerate(zip(contenders, parts, totals, strict=True)):
            top = LEGEND + ROW * place
            axes.text(0, top + 9, fitted(c.name, WIDTH - 90), va="center_baseline")
            axes.text(WIDTH, top + 9, duration(total), va="center_baseline", ha="right")
            y = top + 18 + BAR / 2
            texts = _draw_bar(axes, y, row, style_of(c.style)["color"], totals[longest])
            stops.append(stop(axes, WIDTH / 2, y, f"{duration(total)} in total", [(place, ", ".join(texts))]))
        return Chart(NAME, title, caption, [(c.name, c.style) for c in contenders], finish(axes, NAME), stops)
