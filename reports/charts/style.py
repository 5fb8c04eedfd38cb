"""The house style of the charts: figure, axes, lines, and the values that the page reads out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from reports.charts.svg import FAINT, INK, PAPER, to_svg
from reports.study import Interval, t_interval
from reports.words import PERCENT

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
"""Okabe and Ito's: contrast over 3:1 on white and on #121212, distinct for colour-blind readers."""
DASHES: tuple[Any, ...] = ("", (5, 1.6), (6, 1.6, 1.4, 1.6), (1.4, 1.4))
MARKS = ("o", "s", "^", "D")
WIDTH, HEIGHT = 5.0, 2.9
MOST_THIN = 12
"""Up to this many seeds are drawn one by one, of more only their mean and interval."""
NICE_SECONDS = tuple(unit * n for unit in (0.01, 1, 60, 3600) for n in (1, 3, 10, 30))
FINE_SECONDS = (1, 2, 5, 10, 20, 30, 40, 50, 70, 80, *(60 * n for n in (1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50)))

Band = Callable[[Sequence[float]], Interval | None]
Row = tuple[int, str]
Stop = tuple[float, float | None, str, list[Row]]


@dataclass(frozen=True)
class Chart:
    """One chart: `stops` are (x, y, head, [(series, value)]) in the SVG's own units, y None if x alone counts."""

    id: str
    title: str
    caption: str
    series: list[tuple[str, int]]
    svg: Markup
    stops: list[Stop]

    @property
    def most_rows(self) -> int:
        """Series in the fullest readout, so that the page reserves the room."""
        return max((len(rows) for *_, rows in self.stops), default=0)

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script needs."""
        return {"series": self.series, "stops": self.stops}


def style_of(index: int) -> dict[str, Any]:
    """Colour, dash and mark of a contender; the second four have open marks."""
    k = index % 4
    filling = COLOURS[k] if index < 4 else PAPER
    return {"color": COLOURS[k], "marker": MARKS[k], "markerfacecolor": filling}


@contextmanager
def house_style(right: float = 0.73) -> Iterator[Axes]:
    """Axes in the house style, for as long as the block runs; `right` is the right edge as a share of the width."""
    ink = ("axes.edgecolor", "text.color", "axes.labelcolor", "xtick.color", "ytick.color")
    rc: Any = dict.fromkeys(ink, INK) | {
        "svg.fonttype": "none", "svg.hashsalt": "vggbench", "text.parse_math": False, "axes.unicode_minus": True,
        "font.size": 9.5, "axes.labelsize": 9.5, "xtick.labelsize": 9, "ytick.labelsize": 9,
        "grid.color": FAINT, "grid.linewidth": 0.8, "axes.linewidth": 0.6, "axes.spines.left": False,
        "xtick.major.width": 0.6, "xtick.major.size": 3, "ytick.major.size": 0,
    }  # fmt: skip
    with mpl.rc_context(), sns.axes_style("ticks"):
        mpl.rcParams.update(rc)
        canvas = Figure(figsize=(WIDTH, HEIGHT), dpi=72)
        canvas.subplots_adjust(left=0.115, right=right, top=0.955, bottom=0.165)
        axes = canvas.add_subplot()
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        # Seaborn looks through all tick labels of an axis that has no label yet, which takes longer than drawing.
        axes.set(xlabel=" ", ylabel=" ")
        yield axes


def finish(axes: Axes, name: str) -> Markup:
    """The SVG of the figure, inside the block of `house_style`; its ids begin with `name`."""
    sns.despine(ax=axes, left=True)
    figure = axes.get_figure(root=True)
    assert figure is not None
    return to_svg(figure, name)


def stop(axes: Axes, x: float, y: float | None, head: str, rows: list[Row]) -> Stop:
    """A stop at data coordinates, which become the SVG's units, origin at the top left."""
    px, py = axes.transData.transform((x, axes.get_ylim()[0] if y is None else y))
    return round(float(px), 1), None if y is None else round(float(HEIGHT * 72 - py), 1), head, rows


def draw_lines(
    axes: Axes, frame: pd.DataFrame, styles: Mapping[str, int], band: Band | None = None, marked: bool = False
) -> None:
    """Draw the mean of `y` at each `x` for each `model` of a tidy frame, with a band over what it averages."""
    look: dict[str, Any] = {"markersize": 5.5, "markeredgewidth": 0} if marked else {}
    sns.lineplot(
        frame, x="x", y="y", hue="model", style="model", hue_order=list(styles), style_order=list(styles),
        palette={name: COLOURS[k % 4] for name, k in styles.items()},
        dashes={name: DASHES[k % 4] for name, k in styles.items()},
        markers={name: MARKS[k % 4] for name, k in styles.items()} if marked else False,
        errorbar=band, err_kws={"alpha": 0.14, "linewidth": 0}, linewidth=1.9, legend=False, ax=axes, **look,
    )  # fmt: skip


def draw_seeds(axes: Axes, frame: pd.DataFrame, styles: Mapping[str, int]) -> None:
    """Draw a thin line for each `seed` of a tidy frame, if there are several and not too many."""
    several = frame.groupby("model").filter(lambda rows: 1 < rows["seed"].nunique() <= MOST_THIN)
    if len(several):
        sns.lineplot(
            several, x="x", y="y", hue="model", units="seed", estimator=None, hue_order=list(styles),
            palette={name: COLOURS[k % 4] for name, k in styles.items()},
            linewidth=0.6, alpha=0.45, legend=False, ax=axes,
        )  # fmt: skip


def percent_ticks(axis: Axis, digits: int = 0) -> None:
    """Label the ticks of shares in percent."""
    axis.set_major_formatter(lambda v, _: f"{100 * v:.{digits}f}{PERCENT}")


def percent_axis(axes: Axes) -> None:
    """A y axis of shares within 0 to 1, labelled in percent with no more digits than its ticks need."""
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, 0), min(high, 1.004))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    percent_ticks(axes.yaxis, 0 if axes.get_ylim()[1] - axes.get_ylim()[0] > 0.045 else 1)


def log_axis(axes: Axes, values: Sequence[float], name: Callable[[float], str], nice: Sequence[float] = ()) -> None:
    """A logarithmic x axis with plain numbers at round places."""
    low, high = min(values) / 1.35, max(values) * 1.35
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    powers: list[Sequence[float]] = [
        [s * 10.0**k for k in range(-4, 16) for s in steps] for steps in ((1,), (1, 3), (1, 2, 5), range(1, 10))
    ]
    choices = [nice, [*nice, *FINE_SECONDS]] if nice else powers
    inside = [[t for t in choice if low <= t <= high] for choice in choices]
    enough = next((found for found in inside if len(set(found)) >= 3), inside[-1])
    ticks: list[float] = []
    for tick in enough:
        x = axes.transData.transform((tick, 0))[0]
        # 44 units hold the longest label.
        if all(abs(x - axes.transData.transform((t, 0))[0]) > 44 for t in ticks):
            ticks.append(tick)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda v, _: name(v))


def tick_seconds(seconds: float) -> str:
    """A round time for an axis."""
    for unit, size in (("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= size and (2 * seconds / size).is_integer():
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def interval_text(values: Sequence[float], show: Callable[[float], str]) -> str:
    """A mean, with its t interval if there are at least two values."""
    text = show(float(np.mean(values)))
    if interval := t_interval(values):
        low, high = (show(v).removesuffix(PERCENT) for v in interval)
        text += f" ({low}–{high})"
    return text
