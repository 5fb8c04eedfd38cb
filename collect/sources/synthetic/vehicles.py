"""Side views of ten vehicles in object units: x from -1 (front) to 1, y up, wheels on y = 0."""

import math
from collections.abc import Callable

import numpy as np

from collect.sources.synthetic.pen import INK, Colour, Pen, Point, colour, shade

Outline = Callable[[Pen, np.random.Generator], None]


def _paint(rng: np.random.Generator) -> Colour:
    return colour(rng, 0.25, 1.0)


def _glass(rng: np.random.Generator) -> Colour:
    return shade((120, 150, 175), rng.uniform(0.35, 1.5))


def _tyre(rng: np.random.Generator) -> Colour:
    return shade(INK, rng.uniform(0.6, 1.5))


def _solid_wheel(pen: Pen, rng: np.random.Generator, x: float, radius: float, tyre: Colour, rim: Colour) -> None:
    pen.disk(x, radius, radius, tyre)
    pen.disk(x, radius, radius * 0.62, rim)
    if rng.random() < 0.6:
        pen.spokes((x, radius), radius * 0.6, 5, 0.045, shade(rim, 0.45))
    pen.disk(x, radius, radius * 0.16, shade(rim, 0.5))


def _spoked_wheel(pen: Pen, x: float, radius: float, width: float, spokes: int, colours: tuple[Colour, Colour]) -> None:
    tyre, metal = colours
    pen.spokes((x, radius), radius, spokes, 0.012, metal, 150)
    pen.ring(x, radius, radius - width / 2, width, tyre)
    pen.disk(x, radius, 0.05, shade(metal, 0.7))


def _car(pen: Pen, rng: np.random.Generator) -> None:
    paint, glass, tyre, rim = _paint(rng), _glass(rng), _tyre(rng), colour(rng, 0.4)
    belt, roof, sill, r = rng.uniform(0.38, 0.46), rng.uniform(0.64, 0.84), 0.13, rng.uniform(0.17, 0.23)
    cowl, rear = rng.uniform(-0.58, -0.3), rng.choice((0.62, 0.8, 0.97))
    top_front, top_rear = cowl + rng.uniform(0.18, 0.34), rear - rng.uniform(0.06, 0.3)
    nose = belt - rng.uniform(0.02, 0.12)
    cabin: list[Point] = [(cowl, belt), (top_front, roof), (top_rear, roof), (rear, belt)]
    pen.polygon(cabin, shade(paint, 0.92))
    hood: list[Point] = [(-0.96, sill), (-1, nose - 0.1), (-0.95, nose), (cowl, belt)]
    pen.polygon([*hood, (rear, belt), (0.97, belt - 0.03), (1, sill + 0.1), (0.96, sill)], paint)
    pen.polygon([(-0.97, sill), (-0.99, sill + 0.09), (1, sill + 0.09), (0.97, sill)], shade(paint, 0.6))
    middle = (top_front + top_rear) / 2 + rng.uniform(-0.08, 0.08)
    pane = roof - 0.05
    pen.polygon([(cowl + 0.1, belt), (top_front + 0.03, pane), (middle - 0.02, pane), (middle - 0.02, belt)], glass)
    pen.polygon([(middle + 0.02, belt), (middle + 0.02, pane), (top_rear - 0.03, pane), (rear - 0.09, belt)], glass)
    pen.line([(middle, sill + 0.05), (middle, belt)], 0.015, shade(paint, 0.5))
    for x in (cowl + 0.12, rear - 0.12):
        pen.line([(x, sill + 0.1), (x, belt)], 0.012, shade(paint, 0.6))
    for x in (middle + 0.08, rear - 0.09):
        pen.line([(x, belt - 0.07), (x + 0.09, belt - 0.07)], 0.03, shade(paint, 0.35))
    if rng.random() < 0.4:
        pen.line([(-0.96, belt - 0.14), (0.99, belt - 0.14)], 0.03, _paint(rng))
    if rng.random() < 0.3:
        pen.line([(top_front + 0.06, roof + 0.05), (top_rear - 0.06, roof + 0.05)], 0.025, INK)
        pen.box(top_front + 0.12, roof + 0.05, 0.3, 0.09, _paint(rng))
    pen.polygon([(cowl + 0.08, belt - 0.01), (cowl + 0.08, belt + 0.06), (cowl + 0.16, belt + 0.05)], INK)
    pen.disk(-0.93, nose - 0.07, 0.05, (250, 240, 190))
    pen.box(0.93, belt - 0.13, 0.06, 0.08, (190, 30, 30))
    for x in (-rng.uniform(0.56, 0.64), rng.uniform(0.54, 0.64)):
        pen.disk(x, r, r * 1.18, shade(paint, 0.3))
        _solid_wheel(pen, rng, x, r, tyre, rim)


