"""Which images are accepted, and how they are stored."""

import hashlib
import io
import time
from collections.abc import Callable
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image

from collect.candidate import RejectError, RejectReason
from collect.verify import MAX_BYTES, read_thumbnail, verify
from tests.factories.damage import damaged_avif, exif_with
from tests.factories.hostile import SLOW, bmp_with_masks, grey_tiff, jpeg_of_scans, png_of_16_bits
from tests.servers.photos import encode, jpeg, picture, png_bomb, rotated_jpeg

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # as in the pipeline

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


def stored_pixels(data: bytes) -> np.ndarray:
    """The grey pixels of what is stored for an image."""
    with Image.open(io.BytesIO(verify(data).jpeg)) as image:
        return np.asarray(image.convert("L"), float)


def ramp(white: int) -> np.ndarray:
    """80 x 64 grey values from 0 to `white`."""
    return np.linspace(0, white, 80 * 64).astype(np.uint16).reshape(64, 80)


def packed_12_bits(values: np.ndarray) -> bytes:
    """Pairs of 12-bit values in three bytes each."""
    even, odd = values.ravel()[::2], values.ravel()[1::2]
    return np.stack([even >> 4, (even & 15) << 4 | odd >> 8, odd & 255], 1).astype(np.uint8).tobytes()


@pytest.mark.parametrize(
    ("data", "brightness"),
    [
        (png_of_16_bits(ramp(65535)), ramp(65535) / 257),
        (png_of_16_bits(ramp(20000)), ramp(20000) / 257),
        (png_of_16_bits(ramp(1023)), ramp(255)),
        (png_of_16_bits(ramp(4095)), ramp(255)),
        (png_of_16_bits(ramp(65535)[..., None].repeat(3, 2)), ramp(255)),
        (grey_tiff(ramp(65535).tobytes(), 16), ramp(255)),
        (grey_tiff(ramp(65535).tobytes(), 16, t262=(3, 1, 0)), 255 - ramp(255)),
        (grey_tiff(packed_12_bits(ramp(3000)), 12), ramp(3000) / 4095 * 255),
        (b"P5 80 64 1023\n" + ramp(1023).astype(">u2").tobytes(), ramp(255)),
        (encode(Image.fromarray(ramp(65535)), "JPEG2000"), ramp(255)),
    ],
    ids=range(10),
)
def test_images_of_more_than_8_bits_keep_their_brightness(data: bytes, brightness: np.ndarray) -> None:
    assert np.abs(stored_pixels(data) - brightness).mean() < 3


@pytest.mark.parametrize(
    "data",
    [
        png_of_16_bits(ramp(1000)),
        png_of_16_bits(ramp(3000)),
        png_of_16_bits(ramp(4095)[..., None].repeat(3, 2)),
        grey_tiff(ramp(30000).astype(np.int32).tobytes(), 32),
        grey_tiff(ramp(30000).tobytes(), 16, t339=(3, 1, 2)),
        grey_tiff(ramp(255).astype(np.uint8).tobytes(), 8, t339=(3, 1, 2)),
        encode(Image.fromarray(ramp(255).astype(np.float32) / 255), "TIFF"),
        encode(Image.fromarray(ramp(255).astype(np.float32) / 255), "PPM"),
        encode(Image.new("RGBA", (80, 64)), "PNG"),
    ],
    ids=range(9),
)
def test_pixels_whose_meaning_is_not_known_are_rejected(data: bytes) -> None:
    with pytest.raises(RejectError) as caught:
        verify(data)
    assert caught.value.reason is RejectReason.UNSUPPORTED


