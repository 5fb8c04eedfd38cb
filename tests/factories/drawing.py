"""Small drawn pictures for run folders: photos, activation maps, filters and Grad-CAM overlays, all seeded."""

from __future__ import annotations

import hashlib
import math
import random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 72


def draw_photo(label: str, rng: random.Random) -> Image.Image:
    """A thumbnail of 72 x 72 px: a car, a bicycle, or for any other label a polygon before a horizon."""
    sky, ground = ([rng.randint(60, 220) for _ in range(3)] for _ in range(2))
    horizon = rng.randint(SIDE // 3, 2 * SIDE // 3)
    ramp = np.linspace(1.15, 0.75, SIDE)[:, None, None]
    pixels = np.where((np.arange(SIDE) < horizon)[:, None, None], sky, ground) * ramp
    pixels = pixels + np.random.default_rng(rng.randrange(2**32)).normal(0, 9, (SIDE, SIDE, 1))
    image = Image.fromarray(np.broadcast_to(pixels, (SIDE, SIDE, 3)).clip(0, 255).astype("uint8"))
    pen, colour = ImageDraw.Draw(image), (rng.randint(20, 235), rng.randint(20, 235), rng.randint(20, 235))
    left, width, base = rng.randint(4, 14), rng.randint(40, 54), rng.randint(46, 60)
    if label == "car":
        _draw_car(pen, colour, left, left + width, base)
    elif label == "bicycle":
        _draw_bicycle(pen, colour, left, left + width, base)
    else:
        _draw_polygon(pen, colour, label, width, base)
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))


Colour = tuple[int, int, int]


def _darker(colour: Colour) -> Colour:
    red, green, blue = colour
    return red // 4, green // 4, blue // 4


def _draw_car(pen: ImageDraw.ImageDraw, colour: Colour, left: int, right: int, base: int) -> None:
    pen.rounded_rectangle((left, base - 16, right, base), 5, colour)
    roof = (left + 9, base - 16, left + 16, base - 27, right - 18, base - 27, right - 8, base - 16)
    pen.polygon(roof, tuple(min(255, c + 40) for c in colour))
    for x in (left + 10, right - 10):
        pen.ellipse((x - 6, base - 6, x + 6, base + 6), (25, 25, 28), (150, 150, 150))


def _draw_bicycle(pen: ImageDraw.ImageDraw, colour: Colour, left: int, right: int, base: int) -> None:
    rear, front, top = left + 11, right - 11, base - 20
    for x in (rear, front):
        pen.ellipse((x - 11, base - 11, x + 11, base + 11), None, _darker(colour), 2)
    pen.line((rear, base, rear + 8, top, front - 4, top, front, base), colour, 2)
    pen.line((rear, base, (rear + front) // 2, base, front - 4, top), colour, 2)
    pen.line((front - 9, top - 5, front - 1, top - 5), _darker(colour), 2)


def _draw_polygon(pen: ImageDraw.ImageDraw, colour: Colour, label: str, width: int, base: int) -> None:
    corners = int(hashlib.sha256(label.encode()).hexdigest(), 16) % 5 + 3
    angles = [2 * math.pi * k / corners for k in range(corners)]
    points = [(SIDE / 2 + width / 2 * math.cos(a), base - 18 + width / 2 * math.sin(a)) for a in angles]
    pen.polygon(points, colour, _darker(colour))


def draw_cam(photo: Image.Image, rng: random.Random) -> Image.Image:
    """The photo with a red spot, as Grad-CAM would lay over it."""
    y, x = np.mgrid[0 : photo.height, 0 : photo.width]
    heat = np.exp(-((x - rng.randint(15, 55)) ** 2 + (y - rng.randint(15, 55)) ** 2) / 300)[..., None]
    return Image.fromarray((np.asarray(photo) * (1 - 0.6 * heat) + np.array([255, 40, 0]) * 0.6 * heat).astype("uint8"))


def draw_activations(photo: Image.Image, side: int, seed: int) -> Image.Image:
    """Sixteen maps of side x side: the photo after random 3 x 3 filters."""
    grey = np.asarray(photo.convert("L").resize((side, side)), float)
    padded = np.pad(grey, 1, "edge")
    rng, tiles = np.random.default_rng(seed), []
    for _ in range(16):
        kernel = rng.normal(0, 1, (3, 3))
        response = sum(kernel[i, j] * padded[i : i + side, j : j + side] for i in range(3) for j in range(3))
        response = np.maximum(response - np.median(response), 0)
        tiles.append(np.repeat((255 * response / (response.max() + 1e-9))[..., None], 3, 2).astype("uint8"))
    return _contact_sheet(tiles, 8, max(1, 24 // side))


def draw_filters(seed: int) -> Image.Image:
    """Sixty-four random first-layer filters of 3 x 3."""
    filters = np.random.default_rng(seed).normal(128, 60, (64, 3, 3, 3)).clip(0, 255).astype("uint8")
    return _contact_sheet(list(filters), 16, 5)


def _contact_sheet(tiles: list[np.ndarray], columns: int, scale: int) -> Image.Image:
    side = tiles[0].shape[0]
    sheet = np.full((-(-len(tiles) // columns) * (side + 1) + 1, columns * (side + 1) + 1, 3), 255, "uint8")
    for i, tile in enumerate(tiles):
        y, x = 1 + i // columns * (side + 1), 1 + i % columns * (side + 1)
        sheet[y : y + side, x : x + side] = tile
    image = Image.fromarray(sheet)
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