def _bicycle(pen: Pen, rng: np.random.Generator) -> None:
    paint, tyre, metal = _paint(rng), _tyre(rng), colour(rng, 0.45)
    r, tube, width = rng.uniform(0.36, 0.44), rng.uniform(0.045, 0.085), rng.uniform(0.045, 0.1)
    rear, front = -rng.uniform(0.54, 0.6), rng.uniform(0.55, 0.62)
    crank, seat = (-0.08, r - 0.04), (-0.24, rng.uniform(0.76, 0.92))
    head_low, head = (front - 0.17, r + 0.28), (front - 0.22, r + rng.uniform(0.42, 0.56))
    for x in (rear, front):
        _spoked_wheel(pen, x, r, width, int(rng.integers(6, 12)), (tyre, metal))
        if rng.random() < 0.3:
            arc = [(x + (r + 0.04) * math.cos(t), r + (r + 0.04) * math.sin(t)) for t in np.linspace(0.3, 2.9, 12)]
            pen.line(arc, 0.04, shade(paint, 0.7))
    step_through = rng.random() < 0.3
    joint = (-0.16, r + 0.2) if step_through else (seat[0] + 0.01, seat[1] - 0.06)
    pen.line([(rear, r), crank], tube * 0.8, paint)
    pen.line([(rear, r), (seat[0], seat[1] - 0.06)], tube * 0.7, paint)
    pen.line([crank, seat, (seat[0] - 0.03, seat[1] + 0.09)], tube, paint)
    pen.line([crank, head_low], tube, paint)
    pen.line([joint, head], tube, paint)
    pen.line([head, head_low, (front, r)], tube, paint)
    pen.disk(*crank, 0.09, shade(metal, 0.6))
    turn = rng.uniform(0, math.pi)
    dx, dy = 0.17 * math.cos(turn), 0.17 * math.sin(turn)
    pen.line([(crank[0] - dx, crank[1] - dy), (crank[0] + dx, crank[1] + dy)], 0.03, INK)
    saddle_y = seat[1] + 0.1
    pen.polygon([(seat[0] - 0.16, saddle_y + 0.05), (seat[0] - 0.14, saddle_y - 0.02), (seat[0] + 0.14, saddle_y)], INK)
    stem = (head[0] - 0.02, head[1] + 0.1)
    bars: list[list[Point]] = [
        [stem, (stem[0] + 0.14, stem[1]), (stem[0] + 0.19, stem[1] - 0.1), (stem[0] + 0.08, stem[1] - 0.16)],
        [stem, (stem[0] + 0.05, stem[1] + 0.08), (stem[0] - 0.17, stem[1] + 0.06)],
        [(stem[0] - 0.1, stem[1] + 0.03), (stem[0] + 0.08, stem[1])],
    ]
    pen.line([head, stem], tube, metal)
    pen.line(bars[int(rng.integers(3))], 0.05, INK)
    if rng.random() < 0.2:
        pen.box(front - 0.1, r * 2 + 0.06, 0.34, 0.24, shade(_paint(rng), 0.8), 220)


def _bus(pen: Pen, rng: np.random.Generator) -> None:
    paint, glass, tyre, rim = _paint(rng), _glass(rng), _tyre(rng), colour(rng, 0.4)
    tall, r, panes = rng.uniform(0.75, 0.95), 0.14, int(rng.integers(4, 8))
    pen.polygon([(-1, 0.12), (-0.97, tall), (1, tall), (1, 0.12)], paint)
    pen.box(-1, 0.12, 2, 0.1, shade(paint, 0.6))
    step = 1.5 / panes
    for i in range(panes):
        pen.box(-0.62 + i * step, tall - 0.38, step * 0.85, 0.28, glass)
    pen.box(-0.9, 0.16, 0.2, tall - 0.26, glass)
    pen.line([(-0.6, 0.34), (1, 0.34)], 0.05, shade(paint, 1.5))
    for x in (-0.52, 0.58):
        _solid_wheel(pen, rng, x, r, tyre, rim)


