"""All images of a dataset in one file, made once."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data import decode_images, open_source, pack_images
from bench.errors import VggbenchError
from bench.events import Event, ImagesDone


def test_packing_keeps_the_order_and_happens_once(three_classes: Path) -> None:
    source = open_source("three", three_classes)
    events: list[Event] = []
    pack = pack_images(source, 36, events.append)
    assert pack.is_new
    assert events[-1] == ImagesDone("packing images", 54, 54)
    assert pack.images.shape == (54, 36, 36, 3)
    files = [source.folder / row.file for row in source.rows]
    np.testing.assert_array_equal(pack.images, decode_images(files, 36))
    again = pack_images(source, 36, events.append)
    assert not again.is_new
    np.testing.assert_array_equal(pack.images, again.images)


def test_a_damaged_pack_is_named(three_classes: Path) -> None:
    source = open_source("three", three_classes)
    path = Path(pack_images(source, 34, lambda event: None).images.filename)
    path.write_bytes(b"damaged")
    with pytest.raises(VggbenchError, match=rf"{path.name}: a damaged file of the cache; delete it"):
        pack_images(source, 34, lambda event: None)


def test_an_unreadable_image_is_named_and_leaves_no_pack(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in ("a", "b"):
            (tmp_path / "set" / split / name).mkdir(parents=True)
            Image.new("RGB", (70, 70)).save(tmp_path / "set" / split / name / "1.png")
    (tmp_path / "set/train/b/broken.jpg").write_bytes(b"\xff\xd8\xff not a photo")
    source = open_source("set", tmp_path)
    for _ in range(2):
        with pytest.raises(VggbenchError, match=r"broken\.jpg: not a readable image"):
            pack_images(source, 32, lambda event: None)
