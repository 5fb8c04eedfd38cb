"""The markers of a JPEG file (ITU T.81, annex B): how many scans it has, and where its compressed data is broken."""

import re

from collect.candidate import RejectError, RejectReason

MAX_SEGMENTS = 256  # before the first scan; an MB of metadata takes 16
MAX_JUNK = 4096  # bytes between two segments, which decoders skip
MAX_MARKERS = 10_000  # between the scans
SOS, EOI = 0xDA, 0xD9
PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
FRAMES = tuple(code for code in range(0xC0, 0xD0) if code not in (0xC4, 0xC8, 0xCC))
BETWEEN_SCANS = (0xC4, 0xCC, SOS, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE)
WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD9))
PROGRESSIVE_FRAME = b"\xff\xc2\0"

# One \xff only: with \xff+ a long run of them takes quadratic time.
HEADER_MARKER = re.compile(rb"\xff[^\x00\xff]")
SCAN_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # no stuffed byte, no restart


def is_jpeg(data: bytes) -> bool:
    """Whether a file starts as a JPEG does."""
    return data.startswith(b"\xff\xd8")


def count_scans(data: bytes) -> int:
    """How many scans a decoder reads. Raises RejectError for more markers than a photo has."""
    return read_scans(data)[0] if _first_scan(data)[1] else 1


def read_scans(data: bytes) -> tuple[int, int | None]:
    """The number of scans, and the position of a marker that compressed data must not contain; decoders ignore it.

    Raises RejectError for more markers than a photo has.
    """
    position, _ = _first_scan(data)
    start = position + 2 + int.from_bytes(data[position + 2 : position + 4])
    plain = data[start:].replace(b"\xff\x00", b"")
    if plain[plain.find(b"\xff") :][1:2] == bytes([EOI]):
        return 1, None  # the usual file, one scan without restarts: this check takes a tenth of the time
    scans = 1
    for _ in range(MAX_MARKERS):
        match = SCAN_MARKER.search(data, start)
        if not match or match[0][1] == EOI:
            return scans, None
        scans += match[0][1] == SOS
        start = match.end() + int.from_bytes(data[match.end() : match.end() + 2])
        if start > len(data) or match[0][1] not in BETWEEN_SCANS:
            return scans, match.start()
    raise RejectError(RejectReason.TOO_COMPLEX, f"a JPEG with more than {MAX_MARKERS:,} markers")


def _first_scan(data: bytes) -> tuple[int, bool]:
    """Position of the first scan's marker, not that of an embedded thumbnail, and whether the image has more scans.

    The position is the end if there is no scan.
    """
    position, components, is_progressive = 2, 0, False
    for _ in range(MAX_SEGMENTS):
        match = HEADER_MARKER.search(data, position)
        if (match.start() if match else len(data)) - position > MAX_JUNK:
            break
        if not match:
            return len(data), False
        code, end = match[0][1], match.end()
        if code == SOS:
            return match.start(), is_progressive or data[end + 2 : end + 3] != bytes([components])
        if code in FRAMES:
            components, is_progressive = int.from_bytes(data[end + 7 : end + 8]), code in PROGRESSIVE
        position = end if code in WITHOUT_LENGTH else end + int.from_bytes(data[end : end + 2])
    limits = f"at most {MAX_SEGMENTS} segments and {MAX_JUNK:,} bytes between two"
    raise RejectError(RejectReason.TOO_COMPLEX, f"the header of this JPEG has too many parts; {limits}")
