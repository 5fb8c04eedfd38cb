"""Drawn vehicles for the offline dataset: ten classes in random pose, light and surroundings, seeded per image."""

import hashlib
import io

import numpy as np
from PIL import Image

from collect.errors import UsageError
from collect.sources.synthetic.pen import Matrix, Pen
from collect.sources.synthetic.scene import backdrop, clutter, occlude
from collect.sources.synthetic.vehicles import OUTLINES

SUPERSAMPLING = 2
CLASSES: tuple[str, ...] = tuple(OUTLINES)


def draw(class_name: str, seed: int, index: int) -> bytes:
    """A drawn photo: a JPEG, RGB, 80 to 112 px a side, the same for the same arguments. Raises UsageError."""
    if class_name not in OUTLINES:
        raise UsageError(f"synthetic: no drawing of {class_name!r}; choose from {', '.join(CLASSES)}")
    outline, centre_y, extent = OUTLINES[class_name]
    key = hashlib.sha256(f"{class_name}/{seed}/{index}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(key, "big"))
    # As with photos, most pictures are clear and a few are hard: one number controls everything that hides the object.
    murk = rng.random() ** 2
    width, height = int(rng.integers(88, 113)), int(rng.integers(80, 101))
    size = (SUPERSAMPLING * width, SUPERSAMPLING * height)
    image = backdrop(rng, width, height).resize(size)
    clutter(image, rng, most=1 + round(3 * murk))
    pen = Pen(image, pose(rng, *size, centre_y, extent))
    if rng.random() < 0.7:
        pen.disk(0, 0.02, 0.95, (0, 0, 0), 90, flatten=0.08)
    outline(pen, rng)
    occlude(image, rng, most=1 + round(2 * murk))
    return photograph(image, rng, murk)


def pose(rng: np.random.Generator, width: int, height: int, centre_y: float, extent: float) -> Matrix:
    """A random view. `width` and `height` are pixels, `centre_y` and `extent` (which must fit) object units."""
    from skimage.transform import AffineTransform, ProjectiveTransform

    scale = rng.uniform(0.7, 1.1) * min(width, height) / extent
    flip = rng.choice((-1.0, 1.0))
    slack_x, slack_y = (max(0.0, side - 0.9 * scale * extent) / 2 for side in (width, height))
    centre = (width / 2 + rng.uniform(-slack_x, slack_x), height / 2 + rng.uniform(-slack_y, slack_y))
    to_middle = AffineTransform(translation=(0, -centre_y))
    foreshorten = AffineTransform(scale=(rng.uniform(0.78, 1.0), 1.0), shear=(rng.normal(0, 0.05), 0))
    lean = ProjectiveTransform(np.array([[1, 0, 0], [rng.normal(0, 0.06), 1, 0], [rng.uniform(-0.2, 0.2), 0, 1]]))
    to_pixels = AffineTransform(scale=(flip * scale, -scale), translation=centre)
    turn = AffineTransform(rotation=float(np.clip(rng.normal(0, 0.1), -0.3, 0.3)))
    view: Matrix = (to_middle + foreshorten + lean + turn + to_pixels).params
    return view


def photograph(image: Image.Image, rng: np.random.Generator, murk: float) -> bytes:
    """Reduce the supersampled `image`, add uneven light, then haze, blur and noise by `murk` (0 to 1); JPEG bytes."""
    from skimage.filters import gaussian
    from skimage.util import random_noise

    picture = np.asarray(image.reduce(SUPERSAMPLING), dtype=np.float32) / 255
    height, width = picture.shape[:2]
    slope_x, slope_y = rng.uniform(-0.25, 0.25, 2)
    light = 1 + slope_x * np.linspace(-1, 1, width)[None, :] + slope_y * np.linspace(-1, 1, height)[:, None]
    contrast = rng.uniform(0.85, 1.1) - 0.45 * murk
    picture = (rng.uniform(0.42, 0.58) + contrast * (picture - 0.5)) * light[..., None].astype(np.float32)
    picture = gaussian(np.clip(picture, 0, 1), rng.uniform(0.1, 0.4 + 0.8 * murk), channel_axis=-1, truncate=2.5)
    picture = random_noise(picture, "gaussian", rng=rng, var=rng.uniform(0.004, 0.015 + 0.05 * murk) ** 2)
    out = io.BytesIO()
    Image.fromarray((picture * 255).round().astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()
