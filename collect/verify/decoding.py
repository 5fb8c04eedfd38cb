"""From bytes to an opened image, under limits that keep every decoder short. bench opens its images here too.

Decoders cannot be interrupted. So what would make one run for long is counted before or while it reads.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from PIL import Image, ImageFile, UnidentifiedImageError

from collect.candidate import RejectError, RejectReason
from collect.verify.jpeg import PROGRESSIVE_FRAME, count_scans, is_jpeg
from collect.verify.signature import is_heic, register_heic

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000"]  # no EPS: it would run Ghostscript
if find_spec("PIL.AvifImagePlugin"):  # Pillow 11.3 and newer
    FORMATS.append("AVIF")

DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow's decoders raise on damaged data, as fuzzing shows."""

MAX_PIXELS = 64_000_000
MAX_SCANNED = 640_000_000  # pixels times scans of a JPEG: each scan visits all pixels
MIN_SCANNED = 10_000  # a scan of fewer pixels takes as long
MAX_JPEG2000 = 16_000_000, 6 * 2**20  # pixels, bytes: ten times slower than the others
MAX_PLAIN_BYTES = 4 * 2**20  # PPM as text
MAX_STRIPS = 100_000  # of a TIFF, or tiles
MAX_PROFILES = 16  # colour profiles of a PNG, each of which may inflate to a megabyte
OPENING_READS, LOADING_READS = 4_000, 200_000  # in Pillow's Python code, which reads each part of a file by itself
STRIP_TAGS = (273, 279, 324, 325)  # offsets and sizes of strips and tiles


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Without Pillow's warnings: verify decides about their causes. Enter it in the main thread, around all others."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")
        yield


class CountedReads(io.BytesIO):
    """A file in memory that ends a decoder's loop over countless tiny parts."""

    left = OPENING_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """As BytesIO. Raises RejectError when no reads are left."""
        self.left -= 1
        if self.left < 0:
            raise RejectError(RejectReason.TOO_COMPLEX, "made of too many parts")
        return super().read(size)


@contextmanager
def decoder_errors() -> Iterator[None]:
    """Turn what a decoder raises into a RejectError that says why."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as err:
        raise RejectError(RejectReason.TOO_MANY_PIXELS, f"at most {MAX_PIXELS:,} pixels") from err
    except DECODER_ERRORS as err:
        short_of_data = "truncated" in str(err) or isinstance(err, EOFError)
        reason = RejectReason.TRUNCATED if short_of_data else RejectReason.CORRUPT
        raise RejectError(reason, str(err) or type(err).__name__) from err


def open_photo(data: bytes, scans: int | None = None) -> ImageFile.ImageFile:
    """An image whose header is read and which is cheap enough to decode. Raises RejectError.

    `scans` are those of a JPEG, if they have been counted.
    """
    if data.startswith((b"II", b"MM")) and (strips := _most_strips(data)) > MAX_STRIPS:
        raise RejectError(RejectReason.TOO_COMPLEX, f"a TIFF of {strips:,} strips, at most {MAX_STRIPS:,}")
    if data.startswith(b"\x89PNG") and data.count(b"iCCP") > MAX_PROFILES:
        raise RejectError(RejectReason.TOO_COMPLEX, f"a PNG with more than {MAX_PROFILES} colour profiles")
    if is_jpeg(data):
        scans = scans or count_scans(data)  # which also limits the parts of its header
    formats = FORMATS
    if is_heic(data):
        register_heic()
        formats = ["HEIF"]
    file = io.BytesIO(data) if scans else CountedReads(data)
    with decoder_errors():
        try:
            image: ImageFile.ImageFile = Image.open(file, formats=formats)
        except UnidentifiedImageError as err:
            raise RejectError(RejectReason.NOT_AN_IMAGE, f"starts with {data[:8]!r}") from err
    _check_cost(image, data, scans or 0)
    if isinstance(file, CountedReads):
        file.left = LOADING_READS
    return image


def _check_cost(image: Image.Image, data: bytes, scans: int) -> None:
    """Raises RejectError for an image that would take too long to decode."""
    pixels, size = image.width * image.height, f"{image.width} x {image.height} px"
    if pixels > MAX_PIXELS:
        raise RejectError(RejectReason.TOO_MANY_PIXELS, f"{size}, at most {MAX_PIXELS:,} pixels")
    if scans > (most := MAX_SCANNED // max(pixels, MIN_SCANNED)):
        raise RejectError(RejectReason.TOO_COMPLEX, f"{scans} scans of {size}, at most {most}")
    if image.format == "TIFF" and image.info.get("compression") == "jpeg" and PROGRESSIVE_FRAME in data:
        raise RejectError(RejectReason.TOO_COMPLEX, "a TIFF of progressive JPEGs")  # each with up to 100 scans
    most_pixels, most_bytes = MAX_JPEG2000
    if image.format == "JPEG2000" and (pixels > most_pixels or len(data) > most_bytes):
        limit = f"at most {most_pixels:,} pixels and {most_bytes:,} bytes"
        raise RejectError(RejectReason.TOO_COMPLEX, f"JPEG 2000 of {size} and {len(data):,} bytes, {limit}")
    if image.format == "PPM" and data[1:2] in b"123" and len(data) > MAX_PLAIN_BYTES:
        raise RejectError(RejectReason.TOO_COMPLEX, f"PPM as text of {len(data):,} bytes, at most {MAX_PLAIN_BYTES:,}")


def _most_strips(data: bytes) -> int:
    """How many strips or tiles the first directory of a TIFF lists; Pillow makes an object of each."""
    order = "<" if data.startswith(b"II") else ">"
    is_big = data[2:3] == b"\x2b"
    head, count, entry = (8, "Q", "HHQQ") if is_big else (4, "H", "HHII")
    try:
        (start,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, head)
        (entries,) = struct.unpack_from(order + count, data, start)
        start += struct.calcsize(order + count)
        end = start + entries * struct.calcsize(order + entry)
        listed = struct.iter_unpack(order + entry, data[start:end])
        return max((number for tag, _, number, _ in listed if tag in STRIP_TAGS), default=0)
    except struct.error:
        return 0  # cut short or damaged, as Pillow will find
