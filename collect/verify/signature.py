"""What a file is, by its first bytes. Names do not matter here: phones and servers often give wrong ones."""

import re

from collect.candidate import RejectError, RejectReason

HEAD_BYTES = 64
INSTALL_HEIF = "pip install 'vggbench[heif]'"
# Formats of photos that have a signature of their own. Not TIFF: the raw files of cameras start as one.
SIGNATURES = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51\0", re.S
)
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
AVIF_BRANDS = {b"avif", b"avis"}


def is_photo(head: bytes) -> bool:
    """Whether a file that starts so is an image in a usual format of photos."""
    return bool(SIGNATURES.match(head) or _brands(head) & (HEIC_BRANDS | AVIF_BRANDS))


def is_heic(head: bytes) -> bool:
    """Whether a file that starts so is a HEIC, or another HEIF of the same decoder."""
    brands = _brands(head)
    return bool(brands & HEIC_BRANDS) and not brands & AVIF_BRANDS


def can_read_heic() -> bool:
    """Whether the extra `heif` is installed."""
    try:
        import pillow_heif  # noqa: F401
    except ImportError:
        return False
    return True


def register_heic() -> None:
    """Let Pillow open HEIC, as format HEIF. Raises RejectError if the extra `heif` is not installed."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise RejectError(RejectReason.NEEDS_HEIF, f"a HEIC photo; to read it: {INSTALL_HEIF}") from None
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


def _brands(head: bytes) -> set[bytes]:
    """The brands of an ISO media file (ISO/IEC 14496-12, section 4.3), which name the formats that it follows."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4]), HEAD_BYTES)
    return {head[8:12], *(head[i : i + 4] for i in range(16, end, 4))}
