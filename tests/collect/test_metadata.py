"""Metadata: a position and serial numbers never reach a dataset, pixels stay the same, and all else is kept."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from collect.verify import quiet_decoders, verify
from collect.verify.metadata import capture, without_private_data
from tests.servers.photos import encode, jpeg, picture

GPS, MAKER_NOTE, SERIAL, COPYRIGHT = 0x8825, 0x927C, 0xA431, 0x8298
XMP = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:exif='http://ns.adobe.com/exif/1.0/' "
SECRETS = (b"SN-4711", b"GPSLat", b"\x34\x00\x00\x00\x01\x00\x00\x00")


def exif_data(inner: dict[int, object] | None = None, outer: dict[int, object] | None = None) -> Image.Exif:
    """EXIF data with tags of the outer and the inner directory."""
    exif = Image.Exif()
    for tag, value in (outer or {}).items():
        exif[tag] = value
    exif.get_ifd(0x8769).update(inner or {})
    return exif


def phone_jpeg(seed: int, taken: str = "2026:05:01 12:00:00", make: str = "Acme", model: str = "One") -> bytes:
    """A photo as a phone writes it: camera, time, position, serial number."""
    outer = {0x010F: make, 0x0110: model, GPS: {1: "N", 2: (52.0, 31.0, 12.0)}}
    exif = exif_data({0x9003: taken, SERIAL: "SN-4711"}, {tag: value for tag, value in outer.items() if value})
    return encode(picture(seed), quality=85, exif=exif)


def with_segment(data: bytes, code: int, content: bytes) -> bytes:
    """A JPEG with one more segment at its start."""
    return data[:2] + bytes([0xFF, code]) + (len(content) + 2).to_bytes(2) + content + data[2:]


def pixels(data: bytes) -> np.ndarray:
    """The decoded picture."""
    return np.asarray(Image.open(io.BytesIO(data)))


PRIVATE: dict[str, Callable[[bytes], bytes]] = {
    "phone": lambda _: phone_jpeg(7),
    "gps": lambda _: encode(picture(7), quality=85, exif=exif_data(outer={GPS: {1: "N", 2: (52.0, 31.0, 12.0)}})),
    "serial": lambda _: encode(picture(7), quality=85, exif=exif_data({SERIAL: "SN-4711"})),
    "maker note": lambda _: encode(picture(7), quality=85, exif=exif_data({MAKER_NOTE: b"Nikon SN-4711"})),
    "damaged exif": lambda data: with_segment(data, 0xE1, b"Exif\0\0MM\0*\0\0\0\x08\xff\xff SN-4711"),
    "endless exif": lambda data: with_segment(data, 0xE1, b"Exif\0\0MM\0*\0\0\xff\xff SN-4711"),
    "xmp": lambda data: with_segment(data, 0xE1, XMP + b"exif:GPSLatitude='52,31.2N'/>"),
    "xmp serial": lambda data: with_segment(data, 0xE1, XMP + b"aux:SerialNumber='SN-4711'/>"),
    "photoshop": lambda data: with_segment(data, 0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x22\0\0\0\0\0\x08SN-4711 "),
    "comment": lambda data: with_segment(data, 0xFE, b"GPSLatitude=52.5"),
    "unknown": lambda data: with_segment(data, 0xE6, b"GoPro\0SN-4711"),
    "unknown app1": lambda data: with_segment(data, 0xE1, b"FLIR\0SN-4711"),
    "after the end": lambda data: data + b"\0\0\0\x18ftypmp42 SN-4711",
    "second picture": lambda data: data + phone_jpeg(8),
    "progressive": lambda _: (
        with_segment(encode(picture(7), quality=85, progressive=True), 0xE1, XMP + b"GPSLatitude='1'/>") + b"SN-4711"
    ),
}


@pytest.mark.parametrize("kind", PRIVATE)
def test_private_metadata_is_removed_and_no_pixel_changes(kind: str) -> None:
    data = PRIVATE[kind](jpeg(7))
    with quiet_decoders():
        kept, unchanged, before = verify(data), verify(data, keep_metadata=True), pixels(data)
    assert kept.jpeg != data and kept.facts["metadata"] == "removed"
    assert not any(secret in kept.jpeg for secret in SECRETS)
    assert np.array_equal(pixels(kept.jpeg), before)
    assert without_private_data(kept.jpeg) is kept.jpeg
    assert unchanged.jpeg == data and "metadata" not in unchanged.facts
    assert kept.source_sha256 == unchanged.source_sha256 == unchanged.sha256 != kept.sha256
    assert kept.phash == unchanged.phash


HARMLESS: dict[str, bytes] = {
    "plain": jpeg(7),
    "camera": encode(picture(7), exif=exif_data({0x9003: "2026:05:01 12:00:00"}, {0x010F: "Acme", COPYRIGHT: "Ann"})),
    "comment": encode(picture(7), comment=b"made with care"),
    "colour profile": encode(picture(7), icc_profile=bytes(3000)),
    "xmp": with_segment(jpeg(7), 0xE1, XMP + b"dc:rights='Ann'/>"),
    "copyright": with_segment(jpeg(7), 0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x08\x1c\x02t\0\x03Ann"),
    "grey": encode(picture(7).convert("L")),
    "restarts": encode(picture(7), restart_marker_blocks=1),
    "progressive": encode(picture(7), progressive=True),
    "padded": jpeg(7) + bytes(100),
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_a_jpeg_without_private_metadata_is_kept_byte_for_byte(kind: str) -> None:
    kept = verify(HARMLESS[kind])
    assert kept.jpeg == HARMLESS[kind]
    assert "metadata" not in kept.facts


def test_a_converted_photo_has_no_metadata_at_all() -> None:
    exif = exif_data({SERIAL: "SN-4711", 0x9003: "2026:05:01 12:00:00"}, {0x0112: 6, GPS: {1: "N"}, 0x0110: "One"})
    text = PngImagePlugin.PngInfo()
    text.add_text("note", "SN-4711")
    sources = [encode(picture(7), quality=85, exif=exif), encode(picture(7), "PNG", exif=exif, pnginfo=text)]
    for data in [*sources, encode(picture(7), "WEBP", exif=exif)]:
        for keep in (False, True):
            kept = verify(data, keep)
            assert not Image.open(io.BytesIO(kept.jpeg)).getexif() and b"SN-4711" not in kept.jpeg
            assert kept.facts == {"exif_taken": "2026-05-01T12:00:00", "camera": "|one"}


@pytest.mark.parametrize(
    ("inner", "outer", "found"),
    [
        ({0x9003: "2026:05:01 12:00:00"}, {0x010F: "ACME ", 0x0110: "One\0"}, ("2026-05-01T12:00:00", "acme|one")),
        ({0x9003: "2026:05:01 12:00:00", 0x9291: "998"}, {0x010F: "Acme"}, ("2026-05-01T12:00:00", "acme|")),
        ({0x9003: "    :  :     :  :  ", 0x9004: "2026:05:01 12:00:01"}, {}, ("2026-05-01T12:00:01", None)),
        ({}, {0x0132: "2026:05:01 12:00:02", 0x0110: "One"}, ("2026-05-01T12:00:02", "|one")),
        ({}, {0x0132: "2026:05:01 12:00:02"}, (None, None)),
        ({0x9003: "2026:05:01 00:00:00"}, {}, (None, None)),
        ({0x9003: "1970:01:01 01:00:00"}, {}, (None, None)),
        ({0x9003: "yesterday"}, {}, (None, None)),
        ({}, {}, (None, None)),
    ],
)
def test_time_and_camera_are_read_from_what_is_there(inner, outer, found) -> None:
    data = encode(picture(7), exif=exif_data(inner, outer))
    assert capture(Image.open(io.BytesIO(data))) == found