def _truck(pen: Pen, rng: np.random.Generator) -> None:
    paint, cargo, glass, tyre, rim = _paint(rng), _paint(rng), _glass(rng), _tyre(rng), colour(rng, 0.4)
    tall, r = rng.uniform(0.75, 1.05), 0.16
    pen.box(-0.9, 0.16, 1.88, 0.1, INK)
    if rng.random() < 0.7:
        pen.box(-0.4, 0.24, 1.4, tall - 0.24, cargo)
        for x in np.linspace(-0.2, 0.8, 4):
            pen.line([(float(x), 0.26), (float(x), tall - 0.02)], 0.015, shade(cargo, 0.7))
    else:
        pen.polygon([(-0.4, 0.24), (-0.45, 0.62), (1.02, 0.62), (0.95, 0.24)], cargo)
    cab = rng.uniform(0.66, 0.82)
    pen.polygon([(-1, 0.16), (-0.98, 0.45), (-0.86, cab), (-0.47, cab), (-0.47, 0.16)], paint)
    pen.polygon([(-0.93, 0.47), (-0.83, cab - 0.06), (-0.56, cab - 0.06), (-0.56, 0.47)], glass)
    for x in (-0.72, 0.42, 0.78)[: int(rng.integers(2, 4))]:
        _solid_wheel(pen, rng, x, r, tyre, rim)


def _motorcycle(pen: Pen, rng: np.random.Generator) -> None:
    paint, tyre, metal = _paint(rng), _tyre(rng), colour(rng, 0.45)
    r, thick = rng.uniform(0.3, 0.36), rng.uniform(0.11, 0.16)
    for x in (-0.62, 0.64):
        _spoked_wheel(pen, x, r, thick, 7, (tyre, metal))
    pen.line([(0.64, r), (0.34, 0.9)], 0.07, metal)
    pen.line([(-0.62, r), (-0.1, 0.34)], 0.09, INK)
    pen.polygon([(-0.28, 0.24), (-0.24, 0.54), (0.22, 0.54), (0.26, 0.26)], shade(metal, 0.55))
    pen.line([(0.1, 0.24), (-0.35, 0.2), (-0.9, 0.3)], 0.07, shade(metal, 1.3))
    pen.polygon([(-0.16, 0.56), (-0.06, 0.82), (0.26, 0.86), (0.38, 0.66), (0.2, 0.52)], paint)
    pen.polygon([(-0.84, 0.7), (-0.78, 0.8), (-0.12, 0.74), (-0.1, 0.6), (-0.5, 0.56)], INK)
    pen.line([(0.32, 0.92), (0.28, 1.0), (0.1, 1.0)], 0.05, INK)
    pen.disk(0.46, 0.82, 0.1, shade(metal, 1.4))
    pen.line([(0.36, 0.62), (0.64, 0.72), (0.92, 0.6)], 0.06, paint)


def _tractor(pen: Pen, rng: np.random.Generator) -> None:
    paint, glass, tyre, rim = _paint(rng), _glass(rng), _tyre(rng), colour(rng, 0.4)
    big, small = rng.uniform(0.42, 0.52), rng.uniform(0.2, 0.27)
    pen.box(-0.95, 0.34, 1.0, 0.34, paint)
    pen.box(-0.9, 0.26, 1.5, 0.12, INK)
    if rng.random() < 0.75:
        pen.polygon([(-0.02, 0.4), (0.05, 1.16), (0.72, 1.16), (0.76, 0.5)], paint)
        pen.polygon([(0.05, 0.64), (0.11, 1.08), (0.64, 1.08), (0.66, 0.64)], glass)
    else:
        pen.polygon([(0.3, 0.7), (0.34, 0.84), (0.62, 0.84), (0.7, 1.08), (0.78, 0.7)], INK)
        pen.line([(0.0, 0.6), (0.12, 0.94)], 0.04, INK)
    pen.line([(-0.55, 0.66), (-0.55, 1.02)], 0.06, INK)
    _solid_wheel(pen, rng, -0.7, small, tyre, rim)
    _solid_wheel(pen, rng, 0.5, big, tyre, rim)


def _scooter(pen: Pen, rng: np.random.Generator) -> None:
    paint, tyre, metal = _paint(rng), _tyre(rng), colour(rng, 0.45)
    r, tall = rng.uniform(0.11, 0.18), rng.uniform(1.1, 1.4)
    pen.line([(-0.68, r), (-0.4, 0.2), (0.3, 0.2), (0.48, 0.36)], 0.09, paint)
    pen.line([(0.66, r), (0.5, 0.36), (0.34, tall)], 0.07, metal)
    pen.line([(0.2, tall), (0.42, tall + 0.02)], 0.07, INK)
    for x in (-0.72, 0.68):
        _spoked_wheel(pen, x, r, 0.08, 6, (tyre, metal))


