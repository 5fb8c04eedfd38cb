"""What a photo's metadata says: when and with which camera it was taken, and where. The last is removed from JPEGs.

Segments are cut out as they are (ITU T.81, annex B; CIPA DC-008 for EXIF), so that the pixels stay the same.
"""

import re
import struct
from datetime import datetime

from PIL import Image

from collect.verify.decoding import DECODER_ERRORS
from collect.verify.jpeg import EOI, HEADER_MARKER, SCAN_MARKER, SOS, WITHOUT_LENGTH

MAKE, MODEL, DATE_TIME, TAKEN, DIGITIZED, EXIF_IFD = 0x010F, 0x0110, 0x0132, 0x9003, 0x9004, 0x8769
# GPS, maker note, names and serial numbers of camera, lens and owner, XMP
PRIVATE_TAGS = {0x8825, 0x927C, 0xA430, 0xA431, 0xA435, 0xC62F, 0x02BC}
OLDEST_YEAR = 1990  # a camera whose clock was never set says 1970 or 1980
MOST_LETTERS = 64  # of a camera's name
MOST_DIRECTORIES = 8  # of EXIF data; files have up to four

APP1, APP13, APP15, COMMENT = 0xE1, 0xED, 0xEF, 0xFE
# What a decoder needs or what describes the encoder: JFIF, colour profile, Adobe's colour transform, Ducky.
HARMLESS = {0xE0: (b"JFIF\0", b"JFXX\0"), 0xE2: (b"ICC_PROFILE\0",), 0xEC: (b"Ducky",), 0xEE: (b"Adobe",)}
EXIF, XMP, PHOTOSHOP = b"Exif\0", b"http://ns.adobe.com/x", b"Photoshop 3.0\0"
PRIVATE_TEXT = re.compile(rb"GPS|Serial|8BIM\x04[\x22\x23]", re.I)  # and EXIF data in Photoshop's blocks


def capture(image: Image.Image) -> tuple[str | None, str | None]:
    """When the photo was taken (ISO 8601, whole seconds, the camera's clock) and the camera; None for what is unknown.

    The time at which a program wrote the file counts only if the camera is named beside it.
    """
    try:
        exif = image.getexif()
        inner = exif.get_ifd(EXIF_IFD)
        make, model = (_text(exif.get(tag)) for tag in (MAKE, MODEL))
        dates = [inner.get(TAKEN), inner.get(DIGITIZED), exif.get(DATE_TIME) if make or model else None]
    except DECODER_ERRORS:
        return None, None
    taken = next(filter(None, map(_time, dates)), None)
    return taken, f"{make}|{model}" if make or model else None


def _text(value: object) -> str:
    return " ".join(re.sub(r"[\0|]", " ", str(value or "")[:MOST_LETTERS]).lower().split())


def _time(value: object) -> str | None:
    try:
        time = datetime.strptime(str(value or "").strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    is_set = time.year >= OLDEST_YEAR and (time.hour, time.minute, time.second) != (0, 0, 0)  # else a date alone
    return time.isoformat() if is_set else None


def without_private_data(data: bytes) -> bytes:
    """A JPEG without the segments that hold or may hold a position, a serial number or a name of its owner.

    What comes after the end of the picture is removed too: phones put videos and second pictures there, with metadata
    of their own. The result is `data` itself if nothing had to be removed.
    """
    segments, end = _segments(data)
    private = [(start, stop) for code, start, stop in segments if _is_private(code, data[start + 4 : stop])]
    if data[end:].strip(b"\0"):
        private.append((end, len(data)))
    parts, position = [], 0
    for start, stop in private:
        parts.append(data[position:start])
        position = stop
    return b"".join([*parts, data[position:]]) if private else data


def _segments(data: bytes) -> tuple[list[tuple[int, int, int]], int]:
    """Code, start and end of each segment, and where the picture ends."""
    found: list[tuple[int, int, int]] = []
    position, pattern = 2, HEADER_MARKER
    while match := pattern.search(data, position):
        code, position = match[0][1], match.end()
        if code == EOI:
            return found, position
        if code not in WITHOUT_LENGTH:
            position += int.from_bytes(data[position : position + 2])
            found.append((code, match.start(), min(position, len(data))))
        if code == SOS:
            pattern = SCAN_MARKER
    return found, len(data)


def _is_private(code: int, content: bytes) -> bool:
    if code == COMMENT or (code == APP13 and content.startswith(PHOTOSHOP)):
        return PRIVATE_TEXT.search(content) is not None
    if code == APP1 and content.startswith(EXIF):
        return _has_private_tag(content[6:])
    if code == APP1 and content.startswith(XMP):
        return PRIVATE_TEXT.search(content) is not None
    if 0xE0 <= code <= APP15:
        return not content.startswith(HARMLESS.get(code, ()))
    return False


def _has_private_tag(tiff: bytes) -> bool:
    """Whether EXIF data has a tag of PRIVATE_TAGS, or is damaged so that it may have one."""
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        pending, done = [struct.unpack_from(order + "I", tiff, 4)[0]], set()
        while pending:
            start = pending.pop()
            if start == 0 or start in done:
                continue
            done.add(start)
            (number,) = struct.unpack_from(order + "H", tiff, start)
            entries = tiff[start + 2 : start + 2 + 12 * number]
            if len(entries) < 12 * number or len(done) > MOST_DIRECTORIES:
                return True
            for tag, _, _, value in struct.iter_unpack(order + "HHII", entries):
                if tag in PRIVATE_TAGS:
                    return True
                if tag == EXIF_IFD:
                    pending.append(value)
            rest = tiff[start + 2 + 12 * number :][:4]  # some programs leave out the offset of the next directory
            pending += struct.unpack(order + "I", rest) if len(rest) == 4 else ()
    except struct.error:
        return True
    return False
