"""Check one photo: reasons to reject it, the upright JPEG to keep, and its perceptual hash."""

import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

from collect.candidate import RejectError, RejectReason
from collect.verify.decoding import DECODER_ERRORS, decoder_errors, open_photo, quiet_decoders
from collect.verify.jpeg import is_jpeg, read_scans
from collect.verify.metadata import capture, without_private_data
from collect.verify.pixels import decode, orientation

MAX_BYTES = 32 * 2**20
MIN_SIDE, MAX_RATIO = 64, 20
JPEG_QUALITY = 95
STILLS = ("MPO", "HEIF")  # with several pictures they are one photo: the main picture and what a phone adds
THUMB_SIDE = 32
REMOVED = "removed"  # what a row's `metadata` says
COSINES = np.cos(np.pi / THUMB_SIDE * (np.arange(THUMB_SIDE) + 0.5) * np.arange(8)[:, None])  # DCT-II, 8 lowest

# Each comment is atomic. Otherwise the search also tries every way to join two comments into one.
MARKUP = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?>(?:<!--.*?-->\s*)*)<(!doctype\s+)?(\w+)", re.I | re.S
)


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
    facts: dict[str, str]  # `exif_taken`, `camera`, and `metadata` if some was removed


def verify(data: bytes, keep_metadata: bool = False) -> Verified:
    """The JPEG to keep: `data` if it is a valid upright one, else converted, quality 95. Raises RejectError.

    Of a kept JPEG only private metadata is removed, unless `keep_metadata`. A converted one has no metadata.
    """
    scans = _check_container(data)
    image, is_kept = _open(data, scans)
    if is_kept:
        jpeg = data if keep_metadata else without_private_data(data)
    else:
        jpeg, scans = _as_jpeg(decode(image)), 1
    taken, camera = capture(image)  # not before the pixels: Pillow may read those to find it
    source_sha256 = sha256 = hashlib.sha256(data).hexdigest()
    if jpeg is not data:
        image, _ = _open(jpeg, scans)
        sha256 = hashlib.sha256(jpeg).hexdigest()
    thumb = thumbnail(image)
    facts = {"exif_taken": taken, "camera": camera, "metadata": REMOVED if is_kept and jpeg is not data else None}
    return Verified(
        jpeg,
        sha256,
        source_sha256,
        image.width,
        image.height,
        perceptual_hash(thumb),
        thumb.tobytes(),
        len(jpeg),
        {name: value for name, value in facts.items() if value},
    )


def _check_container(data: bytes) -> int | None:
    """The number of scans of a JPEG. Raises RejectError for what is no image, or a JPEG that is broken inside."""
    if not data:
        raise RejectError(RejectReason.EMPTY, "no bytes")
    if len(data) > MAX_BYTES:
        raise RejectError(RejectReason.TOO_LARGE, f"{len(data):,} bytes, at most {MAX_BYTES:,}")
    if markup := MARKUP.match(data[:4096]):
        if markup[2].lower() == b"svg":
            raise RejectError(RejectReason.SVG, "a drawing in SVG, not a photo")
        raise RejectError(RejectReason.HTML, "a web page, not a photo")
    if not is_jpeg(data):
        return None
    scans, position = read_scans(data)
    if position:
        raise RejectError(RejectReason.CORRUPT, f"JPEG data broken at byte {position:,}")
    return scans


def _open(data: bytes, scans: int | None) -> tuple[ImageFile.ImageFile, bool]:
    """The opened image, and whether it is an upright RGB or grey JPEG. Of those all is read, but only grey decoded."""
    image = open_photo(data, scans)
    with decoder_errors():
        if image.format not in STILLS and getattr(image, "is_animated", False):
            raise RejectError(RejectReason.ANIMATED, f"{image.format} with more than one picture")
        short, long = sorted(image.size)
        size = f"{image.width} x {image.height} px"
        if short < MIN_SIDE:
            raise RejectError(RejectReason.TOO_SMALL, f"{size}, shorter side under {MIN_SIDE}")
        if long > MAX_RATIO * short:
            raise RejectError(RejectReason.TOO_WIDE, f"{size}, wider than {MAX_RATIO}:1")
        is_kept = image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L") and orientation(image) == 1
        if is_kept:
            image.draft("L", image.size)
            image.load()
    return image, is_kept


def _as_jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=JPEG_QUALITY, comment=b"")  # Pillow would copy one, and fail if it is long
    return out.getvalue()


def read_thumbnail(path: Path) -> np.ndarray | None:
    """The thumbnail of a stored photo; None if the file cannot be read."""
    try:
        with quiet_decoders(), Image.open(path) as image:
            return thumbnail(image)
    except DECODER_ERRORS:
        return None


def thumbnail(image: Image.Image) -> np.ndarray:
    """The image as 32 x 32 grey pixels, uint8."""
    image.draft("L", image.size)  # if a JPEG is not decoded yet, decode it to grey
    small = image.convert("L").resize((THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(small)


def perceptual_hash(thumb: np.ndarray) -> str:
    """The 64-bit DCT hash of 32 x 32 grey pixels as 16 hex digits, as `imagehash.phash` computes it."""
    low = np.round(COSINES @ thumb @ COSINES.T, 6)  # flat areas give zeros, not rounding noise
    return np.packbits(low > np.median(low)).tobytes().hex()