def _airplane(pen: Pen, rng: np.random.Generator) -> None:
    paint, trim, glass = _paint(rng), _paint(rng), _glass(rng)
    body = rng.uniform(0.11, 0.16)
    pen.polygon([(0.62, 0.5 + body), (0.86, 1.0), (1.0, 1.0), (0.92, 0.5)], trim)
    top, keel = 0.5 + body, 0.5 - body
    pen.polygon([(-0.85, keel), (-1, 0.5), (-0.85, top), (0.7, top), (1, 0.54), (0.5, keel)], paint)
    pen.polygon([(-0.92, 0.52), (-0.84, 0.5 + body * 0.8), (-0.72, 0.5 + body * 0.8), (-0.72, 0.52)], glass)
    for x in np.linspace(-0.6, 0.55, 9):
        pen.disk(float(x), 0.54, 0.035, glass)
    pen.polygon([(-0.22, 0.47), (0.16, 0.12), (0.34, 0.12), (0.22, 0.47)], shade(trim, 0.8))
    pen.polygon([(0.66, 0.52), (0.88, 0.36), (0.98, 0.36), (0.9, 0.54)], shade(trim, 0.8))
    pen.disk(0.02, 0.28, 0.08, shade(paint, 0.6), flatten=0.7)


def _boat(pen: Pen, rng: np.random.Generator) -> None:
    paint, sail, wood = _paint(rng), _paint(rng), colour(rng, 0.3, 0.8)
    deck = rng.uniform(0.28, 0.38)
    pen.polygon([(-1, deck + 0.06), (-0.7, 0), (0.66, 0), (0.9, deck)], paint)
    pen.line([(-1, deck + 0.06), (0.9, deck)], 0.05, shade(paint, 1.5))
    if rng.random() < 0.6:
        mast = rng.uniform(1.2, 1.5)
        pen.line([(-0.05, deck), (-0.05, mast)], 0.05, wood)
        pen.polygon([(0.0, deck + 0.12), (0.0, mast - 0.04), (0.72, deck + 0.12)], sail)
        pen.polygon([(-0.1, deck + 0.14), (-0.1, mast - 0.2), (-0.78, deck + 0.14)], shade(sail, 0.85))
    else:
        pen.polygon([(-0.45, deck), (-0.3, deck + 0.38), (0.4, deck + 0.38), (0.42, deck)], sail)
        for x in (-0.24, 0.02, 0.24):
            pen.disk(x, deck + 0.2, 0.08, _glass(rng))
        pen.box(0.1, deck + 0.38, 0.18, 0.32, wood)


def _train(pen: Pen, rng: np.random.Generator) -> None:
    paint, trim, glass, tyre = _paint(rng), _paint(rng), _glass(rng), _tyre(rng)
    pen.line([(-1.2, 0.0), (1.2, 0.0)], 0.04, shade(INK, 1.3))
    pen.box(-0.95, 0.26, 1.25, 0.4, paint)
    pen.disk(-0.95, 0.46, 0.2, shade(paint, 0.7))
    pen.box(0.28, 0.2, 0.66, 0.78, trim)
    pen.box(0.38, 0.58, 0.44, 0.28, glass)
    pen.box(0.2, 0.98, 0.82, 0.07, INK)
    pen.polygon([(-0.78, 0.64), (-0.84, 1.05), (-0.56, 1.05), (-0.62, 0.64)], INK)
    pen.disk(-0.25, 0.68, 0.12, trim)
    pen.box(-1.0, 0.18, 1.94, 0.1, shade(INK, 1.2))
    for x in (-0.75, -0.35, 0.05):
        _solid_wheel(pen, rng, x, 0.16, tyre, trim)
    _solid_wheel(pen, rng, 0.6, 0.2, tyre, trim)


# name: what draws it, the height of its middle and how many units across it needs
OUTLINES: dict[str, tuple[Outline, float, float]] = {
    "car": (_car, 0.4, 1.9),
    "bicycle": (_bicycle, 0.52, 2.08),
    "bus": (_bus, 0.45, 2.0),
    "truck": (_truck, 0.48, 2.0),
    "motorcycle": (_motorcycle, 0.5, 2.0),
    "scooter": (_scooter, 0.65, 1.7),
    "tractor": (_tractor, 0.58, 2.0),
    "train": (_train, 0.52, 2.0),
    "airplane": (_airplane, 0.54, 2.0),
    "boat": (_boat, 0.65, 2.0),
}
