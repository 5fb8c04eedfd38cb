"""What surrounds a drawn vehicle: the pen that poses shapes, backdrops, clutter, things in front, and the camera."""

import io
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]
Matrix = NDArray[np.float64]

SUPERSAMPLING = 2
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

    def spokes(self, x: float, y: float, radius: float, count: int, width: float, colour: Colour) -> None:
        """Stroke `count` spokes from (x, y) to `radius`."""
        for i in range(count):
            turn = 2 * math.pi * (i + 0.25) / count
            self.line([(x, y), (x + radius * math.cos(turn), y + radius * math.sin(turn))], width, colour)


def colour(rng: np.random.Generator, low: float = 0.0, high: float = 1.0) -> Colour:
    """A random colour: any hue, any saturation, value in `low`..`high` (HSV)."""
    hue, value = rng.random() * 6, rng.uniform(low, high)
    least = value * (1 - rng.random())
    return tuple(  # type: ignore[return-value]
        round(255 * (least + (value - least) * min(1.0, max(0.0, abs((hue + k) % 6 - 3) - 1)))) for k in (0, 4, 2)
    )


def shade(base: Colour, factor: float) -> Colour:
    """`base` darkened (factor < 1) or lightened towards white (factor > 1)."""
    if factor <= 1:
        return tuple(round(c * factor) for c in base)  # type: ignore[return-value]
    return tuple(round(c + (255 - c) * (factor - 1)) for c in base)  # type: ignore[return-value]


def pose(rng: np.random.Generator, width: int, height: int, centre_y: float, extent: float) -> Matrix:
    """A random view of an object: flipped or not, scaled, turned, sheared, shifted, seen at an angle.

    `width` and `height` are pixels, `centre_y` the object's middle in object units, `extent` how many units must fit.
    """
    from skimage.transform import AffineTransform, ProjectiveTransform

    scale = rng.uniform(0.66, 1.08) * min(width, height) / extent
    flip = rng.choice((-1.0, 1.0))
    slack_x, slack_y = (max(0.0, side - 0.9 * scale * extent) / 2 for side in (width, height))
    centre = (width / 2 + rng.uniform(-slack_x, slack_x), height / 2 + rng.uniform(-slack_y, slack_y))
    to_middle = AffineTransform(translation=(0, -centre_y))
    foreshorten = AffineTransform(scale=(rng.uniform(0.72, 1.0), 1.0), shear=(rng.normal(0, 0.05), 0))
    lean = ProjectiveTransform(np.array([[1, 0, 0], [rng.normal(0, 0.06), 1, 0], [rng.uniform(-0.2, 0.2), 0, 1]]))
    to_pixels = AffineTransform(scale=(flip * scale, -scale), translation=centre)
    turn = AffineTransform(rotation=float(np.clip(rng.normal(0, 0.1), -0.3, 0.3)))
    view: Matrix = (to_middle + foreshorten + lean + turn + to_pixels).params
    return view


def _texture(rng: np.random.Generator, width: int, height: int, cells: int) -> NDArray[np.float32]:
    grain = Image.fromarray(rng.standard_normal((cells, cells), dtype=np.float32))
    return np.asarray(grain.resize((width, height), Image.Resampling.BICUBIC))[..., None]


