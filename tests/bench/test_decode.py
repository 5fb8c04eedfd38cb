"""Image files as squares: the same as Pillow's in every format, and a clear error for broken files."""

import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bench.data import decode_images, read_picture
from bench.errors import VggbenchError
from bench.outcome.facts import trivial_features
from collect.sources.synthetic.drawing import draw
from tests.factories.damage import damaged_avif, exif_with
from tests.factories.hostile import SLOW, png_of_16_bits
from tests.servers.photos import encode, picture


def _photo(path: Path, size: tuple[int, int], mode: str = "RGB", **save: object) -> Path:
    """A smooth photo-like image of this size: a drawing, enlarged."""
    drawn = path.with_suffix(".source.jpg")
    drawn.write_bytes(draw("car", 3, 1))
    with Image.open(drawn) as image:
        image.resize(size, Image.Resampling.BICUBIC).convert(mode).save(path, **save)
    return path


def _by_pillow(path: Path, size: int) -> NDArray[np.int64]:
    with Image.open(path) as image:
        image.draft("RGB", (size, size))
        small = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(small).astype(np.int64)


@pytest.mark.parametrize("size", [(64, 64), (100, 80), (144, 144), (640, 480), (1200, 300), (40, 33)])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_is_decoded_as_by_pillow(tmp_path: Path, size: tuple[int, int], mode: str) -> None:
    path = _photo(tmp_path / "photo.jpg", size, mode, quality=90)
    square = decode_images([path], 64)
    assert square.shape == (1, 64, 64, 3)
    assert square.dtype == np.uint8
    apart = np.abs(square[0] - _by_pillow(path, 64))
    assert apart.max() <= 3
    assert apart.mean() < 1.2


def test_without_simplejpeg_pillow_decodes_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [_photo(tmp_path / f"{i}.jpg", size) for i, size in enumerate([(144, 144), (320, 200)])]
    usual = decode_images(paths, 64).astype(np.int64)
    monkeypatch.setattr("bench.data.decode.simplejpeg", None)
    by_pillow = decode_images(paths, 64)
    assert np.abs(usual - by_pillow).max() <= 3
    for square, path in zip(by_pillow, paths, strict=True):
        np.testing.assert_array_equal(square, _by_pillow(path, 64))


@pytest.mark.parametrize(("name", "mode"), [("a.png", "RGBA"), ("a.png", "P"), ("a.webp", "RGB")])
def test_other_formats_are_decoded_by_pillow(tmp_path: Path, name: str, mode: str) -> None:
    path = _photo(tmp_path / name, (150, 90), mode)
    np.testing.assert_array_equal(decode_images([path], 32)[0], _by_pillow(path, 32))


def test_images_of_many_shapes_keep_their_order(tmp_path: Path) -> None:
    sizes = [(80, 60), (64, 64), (80, 60), (300, 200), (64, 64), (60, 80)]
    paths = [_photo(tmp_path / f"{i}.jpg", size, quality=60 + 5 * i) for i, size in enumerate(sizes)]
    paths.insert(2, _photo(tmp_path / "2.png", (50, 70)))
    together = decode_images(paths, 48)
    for i, path in enumerate(paths):
        np.testing.assert_array_equal(together[i], decode_images([path], 48)[0])
    assert len({square.tobytes() for square in together}) == len(paths)


def test_photos_are_rotated_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (80, 40), "red")
    image.paste("blue", (40, 0, 80, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    pixels = decode_images([tmp_path / "turned.jpg"], 40)[0]
    assert pixels[5, 20, 0] > 200
    assert pixels[35, 20, 2] > 200


def test_a_broken_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    whole = _photo(tmp_path / "whole.jpg", (144, 144)).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_text("no photo")
    for name in ("cut.jpg", "text.jpg", "missing.jpg"):
        with pytest.raises(VggbenchError, match=rf"{name}: not a readable image .*; remove it; collect --from"):
            decode_images([tmp_path / "whole.jpg", tmp_path / name], 32)


def test_a_jpeg_with_too_many_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _photo(tmp_path / "huge.jpg", (300, 200))
    monkeypatch.setattr("bench.data.decode._QUICK_PIXELS", 20_000)
    monkeypatch.setattr("collect.verify.decoding.MAX_PIXELS", 20_000)
    with pytest.raises(VggbenchError, match=r"huge\.jpg: not a readable image .*300 x 200 px, at most 20,000 pixels"):
        decode_images([path], 32)


@pytest.mark.parametrize("name", ["500 scans", "TIFF of 1,000,000 strips", "PNG of 500 profiles", "PPM as text"])
def test_a_file_made_to_keep_a_decoder_busy_is_named_at_once(tmp_path: Path, name: str) -> None:
    make, _ = SLOW[name]
    (tmp_path / "slow.jpg").write_bytes(make())
    started = time.process_time()
    for read in (lambda path: decode_images([path], 32), read_picture, trivial_features):
        with pytest.raises(VggbenchError, match=r"slow\.jpg: not a readable image \(.*; remove it"):
            read(tmp_path / "slow.jpg")
    assert time.process_time() - started < 2


@pytest.mark.parametrize("tag", [{0x010F: (11, b"\0\0\xc0\x7f")}, {0x0128: (2, b"two\0")}])
def test_exif_of_wrong_types_does_not_matter(tmp_path: Path, tag: dict[int, tuple[int, bytes]]) -> None:
    path = tmp_path / "turned.jpg"
    path.write_bytes(encode(picture(1), exif=exif_with(tag, orientation=6)))
    turned = np.asarray(picture(1).transpose(Image.Transpose.ROTATE_270).resize((32, 32), Image.Resampling.BOX))
    assert np.abs(decode_images([path], 32)[0].astype(int) - turned).mean() < 6
    assert read_picture(path).size == (120, 160)


@pytest.mark.skipif(damaged_avif() is None, reason="this Pillow reads no AVIF")
def test_a_damaged_avif_is_named(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(damaged_avif() or b"")
    for read in (lambda path: decode_images([path], 32), read_picture, trivial_features):
        with pytest.raises(VggbenchError, match=r"photo\.jpg: not a readable image \(.*; remove it"):
            read(path)


def test_16_bits_and_transparency_look_as_they_should(tmp_path: Path) -> None:
    grey = np.linspace(0, 65535, 80 * 64).astype(np.uint16).reshape(64, 80)
    (tmp_path / "wide.png").write_bytes(png_of_16_bits(grey))
    (tmp_path / "dark.png").write_bytes(png_of_16_bits(grey // 30))
    Image.new("RGBA", (80, 64), (0, 0, 0, 1)).save(tmp_path / "clear.png")
    assert abs(decode_images([tmp_path / "wide.png"], 32).mean() - 127) < 2
    assert decode_images([tmp_path / "clear.png"], 32).min() > 250
    with pytest.raises(VggbenchError, match=r"dark\.png: .*16 bits up to 2,184: which value is white is not known"):
        decode_images([tmp_path / "dark.png"], 32)
