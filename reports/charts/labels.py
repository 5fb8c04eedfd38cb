"""Names in charts, beside what they name and without overlaps. Positions are the SVG's units, y upwards."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from reports.charts.style import style_of
from reports.words import shorten

Box = tuple[float, float, float, float]


def nudged(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions as close to those wanted as `gap` between neighbours allows, within low to high."""
    order = np.argsort(wanted, kind="stable")
    placed = np.array(wanted, float)[order]
    for _ in range(60):
        for i in range(len(placed) - 1):
            if (lack := gap - (placed[i + 1] - placed[i])) > 0.01:
                placed[i] -= lack / 2
                placed[i + 1] += lack / 2
    for i in range(len(placed)):
        placed[i] = max(placed[i], low if i == 0 else placed[i - 1] + gap)
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], high if i == len(placed) - 1 else placed[i + 1] - gap)
    return [float(p) for p in placed[np.argsort(order)]]


def end_labels(axes: Axes, ends: list[tuple[float, float, str, int]]) -> None:
    """Mark each line's end and name it at the right, in the text's colour beside its own mark, nudged apart."""
    frame = axes.get_window_extent()
    pixels = [axes.transData.transform((x, y))[1] for x, y, _, _ in ends]
    placed = nudged(pixels, 12.5, frame.y0 + 4, frame.y1 - 2)
    for (last_x, last_y, name, style), y in zip(ends, placed, strict=True):
        look = style_of(style)
        axes.plot(last_x, last_y, markersize=5.5, **look)
        axes.plot([frame.x1 + 9], [y], transform=None, clip_on=False, markersize=5.5, **look)
        axes.text(frame.x1 + 16, y, shorten(name), transform=None, va="center_baseline", fontsize=9.5)


def point_labels(axes: Axes, points: list[tuple[float, float, str]], bars: list[tuple[float, float]]) -> None:
    """Names beside points, each at the first place of six that touches no other name, mark or interval."""
    frame = axes.get_window_extent()
    spots = [axes.transData.transform((x, y)) for x, y, _ in points]
    occupied = []
    for (x, *_), (px, py), (low, high) in zip(points, spots, bars, strict=True):
        bottom, top = (axes.transData.transform((x, v))[1] for v in (low, high))
        occupied += [(px - 5, py - 5, px + 5, py + 5), (px - 1, bottom, px + 1, top)]
    for (_, _, name), (px, py) in sorted(zip(points, spots, strict=True), key=lambda row: -row[1][1]):
        width = 5.4 * len(shorten(name))
        sides = ("left", "right") if px + 8 + width < frame.x1 else ("right", "left")
        places = [(side, dy) for dy in (3, -11, 14, -22) for side in sides]
        boxes = [_label_box(px, py, width, *place) for place in places]
        fits = [i for i, box in enumerate(boxes) if box[0] > frame.x0 and not any(_touch(box, t) for t in occupied)]
        best = fits[0] if fits else 0
        side, dy = places[best]
        occupied.append(boxes[best])
        axes.text(px + (6 if side == "left" else -6), py + dy, shorten(name), transform=None, ha=side, fontsize=9.5)


def _label_box(x: float, y: float, width: float, side: str, dy: float) -> Box:
    left = x + 6 if side == "left" else x - 6 - width
    return left, y + dy - 2, left + width, y + dy + 9


def _touch(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
