"""Small image files of every format, and seeded ways to damage them."""

import io
import struct
from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np
from PIL import Image

from tests.servers.photos import encode, picture

INTERESTING = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)
EXTREMES = (0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
MOST_DAMAGES = 6

Image.init()
HAS_AVIF = "AVIF" in Image.SAVE  # Pillow 11.3 and newer
HAS_HEIF = find_spec("pillow_heif") is not None  # the extra `heif`


def exif(orientation: int = 6) -> Image.Exif:
    """EXIF data with a value of each usual type."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "Maker"
    tags[0x011A] = 72.5  # a rational
    tags[0x0128] = 2
    tags.get_ifd(0x8769)[0x9003] = "2024:01:02 03:04:05"
    tags.get_ifd(0x8825)[2] = (52.0, 31.0, 12.5)
    return tags


def exif_with(tags: dict[int, tuple[int, bytes]], orientation: int = 6) -> bytes:
    """EXIF data with an orientation and tags of any type: tag -> (TIFF type, the four bytes of its value)."""
    entries = {0x0112: (3, struct.pack("<HH", orientation, 0)), **tags}
    listed = b"".join(struct.pack("<HHI4s", tag, kind, 1, value) for tag, (kind, value) in sorted(entries.items()))
    return b"Exif\0\0II\x2a\0" + struct.pack("<IH", 8, len(entries)) + listed + bytes(4)


def heic(image: Image.Image, **options: object) -> bytes:
    """The image as a phone's HEIC."""
    import pillow_heif

    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, quality=80, **options)
    return out.getvalue()


def damaged_avif() -> bytes | None:
    """An AVIF whose header is intact and whose compressed data is not; None if Pillow reads no AVIF."""
    if not HAS_AVIF:
        return None
    data = encode(picture(1), "AVIF")
    start = data.index(b"mdat") + 4
    return data[:start] + b"\xff" * (len(data) - start)


def sample_images() -> list[bytes]:
    """A small valid file of each format and kind that collect reads."""
    rgb = picture(1, 80, 72)
    grey = rgb.convert("L")
    wide = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    alpha = rgb.convert("RGBA")
    alpha.putalpha(grey)
    images = [
        encode(rgb, exif=exif(1)),
        encode(rgb, exif=exif(6)),
        encode(rgb, progressive=True, exif=exif(8)),
        encode(grey, restart_marker_blocks=4),
        encode(rgb.convert("CMYK")),
        encode(rgb, "MPO", save_all=True, append_images=[picture(2, 80, 72)]),
        encode(rgb, "PNG", exif=exif()),
        encode(alpha, "PNG"),
        encode(wide, "PNG"),
        encode(rgb.quantize(32), "PNG", transparency=3),
        *(encode(rgb, kind, exif=exif_with({0x010F: (11, b"6\0\0\0")})) for kind in ("JPEG", "PNG", "WEBP")),
        encode(rgb, "GIF", comment=b"a comment"),
        encode(rgb, "GIF", save_all=True, append_images=[picture(2, 80, 72)]),
        encode(rgb, "WEBP", exif=exif()),
        encode(alpha, "WEBP", lossless=True),
        encode(rgb, "BMP"),
        encode(alpha, "BMP"),
        encode(grey, "BMP"),
        encode(rgb, "TIFF", exif=exif()),
        encode(wide, "TIFF"),
        encode(rgb, "TIFF", save_all=True, append_images=[picture(2, 80, 72)]),
        *(encode(rgb, "TIFF", compression=c, exif=exif()) for c in ("tiff_lzw", "tiff_adobe_deflate", "jpeg")),
        encode(rgb, "PPM"),
        encode(rgb, "JPEG2000"),
    ]
    images += [encode(rgb, "AVIF", exif=exif())] if HAS_AVIF else []
    return images + ([heic(rgb, exif=exif().tobytes())] if HAS_HEIF else [])


def damaged(data: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """The file with up to six damages, most of them near its beginning, where the headers are."""
    content = bytearray(data)
    for _ in range(int(rng.integers(1, MOST_DAMAGES + 1))):
        if len(content) > 8:
            end = len(content) if rng.random() < 0.4 else min(len(content), 700)
            start = int(rng.integers(0, end))
            DAMAGES[int(rng.integers(len(DAMAGES)))](content, start, others, rng)
    return bytes(content)


def _flip(content: bytearray, start: int, others: Sequence[bytes], rng: np.random.Generator) -> None:
    content[start] ^= 1 << int(rng.integers(8))


def _replace_byte(content: bytearray, start: int, others: Sequence[bytes], rng: np.random.Generator) -> None:
    content[start] = INTERESTING[int(rng.integers(len(INTERESTING)))]


def _replace_number(content: bytearray, start: int, others: Sequence[bytes], rng: np.random.Generator) -> None:
    size = (2, 4)[int(rng.integers(2))]
    value = EXTREMES[int(rng.integers(len(EXTREMES)))] % 256**size
    content[start : start + size] = value.to_bytes(size, ("little", "big")[int(rng.integers(2))])


def _cut_end(content: bytearray, start: int, others: Sequence[bytes], rng: np.random.Generator) -> None:
    if rng.random() < 0.3:
        del content[start:]


def _remove(content: bytearray, start: int, others: Sequence[bytes], rng: np.random.Generator) -> None:
    del content[start : start + int(rng.integers(1, 32))]


def _repeat(content: bytearray, start: int, others: Sequence[bytes], rng: np.random.Generator) -> None:
    piece = content[start : start + int(rng.integers(1, 200))]
    content[start:start] = piece * int(rng.integers(1, 20))


def _insert_noise(content: bytearray, start: int, others: Sequence[bytes], rng: np.random.Generator) -> None:
    content[start:start] = rng.bytes(int(rng.integers(1, 64)))


def _insert_of_another(content: bytearray, start: int, others: Sequence[bytes], rng: np.random.Generator) -> None:
    other = others[int(rng.integers(len(others)))]
    first = int(rng.integers(len(other)))
    content[start : start + 64] = other[first : first + int(rng.integers(1, 300))]


DAMAGES: tuple[Callable[[bytearray, int, list[bytes], np.random.Generator], None], ...] = (
    _flip,
    _flip,
    _replace_byte,
    _replace_byte,
    _replace_number,
    _replace_number,
    _cut_end,
    _remove,
    _repeat,
    _insert_noise,
    _insert_of_another,
)
