"""Seeded photos for tests, as real JPEG and PNG bytes. Different seeds give different photos."""

import io

import numpy as np
from PIL import Image


def picture(seed: int, width: int = 160, height: int = 120) -> Image.Image:
    """A smooth random colour picture. The perceptual hashes of different seeds are far apart."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def encode(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """The bytes of the image in the format `kind`."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(seed: int, width: int = 160, height: int = 120, quality: int = 85) -> bytes:
    """The bytes of `picture(seed, width, height)` as JPEG."""
    return encode(picture(seed, width, height), quality=quality)


def rotated_jpeg(seed: int, orientation: int = 6) -> bytes:
    """A JPEG whose EXIF orientation is not upright."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(picture(seed), quality=85, exif=exif)


def png_bomb() -> bytes:
    """A PNG of 10,000 x 10,000 black pixels in twelve kilobytes."""
    return encode(Image.new("1", (10_000, 10_000)), "PNG", compress_level=9)
