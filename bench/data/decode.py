"""Image files as small RGB squares: JPEGs through simplejpeg (libjpeg-turbo), everything else through Pillow."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import interpolate

from bench.errors import VggbenchError
from bench.neighbours import count_scans, decode_photo, open_photo, photo_errors

try:
    import simplejpeg
except ImportError:  # a checkout without installation: Pillow decodes JPEGs too, more slowly
    simplejpeg = None

DECODER = "Pillow" if simplejpeg is None else "simplejpeg"
_EXIF = b"Exif\0\0"
_SCALES = (8, 4, 2)
_SCAN_BYTES = 10  # of the shortest scan
_QUICK_PIXELS = 64_000_000  # over all scans; what is more goes to Pillow, under the limits of collect


@contextmanager
def image_errors(path: str | Path) -> Iterator[None]:
    """Turn the errors of reading an image into a VggbenchError that names it and says what to do."""
    try:
        with photo_errors():
            yield
    except (OSError, VggbenchError) as err:
        reason = getattr(err, "strerror", None) or err
        advice = "remove it; collect --from FOLDER skips such files"
        raise VggbenchError(f"{path}: not a readable image ({reason}); {advice}") from err


def read_picture(path: str | Path) -> Image.Image:
    """The upright picture of an image file in RGB. Raises VggbenchError that names an unreadable file."""
    with image_errors(path):
        return decode_photo(open_photo(read_file(path))).convert("RGB")


def read_file(path: str | Path) -> bytes:
    """A file's content, in few system calls: each of them gives up Python's lock."""
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, os.fstat(file).st_size)
    finally:
        os.close(file)


def _decode_jpeg(content: bytes, size: int) -> NDArray[np.uint8] | None:
    """A JPEG as RGB (h, w, 3) of at least `size` if possible; None for other formats, EXIF, much work, damage."""
    if simplejpeg is None or not content.startswith(b"\xff\xd8") or _EXIF in content:
        return None
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(content)
        pixels = height * width
        may_be_slow = pixels * len(content) // _SCAN_BYTES > _QUICK_PIXELS
        if pixels > _QUICK_PIXELS or (may_be_slow and pixels * count_scans(content) > _QUICK_PIXELS):
            return None
        scale = next((s for s in _SCALES if min(height, width) >= s * size), 1)
        least = {"min_height": -(-height // scale), "min_width": -(-width // scale)}
        decoded: NDArray[np.uint8] = simplejpeg.decode_jpeg(content, **least)
    except ValueError:
        return None
    return decoded


def _decode_any(content: bytes, size: int) -> NDArray[np.uint8]:
    image = open_photo(content)
    image.draft("RGB", (size, size))
    picture = decode_photo(image).convert("RGB")
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0))


def decode_images(paths: Sequence[str | Path], size: int) -> NDArray[np.uint8]:
    """Image files as upright RGB (n, size, size, 3), resized to squares with antialiasing.

    A JPEG at least twice as large is first decoded at 1/2, 1/4 or 1/8 by libjpeg's scaled transform. Threads help,
    since most work happens without Python's lock. Raises VggbenchError that names an unreadable file.
    """
    same_shape: dict[tuple[int, ...], list[tuple[int, NDArray[np.uint8]]]] = defaultdict(list)
    for i, path in enumerate(paths):
        with image_errors(path):
            content = read_file(path)
            pixels = _decode_jpeg(content, size)
            if pixels is None:
                pixels = _decode_any(content, size)
        same_shape[pixels.shape].append((i, pixels))
    squares = np.empty((len(paths), size, size, 3), np.uint8)
    for members in same_shape.values():
        images = torch.from_numpy(np.stack([pixels for _, pixels in members])).permute(0, 3, 1, 2)
        resized = interpolate(images, size=(size, size), mode="bilinear", antialias=True)
        squares[[i for i, _ in members]] = resized.permute(0, 2, 3, 1).numpy()
    return squares
