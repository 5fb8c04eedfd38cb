"""Check one image: full decode under caps, upright orientation, reasons to reject it, perceptual hash."""

import hashlib
import io
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from collect.candidate import RejectError, RejectReason

MAX_BYTES, MAX_PIXELS = 32 * 2**20, 64_000_000
MIN_SIDE, MAX_RATIO = 64, 20
JPEG_QUALITY = 95
THUMB_SIDE = 32
COSINES = np.cos(np.pi / THUMB_SIDE * (np.arange(THUMB_SIDE) + 0.5) * np.arange(8)[:, None])  # DCT-II, 8 lowest

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")  # no EPS: it would run Ghostscript
MARKUP = re.compile(rb"^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(!doctype\s+)?(\w+)", re.I | re.S)

SCAN_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")  # no stuffed byte, no restart
EOI, BETWEEN_SCANS = 0xD9, (0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE)


@dataclass(frozen=True, slots=True)
class Verified:
    """A good photo: the JPEG to keep and its size in bytes, digests in hex, width and height in pixels."""

    jpeg: bytes
    sha256: str
    source_sha256: str
    width: int
    height: int
    phash: str  # 16 hex digits (64 bits)
    thumb: bytes  # the 32 x 32 grey pixels that phash was computed from
    bytes: int


def verify(data: bytes) -> Verified:
    """The JPEG to keep: `data` itself if it is a valid upright one, else converted, quality 95. Raises RejectError."""
    _check_container(data)
    image, is_kept = _open(data)
    jpeg, source_sha256 = data, hashlib.sha256(data).hexdigest()
    if not is_kept:
        jpeg = _as_jpeg(image)
        image, _ = _open(jpeg)
    sha256, thumb = source_sha256 if is_kept else hashlib.sha256(jpeg).hexdigest(), thumbnail(image)
    phash = perceptual_hash(thumb)
    return Verified(jpeg, sha256, source_sha256, image.width, image.height, phash, thumb.tobytes(), len(jpeg))


def _check_container(data: bytes) -> None:
    if not data:
        raise RejectError(RejectReason.EMPTY, "no bytes")
    if len(data) > MAX_BYTES:
        raise RejectError(RejectReason.TOO_LARGE, f"{len(data):,} bytes, at most {MAX_BYTES:,}")
    if markup := MARKUP.match(data[:4096]):
        if markup[2].lower() == b"svg":
            raise RejectError(RejectReason.SVG, "a drawing in SVG, not a photo")
        raise RejectError(RejectReason.HTML, "a web page, not a photo")
    if data.startswith(b"\xff\xd8") and (position := _stray_marker(data)):
        raise RejectError(RejectReason.CORRUPT, f"JPEG data broken at byte {position:,}")


def _stray_marker(data: bytes) -> int | None:
    """Position of a marker that is not allowed in a JPEG's compressed data (ITU T.81, B.1.1); decoders ignore it."""
    start = data.find(b"\xff\xda")
    start += 2 + int.from_bytes(data[start + 2 : start + 4]) if start >= 0 else len(data)
    plain = data[start:].replace(b"\xff\x00", b"")
    if plain[plain.find(b"\xff") :][1:2] == bytes([EOI]):
        return None  # the usual file, one scan without restarts: this check takes a tenth of the time
    while match := SCAN_MARKER.search(data, start):
        marker = data[match.end() - 1]
        if marker == EOI:
            return None
        start = match.end() + int.from_bytes(data[match.end() : match.end() + 2])
        if start > len(data) or (marker not in BETWEEN_SCANS and not 0xE0 <= marker <= 0xEF):
            return match.start()
    return None


def _open(data: bytes) -> tuple[Image.Image, bool]:
    """The decoded image, and whether it is an upright RGB or grey JPEG. Of those all is read, but only grey decoded."""
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
        size = f"{image.width} x {image.height} px"
        if image.width * image.height > MAX_PIXELS:
            raise RejectError(RejectReason.TOO_MANY_PIXELS, f"{size}, at most {MAX_PIXELS:,} pixels")
        if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
            raise RejectError(RejectReason.ANIMATED, f"{image.format} with {getattr(image, 'n_frames', 1)} frames")
        short, long = sorted(image.size)
        if short < MIN_SIDE:
            raise RejectError(RejectReason.TOO_SMALL, f"{size}, shorter side under {MIN_SIDE}")
        if long > MAX_RATIO * short:
            raise RejectError(RejectReason.TOO_WIDE, f"{size}, wider than {MAX_RATIO}:1")
        upright_jpeg = image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L") and _orientation(image) == 1
        if upright_jpeg:
            image.draft("L", image.size)
        image.load()
    except UnidentifiedImageError as err:
        raise RejectError(RejectReason.NOT_AN_IMAGE, f"starts with {data[:8]!r}") from err
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as err:
        raise RejectError(RejectReason.TOO_MANY_PIXELS, f"at most {MAX_PIXELS:,} pixels") from err
    except (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, ArithmeticError) as err:
        # what Pillow's decoders raise on damaged data
        short_of_data = "truncated" in str(err) or isinstance(err, EOFError)
        reason = RejectReason.TRUNCATED if short_of_data else RejectReason.CORRUPT
        raise RejectError(reason, str(err) or type(err).__name__) from err
    return image, upright_jpeg


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 if there is none or it cannot be read."""
    try:
        return int(image.getexif().get(0x0112, 1)) or 1
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, ArithmeticError):
        return 1


def _as_jpeg(image: Image.Image) -> bytes:
    if 2 <= _orientation(image) <= 8:
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16") or image.mode == "I":
        wide = np.asarray(image).astype(np.int64)
        image = Image.fromarray((wide >> (8 if wide.max(initial=0) > 255 else 0)).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        upper = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", upper.size, "white"), upper)
    if image.mode not in ("RGB", "L"):
        image = image.convert("RGB")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def thumbnail(image: Image.Image) -> np.ndarray:
    """The image as 32 x 32 grey pixels, uint8."""
    image.draft("L", image.size)  # if a JPEG is not decoded yet, decode it to grey
    small = image.convert("L").resize((THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(small)


def perceptual_hash(thumb: np.ndarray) -> str:
    """The 64-bit DCT hash of 32 x 32 grey pixels as 16 hex digits, as `imagehash.phash` computes it."""
    low = np.round(COSINES @ thumb @ COSINES.T, 6)  # flat areas give zeros, not rounding noise
    return np.packbits(low > np.median(low)).tobytes().hex()
