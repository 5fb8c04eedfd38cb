"""The markers of a JPEG file (ITU T.81, annex B): how many scans it has, and where its compressed data is broken."""

import re

from collect.candidate import RejectError, RejectReason

MAX_SEGMENTS = 256  # before the first scan; an MB of metadata takes 16
MAX_MARKERS = 10_000  # between the scans
SOS, SCAN_START = b"\xff\xda", b"\xff\xda\0"  # a scan's header has fewer than 256 bytes
EOI, BETWEEN_SCANS = 0xD9, (0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE)

# One \xff only: with \xff+ a long run of them takes quadratic time.
HEADER_MARKER = re.compile(rb"\xff[^\x00\xff]")
SCAN_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # no stuffed byte, no restart
WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD9))


def is_jpeg(data: bytes) -> bool:
    """Whether a file starts as a JPEG does."""
    return data.startswith(b"\xff\xd8")


def read_scans(data: bytes) -> tuple[int, int | None]:
    """The number of scans, and the position of a marker that compressed data must not contain; decoders ignore it.

    Raises RejectError for more markers than a photo has.
    """
    position = _first_scan(data)
    start = position + 2 + int.from_bytes(data[position + 2 : position + 4])
    plain = data[start:].replace(b"\xff\x00", b"")
    if plain[plain.find(b"\xff") :][1:2] == bytes([EOI]):
        return 1, None  # the usual file, one scan without restarts: this check takes a tenth of the time
    scans = 1
    for _ in range(MAX_MARKERS):
        match = SCAN_MARKER.search(data, start)
        if not match or data[match.end() - 1] == EOI:
            return scans, None
        marker = data[match.end() - 1]
        scans += marker == SOS[1]
        start = match.end() + int.from_bytes(data[match.end() : match.end() + 2])
        if start > len(data) or (marker not in BETWEEN_SCANS and not 0xE0 <= marker <= 0xEF):
            return scans, match.start()
    raise RejectError(RejectReason.TOO_COMPLEX, f"a JPEG with more than {MAX_MARKERS:,} markers")


def _first_scan(data: bytes) -> int:
    """Position of the first scan's marker, not that of an embedded thumbnail; the end if there is none."""
    position = 2
    for _ in range(MAX_SEGMENTS):
        match = HEADER_MARKER.search(data, position)
        if not match:
            return len(data)
        if match[0] == SOS:
            return match.start()
        length = 0 if match[0][1] in WITHOUT_LENGTH else int.from_bytes(data[match.end() : match.end() + 2])
        position = match.end() + length
    raise RejectError(RejectReason.TOO_COMPLEX, f"a JPEG with more than {MAX_SEGMENTS} segments before its first scan")
