"""The house style of the charts: figure, axes, lines, and the values that the page reads out."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from reports.charts.svg import FAINT, INK, PAPER, to_svg
from reports.study import Interval, t_interval
from reports.words import PERCENT, shorten

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
"""Okabe and Ito's: contrast over 3:1 on white and on #121212, distinct for colour-blind readers."""
DASHES: tuple[Any, ...] = ("", (5, 1.6), (6, 1.6, 1.4, 1.6), (1.4, 1.4))
MARKS = ("o", "s", "^", "D")
WIDTH, HEIGHT, FONT = 344, 232, 12
"""Units of the SVG. The page shows it at 0.9 to 1.2 times this size, on a phone and on a large screen alike."""
LEFT, RIGHT, BOTTOM, TOP = 46, 14, 42, 8
LABEL_ROOM = 112
"""What the longest name beside a line may take."""
LEAST_SPAN = 0.04
"""A percent axis shows at least this much, so that equal values have different ticks."""
MOST_THIN = 12
"""Up to this many seeds are drawn one by one, of more only their mean and interval."""
NICE_SECONDS = (
    *(10.0**k * n for k in range(-4, 0) for n in (1, 3)),
    *(unit * n for unit in (1, 60) for n in (1, 3, 10, 30)),
    *(3600.0 * 10**k * n for k in range(5) for n in (1, 3)),
)
FINE_SECONDS = (
    *(10.0**k * n for k in range(-4, 0) for n in (2, 4, 5, 6, 8)),
    *(unit * n for unit in (1, 60) for n in (1.5, 2, 4, 5, 6, 7, 8, 15, 20, 25, 40, 50)),
    *(3600.0 * 10**k * n for k in range(5) for n in (1.5, 2, 4, 5, 6, 8)),
)

MOST_WIDENING = 20
"""How often an axis without two ticks may grow, by a fifth on either side."""

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


def text_width(text: str) -> float:
    """What a text takes in the SVG at most: the reader's font is not known, so this is that of a wide one."""
    shares = [("mwMW@%", 0.86), ("iljtfr.,:;()[]|'! ", 0.36)]
    width = 0.0
    for c in text:
        plain = 1.0 if unicodedata.east_asian_width(c) in "WF" else 0.74 if c.isupper() else 0.62
        width += FONT * next((share for some, share in shares if c in some), plain)
    return width


def fitted(name: str, room: float = LABEL_ROOM) -> str:
    """A name, shortened so that it takes at most `room`."""
    limit = next((n for n in range(len(name), 1, -1) if text_width(shorten(name, n)) <= room), 1)
    return shorten(name, limit)


@contextmanager
def house_style(names: Iterable[str] = (), height: float = HEIGHT) -> Iterator[Axes]:
    """Axes in the house style, for as long as the block runs, with room at the right for `names`."""
    ink = ("axes.edgecolor", "text.color", "axes.labelcolor", "xtick.color", "ytick.color")
    rc: Any = dict.fromkeys(ink, INK) | {
        "svg.fonttype": "none", "svg.hashsalt": "vggbench", "text.parse_math": False, "axes.unicode_minus": True,
        "font.size": FONT, "axes.labelsize": FONT, "xtick.labelsize": FONT, "ytick.labelsize": FONT,
        "grid.color": FAINT, "grid.linewidth": 0.8, "axes.linewidth": 0.6, "axes.spines.left": False,
        "xtick.major.width": 0.6, "xtick.major.size": 3, "ytick.major.size": 0,
    }  # fmt: skip
    right = max((text_width(fitted(name)) + 20 for name in names), default=RIGHT)
    with mpl.rc_context(), sns.axes_style("ticks"):
        mpl.rcParams.update(rc)
        canvas = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
        canvas.subplots_adjust(LEFT / WIDTH, BOTTOM / height, 1 - right / WIDTH, 1 - TOP / height)
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
    return round(float(px), 1), None if y is None else round(float(axes.figure.bbox.height - py), 1), head, rows


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


def percent_axis(axes: Axes, which: str = "y") -> None:
    """An axis of shares within 0 to 1, labelled in whole percent; `which` is x or y."""
    low, high = getattr(axes, f"get_{which}lim")()
    low, high = max(low, 0.0), min(high, 1.004)
    lack = max(0.0, LEAST_SPAN - (high - low))
    low = min(max(low - lack / 2, 0.0), 1.004 - LEAST_SPAN) if lack else low
    getattr(axes, f"set_{which}lim")(low, max(high, low + LEAST_SPAN))
    axis = getattr(axes, f"{which}axis")
    axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], min_n_ticks=3))
    axis.set_major_formatter(lambda v, _: f"{100 * v:.0f}{PERCENT}")


def _spaced_ticks(axes: Axes, ticks: Sequence[float], name: Callable[[float], str]) -> list[float]:
    """Those of the ticks inside the axis, the first first, whose labels do not touch."""
    low, high = axes.get_xlim()
    shown: list[tuple[float, float]] = []
    kept = []
    for tick in dict.fromkeys(t for t in ticks if low <= t <= high):
        x, width = axes.transData.transform((tick, 0))[0], text_width(name(tick))
        if all(abs(x - other) > (width + wide) / 2 + 6 for other, wide in shown):
            shown.append((x, width))
            kept.append(tick)
    return kept


def log_axis(axes: Axes, values: Sequence[float], name: Callable[[float], str], nice: Sequence[float] = ()) -> None:
    """A logarithmic x axis with plain numbers at round places, at least two of them."""
    low, high = min(values) / 1.35, max(values) * 1.35
    axes.set_xscale("log")
    powers: list[Sequence[float]] = [
        [s * 10.0**k for k in range(-4, 16) for s in steps] for steps in ((1,), (1, 3), (1, 2, 5), range(1, 10))
    ]
    choices = [nice, [*nice, *FINE_SECONDS]] if nice else powers
    ticks: list[float] = []
    for _ in range(MOST_WIDENING):
        axes.set_xlim(low, high)
        found = [_spaced_ticks(axes, choice, name) for choice in choices]
        ticks = next((some for some in found if len(some) >= 3), max(found, key=len))
        if len(ticks) >= 2:
            break
        low, high = low / 1.2, high * 1.2
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda v, _: name(v))


def tick_seconds(seconds: float) -> str:
    """A round time for an axis."""
    if seconds < 0.099:
        return f"{seconds * 1000:g} ms"
    for unit, size in (("h", 3600), ("min", 60)):
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
