"""Image files that would keep a decoder busy for minutes, and images whose pixels are easily read wrong."""

import io
import re
import struct
import zlib

import numpy as np
from PIL import Image

from tests.servers.photos import encode, jpeg, picture

LONG, SHORT, BYTE = 4, 3, 1


def tiff(tags: dict[int, tuple[int, int, int]], pixels: bytes = b"", frames: int = 1) -> bytes:
    """A little-endian TIFF: tag -> (type, count, value), `pixels` at byte 8, as many frames with the same tags."""
    listed = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in sorted(tags.items()))
    directory = struct.pack("<H", len(tags)) + listed
    first, size = 8 + len(pixels), len(directory) + 4
    chain = [struct.pack("<I", first + number * size) for number in range(1, frames)] + [bytes(4)]
    return b"II*\0" + struct.pack("<I", first) + pixels + b"".join(directory + following for following in chain)


def grey_tiff(pixels: bytes, bits: int, frames: int = 1, **more: tuple[int, int, int]) -> bytes:
    """A grey TIFF of 80 x 64 pixels; `more` are tags as t258=(type, count, value)."""
    tags = {256: (SHORT, 1, 80), 257: (SHORT, 1, 64), 258: (SHORT, 1, bits), 262: (SHORT, 1, 1)}
    tags |= {273: (LONG, 1, 8), 278: (SHORT, 1, 64), 279: (LONG, 1, len(pixels))}
    return tiff(tags | {int(name[1:]): value for name, value in more.items()}, pixels, frames)


def tiff_of_strips(count: int) -> bytes:
    """A TIFF that lists so many strips, all the same."""
    pixels = bytes(4 * count)
    return grey_tiff(pixels, 8, t273=(LONG, count, 8), t279=(LONG, count, 8), t278=(SHORT, 1, 1))


def jpeg_of_scans(count: int, width: int, height: int) -> bytes:
    """A progressive JPEG whose last scan is repeated until it has so many."""
    data = encode(Image.new("RGB", (width, height), "gray"), progressive=True)
    starts = [m.start() for m in re.finditer(rb"\xff\xda\x00", data)]
    return data[:-2] + data[starts[-1] : -2] * (count - len(starts)) + b"\xff\xd9"


def jpeg_with(segments: bytes) -> bytes:
    """A photo with these bytes in front of its other segments."""
    data = jpeg(1)
    return data[:2] + segments + data[2:]


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of_profiles(count: int) -> bytes:
    """A PNG with so many colour profiles of a megabyte each."""
    data = encode(picture(1), "PNG")
    profile = chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(2**20 - 1), 9))
    return data[:33] + profile * count + data[33:]


def png_of_16_bits(values: np.ndarray) -> bytes:
    """A PNG of (h, w) grey or (h, w, 3) colour values with 16 bits."""
    height, width = values.shape[:2]
    colour_type = 2 if values.ndim == 3 else 0
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def gif_of_frames(count: int) -> bytes:
    """A GIF that repeats one picture so many times."""
    data = encode(picture(1).quantize(16), "GIF")
    start = data.index(b",\0\0\0\0")
    return data[:start] + data[start:-1] * count + b";"


def gif_of_comments(count: int) -> bytes:
    """A GIF with a comment of so many blocks."""
    data = encode(picture(1).quantize(16), "GIF")
    start = data.index(b",\0\0\0\0")
    return data[:start] + b"!\xfe" + (b"\xff" + b"x" * 255) * count + b"\0" + data[start:]


def jpeg2000_of(width: int, height: int) -> bytes:
    """A JPEG 2000 file whose header gives this size."""
    data = encode(picture(1), "JPEG2000")
    return data.replace(struct.pack(">II", 120, 160), struct.pack(">II", height, width), 1)


def bmp_with_masks(image: Image.Image) -> bytes:
    """An RGBA image as a BMP of version 4, which names the bits of its alpha channel."""
    pixels = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGRA")
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", 108, *image.size, 1, 32, 3, len(pixels), 2835, 2835, 0, 0) + masks + bytes(52)
    return b"BM" + struct.pack("<IHHI", 14 + 108 + len(pixels), 0, 0, 14 + 108) + info + pixels


def plain_ppm(side: int) -> bytes:
    """A colour image of side x side pixels as a PPM in text."""
    out = io.BytesIO(f"P3 {side} {side} 255\n".encode())
    out.seek(0, io.SEEK_END)
    out.write(b"200 " * (3 * side * side))
    return out.getvalue()


SLOW = {
    "comments that never end": (lambda: b"<!--" * 1024, "not-an-image"),
    "comments before no tag": (lambda: b"<!-- x -->" * 400 + b"photo", "not-an-image"),
    "500 scans": (lambda: jpeg_of_scans(500, 2000, 1500), "too-complex"),
    "60,000 scans": (lambda: jpeg_of_scans(60_000, 64, 64), "too-complex"),
    "a run of FF in a scan": (lambda: jpeg(1)[:-400] + b"\xff" * 2_000_000, "truncated"),
    "markers between scans": (lambda: jpeg(1)[:-2] + b"\xff\xfe\0\2" * 2_000_000, "too-complex"),
    "EXIF in many pieces": (lambda: jpeg_with(b"\xff\xe1\0\x0cExif\0\0xxxx" * 200_000), "too-complex"),
    "many comments": (lambda: jpeg_with(b"\xff\xfe\0\2" * 2_000_000), "too-complex"),
    "bytes between segments": (lambda: jpeg_with(b"\xff\xfe\0\2" + bytes(8_000_000)), "too-complex"),
    "TIFF of 80,000 frames": (lambda: grey_tiff(bytes(80 * 64), 8, 80_000), "animated"),
    "TIFF of 1,000,000 strips": (lambda: tiff_of_strips(1_000_000), "too-complex"),
    "GIF of 2,000 frames": (lambda: gif_of_frames(2_000), "animated"),
    "GIF of 40,000 comments": (lambda: gif_of_comments(40_000), "too-complex"),
    "PNG of 500 profiles": (lambda: png_of_profiles(500), "too-complex"),
    "PNG of tiny chunks": (lambda: encode(picture(1), "PNG")[:33] + chunk(b"abCd", b"") * 500_000, "too-complex"),
    "JPEG 2000 of 25 megapixels": (lambda: jpeg2000_of(5000, 5000), "too-complex"),
    "PPM as text": (lambda: plain_ppm(700), "too-complex"),
    "PPM decoded in Python": (lambda: b"P6 2000 2000 254\n" + bytes(12_000_000), "too-complex"),
    "PPM behind a long comment": (lambda: b"P6 #" + bytes(8_000_000) + b"\n64 64 255\n", "too-complex"),
}
"""What it is -> how to make it, and the reason for which `verify` must reject it."""
