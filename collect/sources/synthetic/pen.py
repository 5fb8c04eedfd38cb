"""A pen that draws flat-coloured shapes through a pose, and the colours it draws with."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]
Matrix = NDArray[np.float64]

INK = (26, 26, 30)
CIRCLE = [(math.cos(a), math.sin(a)) for a in (2 * math.pi * i / 28 for i in range(28))]


class Pen:
    """Draws shapes given in object units (x right, y up, ground at y = 0) through a 3 x 3 pose onto an RGB image."""

    def __init__(self, image: Image.Image, pose: Matrix) -> None:
        self._draw = ImageDraw.Draw(image, "RGBA")
        self._rows = pose.tolist()
        self._pixels_per_unit = math.sqrt(abs(float(np.linalg.det(pose[:2, :2]))))

    def _place(self, points: Sequence[Point]) -> list[Point]:
        # Plain floats: for the few points of a shape, numpy's overhead would triple the time of a whole image.
        (a, b, c), (d, e, f), (g, h, i) = self._rows
        return [((a * x + b * y + c) / (w := g * x + h * y + i), (d * x + e * y + f) / w) for x, y in points]

    def polygon(self, points: Sequence[Point], colour: Colour, alpha: int = 255) -> None:
        """Fill the polygon through `points`."""
        self._draw.polygon(self._place(points), fill=(*colour, alpha))

    def line(self, points: Sequence[Point], width: float, colour: Colour, alpha: int = 255) -> None:
        """Stroke the open path through `points`, `width` object units thick and at least one pixel."""
        pixels = max(1, round(width * self._pixels_per_unit))
        self._draw.line(self._place(points), fill=(*colour, alpha), width=pixels, joint="curve")

    def box(self, x: float, y: float, width: float, height: float, colour: Colour, alpha: int = 255) -> None:
        """Fill the rectangle whose lower left corner is (x, y)."""
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], colour, alpha)

    def disk(self, x: float, y: float, radius: float, colour: Colour, alpha: int = 255, flatten: float = 1.0) -> None:
        """Fill a circle, or with `flatten` < 1 a lying ellipse, about (x, y)."""
        self.polygon([(x + radius * c, y + radius * flatten * s) for c, s in CIRCLE], colour, alpha)

    def ring(self, x: float, y: float, radius: float, width: float, colour: Colour) -> None:
        """Stroke a circle about (x, y)."""
        self.line([(x + radius * c, y + radius * s) for c, s in [*CIRCLE, *CIRCLE[:2]]], width, colour)

    def spokes(self, hub: Point, radius: float, count: int, width: float, colour: Colour, alpha: int = 255) -> None:
        """Stroke `count` spokes from `hub` to `radius`."""
        x, y = hub
        for i in range(count):
            turn = 2 * math.pi * (i + 0.25) / count
            self.line([(x, y), (x + radius * math.cos(turn), y + radius * math.sin(turn))], width, colour, alpha)


def colour(rng: np.random.Generator, low: float = 0.0, high: float = 1.0, saturation: float = 1.0) -> Colour:
    """A random colour (HSV): any hue, saturation up to `saturation`, value in `low`..`high`; fractions."""
    hue, value = rng.random() * 6, rng.uniform(low, high)
    least = value * (1 - saturation * rng.random())
    red, green, blue = (
        round(255 * (least + (value - least) * min(1.0, max(0.0, abs((hue + turn) % 6 - 3) - 1)))) for turn in (0, 4, 2)
    )
    return red, green, blue


def shade(base: Colour, factor: float) -> Colour:
    """`base` darkened (factor < 1) or mixed with white (factor from 1 to 2)."""
    towards, part = (0, factor) if factor <= 1 else (255, 2 - factor)
    red, green, blue = (round(towards + (channel - towards) * part) for channel in base)
    return red, green, blue