@pytest.mark.parametrize("save", [lambda image: encode(image, "BMP"), bmp_with_masks], ids=["undeclared", "declared"])
def test_a_bmp_is_transparent_only_where_its_alpha_channel_says_so(save: Callable[[Image.Image], bytes]) -> None:
    half = stored_pixels(save(transparent("RGBA")))
    assert half[:, :70].min() > 240
    assert half[:, 90:].min() < 128
    plain = np.asarray(picture(1).convert("L"), float)
    for alpha in (0, 255):  # 0 everywhere: the channel is not in use
        image = picture(1).convert("RGBA")
        image.putalpha(alpha)
        assert np.abs(stored_pixels(save(image)) - plain).mean() < 3


@pytest.mark.parametrize("name", SLOW)
def test_a_file_made_to_keep_a_decoder_busy_is_rejected_at_once(name: str) -> None:
    make, reason = SLOW[name]
    data = make()
    started = time.process_time()
    with pytest.raises(RejectError) as caught:
        verify(data)
    assert caught.value.reason is RejectReason(reason)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("data", "trailer"),
    [
        (encode(picture(1, 400, 300), progressive=True), b""),
        (jpeg_of_scans(60, 400, 300), b""),
        (jpeg(1), b"\xff\xda\0" * 200_000),  # as phones add their videos
    ],
    ids=["10 scans", "60 scans", "scans behind the end"],
)
def test_a_progressive_jpeg_of_usual_size_is_kept(data: bytes, trailer: bytes) -> None:
    assert verify(data + trailer).jpeg == data


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("tag", "type_", "value"),
    [
        (0x010F, 11, b"\0\0\xc0\x7f"),  # Make as a float that is no number
        (0x0128, 2, b"two\0"),  # ResolutionUnit as text
        (0x011A, 4, b"\xff\xff\xff\xff"),  # XResolution as an integer
        (0x0132, 5, b"\xff\xff\xff\xff"),  # DateTime as a fraction outside the data
        (0x9286, 8, b"\xff\xff\xff\xff"),
        (0x8769, 9, b"\xff\xff\xff\xff"),  # the EXIF directory at -1
        (0x02BC, 12, b"\x08\0\0\0"),
    ],
)
def test_a_photo_with_exif_of_wrong_types_is_stored_upright(kind: str, tag: int, type_: int, value: bytes) -> None:
    kept = verify(encode(picture(1), kind, exif=exif_with({tag: (type_, value)}, orientation=6)))
    turned = picture(1).transpose(Image.Transpose.ROTATE_270)
    with Image.open(io.BytesIO(kept.jpeg)) as image:
        assert np.abs(np.asarray(image, float) - np.asarray(turned, float)).mean() < 12


def test_an_orientation_of_a_wrong_type_counts_as_upright() -> None:
    data = encode(picture(1), exif=exif_with({0x0112: (2, b"six\0")}))
    assert verify(data).jpeg == data


@pytest.mark.skipif(damaged_avif() is None, reason="this Pillow reads no AVIF")
def test_a_damaged_avif_is_rejected() -> None:
    with pytest.raises(RejectError) as caught:
        verify(damaged_avif() or b"")
    assert caught.value.reason is RejectReason.CORRUPT


def test_a_comment_longer_than_a_jpeg_allows_is_dropped() -> None:
    with Image.open(io.BytesIO(verify(encode(picture(1), "GIF", comment=b"x" * 70_000)).jpeg)) as image:
        assert not image.info.get("comment")


def test_a_stored_photo_that_was_damaged_has_no_thumbnail(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    for content in (jpeg(1)[:900], rotated_jpeg(1)[:300], damaged_avif() or b"", b"P6 #", b""):
        path.write_bytes(content)
        assert read_thumbnail(path) is None
    assert read_thumbnail(tmp_path / "missing.jpg") is None


@pytest.mark.parametrize("seed", range(12))
def test_the_perceptual_hash_agrees_with_imagehash(seed: int) -> None:
    data = jpeg(seed, 100 + 7 * seed, 90) if seed % 2 else encode(picture(seed), "PNG")
    kept = verify(data)
    with Image.open(io.BytesIO(kept.jpeg)) as image:
        assert imagehash.hex_to_hash(kept.phash) - imagehash.phash(image) <= 2