def backdrop(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A gradient, a wall or a landscape with ground or road, with clouds or grain; RGB, `width` x `height` px."""
    w, h = width // SUPERSAMPLING, height // SUPERSAMPLING
    rows = np.linspace(0, 1, h, dtype=np.float32)[:, None, None]
    top, bottom, ground = (np.array(colour(rng, 0.25, 1.0), dtype=np.float32) for _ in range(3))
    picture = np.repeat(top * (1 - rows) + bottom * rows, w, axis=1)
    horizon = round(h * rng.uniform(0.3, 0.85))
    outdoors = rng.random() < 0.7
    if outdoors:
        picture[horizon:] = ground * (0.75 + 0.35 * rows[horizon:])
    picture += rng.uniform(0, 24) * _texture(rng, w, h, int(rng.integers(3, 7)))
    picture[horizon:] += rng.uniform(0, 20) * _texture(rng, w, h, int(rng.integers(12, 48)))[horizon:]
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).resize((width, height))
    flat = Pen(image, np.eye(3))
    if not outdoors and rng.random() < 0.6:
        _bricks(flat, rng, width, height)
    elif outdoors and rng.random() < 0.5:
        stripe = SUPERSAMPLING * (horizon + (h - horizon) * rng.uniform(0.3, 0.9))
        for x in np.arange(-rng.uniform(0, 30), width, 40):
            flat.box(float(x), stripe, 22, 3, (225, 220, 200), 190)
    return image


def _bricks(flat: Pen, rng: np.random.Generator, width: int, height: int) -> None:
    step, mortar, alpha = int(rng.integers(12, 32)), colour(rng), int(rng.integers(60, 170))
    for row, y in enumerate(range(0, height, step)):
        flat.line([(0, y), (width, y)], 1, mortar, alpha)
        if rng.random() < 0.8:
            for x in range((row % 2) * step, width, 2 * step):
                flat.line([(x, y), (x, y + step)], 1, mortar, alpha)


def _house_block(pen: Pen, rng: np.random.Generator) -> None:
    wall, pane = colour(rng, 0.2), colour(rng, 0.2)
    w, h = rng.uniform(0.5, 2.0), rng.uniform(0.4, 1.6)
    pen.box(-w / 2, 0, w, h, wall)
    columns, rows = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    for i in range(columns):
        for j in range(rows):
            pen.box(-w / 2 + (i + 0.2) * w / columns, (j + 0.25) * h / rows, 0.6 * w / columns, 0.5 * h / rows, pane)


def _loose_wheel(pen: Pen, rng: np.random.Generator) -> None:
    radius, tyre = rng.uniform(0.2, 0.5), shade(INK, rng.uniform(0.6, 1.4))
    for x in (0.0, rng.uniform(1.0, 1.8))[: int(rng.integers(1, 3))]:
        if rng.random() < 0.5:
            pen.disk(x, radius, radius, tyre)
            pen.disk(x, radius, radius * rng.uniform(0.4, 0.7), colour(rng, 0.3))
        else:
            pen.spokes(x, radius, radius, int(rng.integers(5, 14)), 0.02, colour(rng, 0.3))
            pen.ring(x, radius, radius, rng.uniform(0.05, 0.12), tyre)


def _scaffold(pen: Pen, rng: np.random.Generator) -> None:
    points = rng.uniform((-0.9, 0.0), (0.9, 1.1), (int(rng.integers(3, 7)), 2)).tolist()
    pen.line([(x, y) for x, y in points], rng.uniform(0.03, 0.09), colour(rng))


def _fence(pen: Pen, rng: np.random.Generator) -> None:
    tint, gap, tall = colour(rng), rng.uniform(0.15, 0.4), rng.uniform(0.4, 1.0)
    for i in range(8):
        pen.line([(i * gap - 4 * gap, 0), (i * gap - 4 * gap, tall)], 0.04, tint)
    pen.line([(-4 * gap, tall * 0.8), (4 * gap, tall * 0.8)], 0.05, tint)


def _bush(pen: Pen, rng: np.random.Generator) -> None:
    tint = colour(rng, 0.15, 0.9)
    for _ in range(int(rng.integers(2, 6))):
        x, y = rng.uniform((-0.4, 0.1), (0.4, 0.6))
        pen.disk(float(x), float(y), rng.uniform(0.1, 0.3), shade(tint, rng.uniform(0.8, 1.1)))


def _slab(pen: Pen, rng: np.random.Generator) -> None:
    corners = rng.uniform((-0.7, 0.0), (0.7, 0.8), (int(rng.integers(3, 6)), 2)).tolist()
    pen.polygon([(x, y) for x, y in corners], colour(rng))


CLUTTER: tuple[Callable[[Pen, np.random.Generator], None], ...] = (
    _house_block,
    _loose_wheel,
    _scaffold,
    _fence,
    _bush,
    _slab,
)


def clutter(image: Image.Image, rng: np.random.Generator) -> None:
    """Put distracting things behind the object: blocks with windows, wheels, poles, fences, bushes."""
    width, height = image.size
    for _ in range(int(rng.integers(1, 5))):
        scale = rng.uniform(0.2, 0.5) * height
        x, y = rng.uniform((0, 0.4), (1, 1)) * (width, height)
        thing = CLUTTER[int(rng.integers(len(CLUTTER)))]
        thing(Pen(image, np.array([[scale, 0, x], [0, -scale, y], [0, 0, 1.0]])), rng)


def occlude(image: Image.Image, rng: np.random.Generator) -> None:
    """Put up to three things in front: poles, blobs, slats. None of them hides more than a fifth of the width."""
    width, height = image.size
    pen = Pen(image, np.array([[width, 0, 0], [0, -height, height], [0, 0, 1.0]]))
    for _ in range(int(rng.integers(0, 4))):
        x, tint = rng.random(), colour(rng)
        kind = rng.integers(3)
        if kind == 0:
            pen.line([(x, 0), (x + rng.normal(0, 0.04), 1)], rng.uniform(0.015, 0.06), tint)
        elif kind == 1:
            for _ in range(3):
                pen.disk(x + rng.normal(0, 0.06), rng.uniform(0.0, 0.35), rng.uniform(0.03, 0.09), tint)
        else:
            pen.box(x, 0, rng.uniform(0.05, 0.2), rng.uniform(0.1, 0.35), tint)


def photograph(image: Image.Image, rng: np.random.Generator) -> bytes:
    """Reduce the supersampled `image` and add light, contrast, blur and sensor noise; JPEG bytes."""
    from skimage.filters import gaussian
    from skimage.util import random_noise

    picture = np.asarray(image.reduce(SUPERSAMPLING), dtype=np.float32) / 255
    height, width = picture.shape[:2]
    slope_x, slope_y = rng.uniform(-0.35, 0.35, 2)
    light = 1 + slope_x * np.linspace(-1, 1, width)[None, :] + slope_y * np.linspace(-1, 1, height)[:, None]
    contrast, middle = rng.uniform(0.45, 1.0), rng.uniform(0.4, 0.6)
    picture = (middle + contrast * (picture - 0.5)) * light[..., None].astype(np.float32)
    picture = gaussian(np.clip(picture, 0, 1), rng.uniform(0.1, 1.1), channel_axis=-1, truncate=2.5)
    picture = random_noise(picture, "gaussian", rng=rng, var=rng.uniform(0.005, 0.07) ** 2)
    out = io.BytesIO()
    Image.fromarray((picture * 255).round().astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()
