"""All images of a dataset in one file, made once."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data import decode_images, open_source, pack_images
from bench.errors import VggbenchError
from bench.events import Event, ImagesDone, Note
from collect.manifest import load_rows, write_manifest
from tests.bench.damage import DAMAGES, Damage


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


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_pack_is_named_and_packed_again(damage: Damage, three_classes: Path) -> None:
    source, events = open_source("three", three_classes), list[Event]()
    clean = pack_images(source, 34, events.append).images
    before = np.array(clean)
    path = Path(clean.filename)
    damage(path)
    events.clear()
    pack = pack_images(source, 34, events.append)
    assert pack.is_new
    np.testing.assert_array_equal(pack.images, before)
    [note] = [event for event in events if isinstance(event, Note)]
    assert note.text.startswith(f"{path}: ") and note.text.endswith("; it is made again")
    assert not pack_images(source, 34, events.append).is_new


def test_a_photo_that_changed_since_the_dataset_was_made_is_not_packed(two_classes: Path, tmp_path: Path) -> None:
    shutil.copytree(two_classes / "two", tmp_path / "two")
    write_manifest(tmp_path / "two", load_rows(tmp_path / "two"))
    source = open_source("two", tmp_path)
    car, bicycle = tmp_path / "two/train/car/car_003.jpg", tmp_path / "two/train/bicycle/bicycle_003.jpg"
    photos = car.read_bytes(), bicycle.read_bytes()
    car.write_bytes(photos[1])
    bicycle.write_bytes(photos[0])
    with pytest.raises(VggbenchError, match=r"(car|bicycle)_003\.jpg: changed since the dataset was made; run again"):
        pack_images(source, 33, lambda event: None)
    car.write_bytes(photos[0])
    bicycle.write_bytes(photos[1])
    pack = pack_images(source, 33, lambda event: None)
    assert pack.is_new
    np.testing.assert_array_equal(pack.images, decode_images([source.folder / r.file for r in source.rows], 33))


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
