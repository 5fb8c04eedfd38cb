"""HEIC and AVIF: recognised by their content, under the same checks as other photos, with and without the extra."""

import io
import struct
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from collect.candidate import RejectError, RejectReason
from collect.verify import is_photo, verify
from tests.collect.conftest import Workplace
from tests.factories.damage import HAS_AVIF, HAS_HEIF, exif, heic
from tests.servers.photos import encode, jpeg, picture

needs_heif = pytest.mark.skipif(not HAS_HEIF, reason="the extra heif is not installed")
needs_avif = pytest.mark.skipif(not HAS_AVIF, reason="this Pillow reads no AVIF")
# The first bytes of a HEIC, which are enough to recognise one; no decoder opens it.
HEIC_HEAD = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"heic", 0, b"mif1", b"heic") + bytes(200)


def hide_heif(folder: Path) -> None:
    """Let `collect`, started in this folder, find no pillow-heif."""
    (folder / "pillow_heif.py").write_text("raise ImportError('hidden by a test')\n")


def resized(data: bytes, width: int, height: int) -> bytes:
    """A HEIC of 160 x 120 pixels whose header states another size."""
    return data.replace(struct.pack(">II", 160, 120), struct.pack(">II", width, height))


def rejection(data: bytes) -> RejectError:
    """Why `verify` rejects an image, within two seconds of processor time."""
    started = time.process_time()
    with pytest.raises(RejectError) as caught:
        verify(data)
    assert time.process_time() - started < 2
    return caught.value


def test_photos_are_recognised_by_content() -> None:
    kinds = ["JPEG", "PNG", "GIF", "WEBP", "JPEG2000", *(["AVIF"] if HAS_AVIF else [])]
    assert all(is_photo(encode(picture(1), kind)[:64]) for kind in kinds)
    assert is_photo(HEIC_HEAD)
    quicktime = struct.pack(">I4s4sI4s", 20, b"ftyp", b"qt  ", 0, b"qt  ")
    raw = encode(picture(1), "TIFF")  # CR2, NEF and DNG start so, and Pillow would find only their thumbnail
    assert not any(is_photo(head) for head in (quicktime, raw[:64], b"", b"a text", b"\0\0\0\x20ftyp"))


@needs_heif
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_heic_is_stored_as_the_same_picture_upright(orientation: int) -> None:
    kept = verify(heic(picture(1), exif=exif(orientation).tobytes()))
    turned = {1: picture(1), 3: picture(1).rotate(180), 6: picture(1).transpose(Image.Transpose.ROTATE_270)}
    with Image.open(io.BytesIO(kept.jpeg)) as image:
        assert (image.format, image.size) == ("JPEG", turned[orientation].size)
        assert image.getexif().get(0x0112, 1) == 1
        assert np.abs(np.asarray(image, float) - np.asarray(turned[orientation], float)).mean() < 12


@needs_heif
def test_a_heic_passes_the_checks_of_every_other_photo() -> None:
    good = heic(picture(1))
    assert rejection(heic(picture(1, 60, 200))).reason is RejectReason.TOO_SMALL
    assert rejection(heic(picture(1, 64 * 21, 64))).reason is RejectReason.TOO_WIDE
    assert rejection(resized(good, 9_000, 9_000)).reason is RejectReason.TOO_MANY_PIXELS
    for data in (resized(good, 80, 80), resized(good, 8_000, 8_000), good[:-300], good[:60], HEIC_HEAD):
        assert rejection(data).reason in (RejectReason.CORRUPT, RejectReason.TRUNCATED, RejectReason.NOT_AN_IMAGE)


@needs_heif
def test_transparent_parts_of_a_heic_become_white() -> None:
    image = picture(1).convert("RGBA")
    image.putalpha(0)
    image.paste(picture(1), (80, 0))
    with Image.open(io.BytesIO(verify(heic(image)).jpeg)) as stored:
        assert np.asarray(stored)[:, :70].min() > 240


def test_without_the_extra_a_heic_is_rejected_with_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    error = rejection(HEIC_HEAD)
    assert error.reason is RejectReason.NEEDS_HEIF
    assert "pip install 'vggbench[heif]'" in error.detail


@needs_heif
@needs_avif
def test_a_folder_of_phone_photos_is_read_whatever_the_names(place: Workplace, class_folders) -> None:
    folder = class_folders("photos", {"cat": [jpeg(i) for i in range(4)], "dog": [jpeg(20 + i) for i in range(4)]})
    for i, name in enumerate(["IMG_1.HEIC", "IMG_2.jpg", "IMG_3", "IMG_4.mov"]):
        (folder / "cat" / name).write_bytes(heic(picture(100 + i)))
    for i, name in enumerate(["a.avif", "b.png", "c"]):
        (folder / "dog" / name).write_bytes(encode(picture(200 + i), "AVIF"))
    place.good("--from", "photos", "--name", "x")
    assert len(place.rows("x")) == 8 + 4 + 3
    assert place.rows("x", "rejected.jsonl") == []


@needs_heif
def test_heic_photos_are_added_once_the_extra_is_installed(place: Workplace, class_folders) -> None:
    folder = class_folders("photos", {"cat": [jpeg(i) for i in range(4)], "dog": [jpeg(20 + i) for i in range(4)]})
    for i in range(2):
        (folder / f"cat/IMG_{i}.HEIC").write_bytes(heic(picture(100 + i)))
    hide_heif(place.folder)
    outcome = place.good("--from", "photos", "--name", "x")
    assert [r["reason"] for r in place.rows("x", "rejected.jsonl")] == ["needs-heif"] * 2
    assert "2 HEIC photos cannot be read without an extra: pip install 'vggbench[heif]'" in outcome.out
    assert "nothing to do" in place.good("--from", "photos", "--name", "x").out
    (place.folder / "pillow_heif.py").unlink()
    place.good("--from", "photos", "--name", "x")
    assert len(place.rows("x")) == 10
    assert "nothing to do" in place.good("--from", "photos", "--name", "x").out


def test_a_class_of_nothing_but_heic_says_what_to_install(place: Workplace, class_folders) -> None:
    folder = class_folders("photos", {"cat": [jpeg(i) for i in range(4)], "dog": []})
    for i in range(3):
        (folder / f"dog/{i}.HEIC").write_bytes(HEIC_HEAD)
    hide_heif(place.folder)
    outcome = place.run("--from", "photos", "--name", "x")
    assert outcome.code == 3
    assert "'dog'" in outcome.err
    assert "3 HEIC photos cannot be read without an extra: pip install 'vggbench[heif]'" in outcome.err
