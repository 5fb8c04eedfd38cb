"""Which images are accepted, and how they are stored."""

import hashlib
import io

import imagehash
import numpy as np
import pytest
from PIL import Image

from collect.candidate import RejectError, RejectReason
from collect.verify import MAX_BYTES, verify
from tests.servers.photos import encode, jpeg, picture, png_bomb, rotated_jpeg

GIF = [picture(i) for i in range(3)]


def transparent(mode: str) -> Image.Image:
    """A picture whose left half is invisible."""
    image = picture(1).convert("RGBA")
    alpha = np.full((120, 160), 255, np.uint8)
    alpha[:, :80] = 0
    image.putalpha(Image.fromarray(alpha))
    return image.quantize(64) if mode == "P" else image.convert(mode)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html></html>", "html"),
        (b"\xef\xbb\xbf  <HTML><body>", "html"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "svg"),
        (b"just some text", "not-an-image"),
        (b"\xff\xd8\xff\xe0" + bytes(3000), "not-an-image"),
        (jpeg(1)[:-900], "truncated"),
        (jpeg(1, 800, 600)[:9000] + np.random.default_rng(0).bytes(9000), "corrupt"),
        (png_bomb(), "too-many-pixels"),
        (b"\xff" * (MAX_BYTES + 1), "too-large"),
        (jpeg(1, 63, 200), "too-small"),
        (jpeg(1, 64 * 21, 64), "too-wide"),
        (encode(GIF[0], "GIF", save_all=True, append_images=GIF[1:]), "animated"),
        (encode(picture(1), "PNG")[:-700], "truncated"),
    ],
)
def test_each_broken_image_is_rejected_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(RejectError) as caught:
        verify(data)
    assert caught.value.reason is RejectReason(reason)
    assert not caught.value.transient


@pytest.mark.parametrize("data", [jpeg(1), jpeg(2, 64, 64), encode(picture(1).convert("L"))])
def test_an_upright_jpeg_is_kept_byte_for_byte(data: bytes) -> None:
    kept = verify(data)
    assert kept.jpeg == data
    assert kept.sha256 == kept.source_sha256 == hashlib.sha256(data).hexdigest()
    assert kept.bytes == len(data)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_rotated_photos_are_stored_upright(orientation: int) -> None:
    kept = verify(rotated_jpeg(1, orientation))
    assert (kept.width, kept.height) == ((120, 160) if orientation >= 5 else (160, 120))
    assert kept.sha256 != kept.source_sha256
    with Image.open(io.BytesIO(kept.jpeg)) as image:
        assert image.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize(
    "data",
    [
        encode(picture(1), "PNG"),
        encode(picture(1), "WEBP", lossless=True),
        encode(picture(1), "BMP"),
        encode(picture(1), "TIFF"),
        encode(picture(1).quantize(256), "PNG"),
        encode(picture(1).convert("CMYK")),
        encode(picture(1).convert("CMYK"), "TIFF"),
    ],
)
def test_other_formats_are_stored_as_the_same_picture_in_jpeg(data: bytes) -> None:
    kept = verify(data)
    with Image.open(io.BytesIO(kept.jpeg)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (160, 120))
        assert np.abs(np.asarray(image, float) - np.asarray(picture(1), float)).mean() < 12


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_become_white(mode: str) -> None:
    with Image.open(io.BytesIO(verify(encode(transparent(mode), "PNG")).jpeg)) as image:
        pixels = np.asarray(image.convert("RGB"), float)
    assert pixels[:, :70].min() > 240
    assert pixels[:, 90:].min() < 128


def test_16_bit_grey_keeps_its_range() -> None:
    grey = np.linspace(0, 65535, 160 * 120, dtype=np.uint16).reshape(120, 160)
    with Image.open(io.BytesIO(verify(encode(Image.fromarray(grey), "PNG")).jpeg)) as image:
        pixels = np.asarray(image.convert("L"), float)
    assert np.abs(pixels - grey / 257).mean() < 3


@pytest.mark.parametrize("seed", range(12))
def test_the_perceptual_hash_agrees_with_imagehash(seed: int) -> None:
    data = jpeg(seed, 100 + 7 * seed, 90) if seed % 2 else encode(picture(seed), "PNG")
    kept = verify(data)
    with Image.open(io.BytesIO(kept.jpeg)) as image:
        assert imagehash.hex_to_hash(kept.phash) - imagehash.phash(image) <= 2
