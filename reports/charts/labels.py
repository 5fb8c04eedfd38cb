"""Names in charts, beside what they name and without overlaps. Positions are the SVG's units, y upwards."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes

from reports.charts.style import FONT, fitted, style_of, text_width
from reports.charts.svg import INK

Point = tuple[float, float]
Box = tuple[float, float, float, float]
MARK, TEXT, GAP = 6, 7, 15
"""Half the size of a mark, half the height of a text, and the distance of two lines of text."""
RINGS = (0, GAP, *range(21, 140, 7))
"""How far above or below its point a name may be."""


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
    placed = nudged(pixels, GAP, frame.y0 + TEXT, frame.y1 - 2)
    for (last_x, last_y, name, style), y in zip(ends, placed, strict=True):
        look = style_of(style)
        axes.plot(last_x, last_y, markersize=5.5, **look)
        axes.plot([frame.x1 + 9], [y], transform=None, clip_on=False, markersize=5.5, **look)
        axes.text(frame.x1 + 16, y, fitted(name), transform=None, va="center_baseline", fontsize=FONT)


def point_labels(
    axes: Axes, points: list[tuple[float, float, str]], circles: Sequence[Point], lines: Sequence[tuple[Point, Point]]
) -> None:
    """Names beside points, each at the first place that touches no other name, mark, circle or line.

    `lines` are horizontal or vertical. A name that is not beside its point is joined to it.
    """
    frame = axes.get_window_extent()
    spots = axes_points(axes, [(x, y) for x, y, _ in points])
    occupied = [(x - MARK, y - MARK, x + MARK, y + MARK) for x, y in [*spots, *axes_points(axes, circles)]]
    for ends in lines:
        (ax, ay), (bx, by) = axes_points(axes, ends)
        occupied.append((min(ax, bx) - 1, min(ay, by) - 1, max(ax, bx) + 1, max(ay, by) + 1))
    for (_, _, name), (px, py) in sorted(zip(points, spots, strict=True), key=lambda row: -row[1][1]):
        text = fitted(name)
        boxes = _places(px, py, text_width(text), (frame.x0, frame.y0, frame.x1, frame.y1))
        left, bottom, right, top = box = min(boxes, key=lambda b: sum(_overlap(b, other) for other in occupied))
        occupied.append(box)
        y = (bottom + top) / 2
        if abs(y - py) > GAP:
            end = min(max(px, left), right), top if y < py else bottom
            axes.plot([px, end[0]], [py, end[1]], transform=None, color=INK, linewidth=0.6, alpha=0.5, zorder=1)
        # The text starts at its point if it is at its right, so that a font that is narrower keeps them together.
        side = "left" if left >= px else "right" if right <= px else "center"
        x = {"left": left, "right": right, "center": (left + right) / 2}[side]
        axes.text(x, y, text, transform=None, ha=side, va="center_baseline", fontsize=FONT)


def axes_points(axes: Axes, points: Sequence[Point]) -> list[Point]:
    """Points of the data in the SVG's units."""
    return [(float(x), float(y)) for x, y in (axes.transData.transform(point) for point in points)]


def _places(px: float, py: float, width: float, frame: Box) -> Iterator[Box]:
    """Where the name of a point may be: beside it, then above and below it, all within the frame."""
    for ring in RINGS:
        for y in dict.fromkeys((py + ring, py - ring)):
            if ring and not frame[1] + TEXT <= y <= frame[3] - TEXT:
                continue
            for left in (px + MARK + 2, px - MARK - 2 - width, px - width / 2):
                x = min(max(left, frame[0]), frame[2] - width)
                yield x, y - TEXT, x + width, y + TEXT


def _overlap(a: Box, b: Box) -> float:
    """The area that two boxes share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
