"""The surroundings of a drawn vehicle: backdrops, clutter behind it, objects in front of it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from collect.sources.synthetic.pen import INK, Colour, Pen, colour, shade

SKIES = ((150, 190, 228), (204, 210, 214), (236, 192, 150), (118, 134, 164), (222, 228, 236))
GROUNDS = ((112, 112, 116), (116, 140, 82), (194, 174, 134), (150, 140, 128), (86, 92, 98), (208, 206, 200))
WALLS = ((170, 112, 92), (204, 196, 182), (142, 148, 150), (112, 132, 152), (150, 162, 130), (92, 88, 92))


def _near(rng: np.random.Generator, palette: tuple[Colour, ...]) -> NDArray[np.float32]:
    tint: NDArray[np.float64] = rng.choice(palette) * rng.uniform(0.7, 1.1) + rng.normal(0, 14, 3)
    return tint.astype(np.float32)


def _texture(rng: np.random.Generator, width: int, height: int, cells: int) -> NDArray[np.float32]:
    grain = Image.fromarray(rng.standard_normal((cells, cells), dtype=np.float32))
    return np.asarray(grain.resize((width, height), Image.Resampling.BICUBIC))[..., None]


def backdrop(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A landscape with ground or road, or a plain or brick wall; RGB, `width` x `height` px."""
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    outdoors = rng.random() < 0.65
    top, bottom = (_near(rng, SKIES if outdoors else WALLS) for _ in range(2))
    ground = _near(rng, GROUNDS)
    picture = np.repeat(top * (1 - rows) + bottom * rows, width, axis=1)
    picture += rng.uniform(0, 16) * _texture(rng, width, height, int(rng.integers(3, 7)))
    horizon = round(height * rng.uniform(0.35, 0.85))
    bricks = not outdoors and rng.random() < 0.5
    if outdoors or rng.random() < 0.6:
        picture[horizon:] = ground * (0.8 + 0.3 * rows[horizon:])
        picture[horizon:] += rng.uniform(0, 26) * _texture(rng, width, height, int(rng.integers(12, 48)))[horizon:]
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    flat = Pen(image, np.eye(3))
    if bricks:
        _bricks(flat, rng, width, horizon)
    if rng.random() < 0.35:
        lane = horizon + (height - horizon) * rng.uniform(0.3, 0.9)
        for x in np.arange(-rng.uniform(0, 20), width, 20).tolist():
            flat.box(x, lane, 11, 2, (225, 220, 200), 190)
    return image


def _bricks(flat: Pen, rng: np.random.Generator, width: int, height: int) -> None:
    step, mortar, alpha = int(rng.integers(6, 14)), colour(rng, saturation=0.2), int(rng.integers(40, 110))
    for row, y in enumerate(range(0, height, step)):
        flat.line([(0, y), (width, y)], 1, mortar, alpha)
        for x in range((row % 2) * step, width, 2 * step):
            flat.line([(x, y), (x, min(y + step, height))], 1, mortar, alpha)


def _house_block(pen: Pen, rng: np.random.Generator) -> None:
    wall, pane = colour(rng, 0.3, saturation=0.5), colour(rng, 0.2, saturation=0.4)
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
            pen.spokes((x, radius), radius, int(rng.integers(5, 14)), 0.02, colour(rng, 0.3))
            pen.ring(x, radius, radius, rng.uniform(0.05, 0.12), tyre)


def _scaffold(pen: Pen, rng: np.random.Generator) -> None:
    points = rng.uniform((-0.9, 0.0), (0.9, 1.1), (int(rng.integers(3, 7)), 2)).tolist()
    pen.line([(x, y) for x, y in points], rng.uniform(0.03, 0.09), colour(rng, saturation=0.6))


def _fence(pen: Pen, rng: np.random.Generator) -> None:
    tint, gap, tall = colour(rng, saturation=0.5), rng.uniform(0.15, 0.4), rng.uniform(0.4, 1.0)
    for i in range(8):
        pen.line([(i * gap - 4 * gap, 0), (i * gap - 4 * gap, tall)], 0.04, tint)
    pen.line([(-4 * gap, tall * 0.8), (4 * gap, tall * 0.8)], 0.05, tint)


def _bush(pen: Pen, rng: np.random.Generator) -> None:
    tint = colour(rng, 0.2, 0.8, saturation=0.6)
    for _ in range(int(rng.integers(2, 6))):
        x, y = rng.uniform((-0.4, 0.1), (0.4, 0.6))
        pen.disk(float(x), float(y), rng.uniform(0.1, 0.3), shade(tint, rng.uniform(0.8, 1.1)))


def _slab(pen: Pen, rng: np.random.Generator) -> None:
    corners = rng.uniform((-0.7, 0.0), (0.7, 0.8), (int(rng.integers(3, 6)), 2)).tolist()
    pen.polygon([(x, y) for x, y in corners], colour(rng, saturation=0.6))


CLUTTER = (_house_block, _loose_wheel, _scaffold, _fence, _bush, _slab)


def clutter(image: Image.Image, rng: np.random.Generator, most: int) -> None:
    """Put up to `most` distracting things behind the object: blocks with windows, wheels, poles, fences, bushes."""
    width, height = image.size
    for _ in range(int(rng.integers(0, most + 1))):
        scale = rng.uniform(0.2, 0.45) * height
        x, y = rng.uniform((0, 0.4), (1, 1)) * (width, height)
        thing = CLUTTER[int(rng.integers(len(CLUTTER)))]
        thing(Pen(image, np.array([[scale, 0, x], [0, -scale, y], [0, 0, 1.0]])), rng)


def occlude(image: Image.Image, rng: np.random.Generator, most: int) -> None:
    """Put up to `most` things in front of the object: poles, bushes and bollards that hide a part of it."""
    width, height = image.size
    pen = Pen(image, np.array([[width, 0, 0], [0, -height, height], [0, 0, 1.0]]))
    for _ in range(int(rng.integers(0, most + 1))):
        x, tint = rng.random(), colour(rng, 0.1, 0.9, saturation=0.6)
        kind = rng.integers(3)
        if kind == 0:
            pen.line([(x, 0), (x + rng.normal(0, 0.03), 1)], rng.uniform(0.015, 0.05), tint)
        elif kind == 1:
            for _ in range(3):
                pen.disk(x + rng.normal(0, 0.05), rng.uniform(0.0, 0.3), rng.uniform(0.03, 0.08), tint)
        else:
            pen.box(x, 0, rng.uniform(0.05, 0.16), rng.uniform(0.1, 0.32), tint)
