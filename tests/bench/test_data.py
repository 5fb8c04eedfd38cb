"""Which images are used, how they are decoded and packed, and how they are augmented."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data.augment import augment
from bench.data.decode import decode
from bench.data.source import batches, make_split, open_source, pack, seen_in_imagenet, seen_list, select, to_input
from bench.errors import UsageError, VggbenchError
from bench.recipes import make_recipe
from collect.manifest import Row, write_manifest

RECIPE = make_recipe("baseline-cnn", {"size": 32})


def test_subsets_are_nested_and_balanced(two_classes: Path) -> None:
    source = open_source("two", two_classes)
    chosen = {n: set(select(source, replace(RECIPE, train_images=n), 1).train) for n in (4, 10, 24)}
    assert chosen[4] < chosen[10] < chosen[24]
    assert [source.rows[i].class_ for i in chosen[4]].count("car") == 4
    assert chosen[10] != set(select(source, replace(RECIPE, train_images=10), 2).train)
    with pytest.raises(UsageError, match=r"--train-images 25: class 'bicycle' has only 24"):
        select(source, replace(RECIPE, train_images=25), 1)


def test_validation_leaves_the_test_images_alone(two_classes: Path) -> None:
    source = open_source("two", two_classes)
    plain, carved = select(source, RECIPE, 1), select(source, replace(RECIPE, val_fraction=0.25), 1)
    assert not set(carved.test) & set(plain.test)
    assert set(carved.test) | set(carved.train) == set(plain.train)
    assert len(carved.test) == 12


def _row(split: str, name: str, sha256: str = "0") -> Row:
    return Row(
        f"{split}/tench/tench_{name}.jpg", "tench", split, sha256, source_id=f"imagenette2/{split}/n01440764/{name}"
    )


def test_imagenet_train_images_are_told_by_their_names(two_classes: Path) -> None:
    assert seen_in_imagenet(_row("val", "n01440764_10026.JPEG")) is True
    assert seen_in_imagenet(_row("val", "ILSVRC2012_val_00009111.JPEG")) is False
    assert seen_in_imagenet(_row("val", "holiday.jpg")) is None
    source = open_source("two", two_classes)
    names = ("n01440764_1.JPEG", "n01440764_2.JPEG", "ILSVRC2012_val_00000001.JPEG")
    rows = tuple(_row(split, name) for split in ("train", "val") for name in names)
    source = replace(source, rows=rows, classes=("tench",))
    chosen = select(source, RECIPE, 1)
    assert (len(chosen.train), len(chosen.test), chosen.clean) == (3, 3, (False, False, True))
    held = select(source, replace(RECIPE, holdout_clean=True), 1)
    assert (len(held.train), held.extra, held.clean) == (2, (2,), (False, False, True, True))


def test_a_list_of_hashes_tells_what_was_seen(two_classes: Path, tmp_path: Path) -> None:
    source = open_source("two", two_classes)
    first = next(r for r in source.rows if r.split == "test")
    (tmp_path / "seen.txt").write_text(f"{first.sha256}\n")
    seen = seen_list(replace(RECIPE, overlap_list=str(tmp_path / "seen.txt")))
    chosen = select(source, RECIPE, 1, seen)
    assert chosen.clean.count(False) == 1
    assert chosen.clean.count(True) == 15


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: None, "neither a dataset in"),
        (lambda d: [(d / s / "a").mkdir(parents=True) for s in ("train", "test")], "class 'a' has no images"),
        (lambda d: [_save(d / s / "a" / "1.png") for s in ("train", "test")], "at least two"),
        (lambda d: [_save(d / s / "1.png") for s in ("train/a", "train/b", "test/a")], "is not in both"),
    ],
)
def test_a_folder_that_is_no_dataset_says_why(make, message: str, tmp_path: Path) -> None:
    make(tmp_path / "set")
    with pytest.raises(UsageError, match=message):
        open_source(str(tmp_path / "set"), tmp_path)


def _save(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (70, 70)).save(path)


def test_val_is_left_out_beside_test(tmp_path: Path) -> None:
    rows = [Row(f"{s}/{c}/1.jpg", c, s, f"{s}{c}") for s in ("train", "val", "test") for c in ("a", "b")]
    write_manifest(tmp_path / "set", rows)
    assert {r.split for r in open_source("set", tmp_path).rows} == {"train", "test"}
    write_manifest(tmp_path / "set", [r for r in rows if r.split != "test"])
    assert {r.split for r in open_source("set", tmp_path).rows} == {"train", "val"}


def test_packing_keeps_order_and_is_done_once(three_classes: Path) -> None:
    source = open_source("three", three_classes)
    told: list[tuple[int, int]] = []
    images, fresh = pack(source, 36, lambda done, total: told.append((done, total)))
    assert fresh
    assert told[-1] == (54, 54)
    assert images.shape == (54, 36, 36, 3)
    np.testing.assert_array_equal(images, decode([source.folder / row.file for row in source.rows], 36))
    again, fresh = pack(source, 36, lambda done, total: None)
    assert not fresh
    np.testing.assert_array_equal(images, again)


def test_a_damaged_pack_is_named(three_classes: Path) -> None:
    source = open_source("three", three_classes)
    images, _ = pack(source, 34, lambda done, total: None)
    path = Path(images.filename)
    path.write_bytes(b"damaged")
    with pytest.raises(VggbenchError, match=rf"{path.name}: a damaged file of the cache; delete it"):
        pack(source, 34, lambda done, total: None)


def test_an_unreadable_image_is_named_and_leaves_no_pack(tmp_path: Path) -> None:
    for side in ("train", "test"):
        for name in ("a", "b"):
            _save(tmp_path / "set" / side / name / "1.png")
    (tmp_path / "set/train/b/broken.jpg").write_bytes(b"\xff\xd8\xff not a photo")
    source = open_source("set", tmp_path)
    for _ in range(2):
        with pytest.raises(VggbenchError, match=r"broken\.jpg: not a readable image"):
            pack(source, 32, lambda done, total: None)


def test_batches_are_full_and_in_order(three_classes: Path) -> None:
    source = open_source("three", three_classes)
    images, _ = pack(source, 32, lambda done, total: None)
    split = make_split([torch.from_numpy(images)], [5, 1, 9, 30, 2], [0, 1, 2, 0, 1], torch.device("cpu"))
    made = list(batches(split, torch.tensor([4, 0, 2, 1, 3]), 2))
    assert [labels.tolist() for _, labels in made] == [[1, 0], [2, 1]]
    np.testing.assert_array_equal(made[0][0].numpy(), images[[2, 5]])
    inputs = to_input(made[0][0])
    assert inputs.shape == (2, 3, 32, 32)
    assert inputs.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", ["flip", "flip-rotate", "crop"])
def test_augmentation_differs_per_image_and_repeats_with_the_seed(kind: str) -> None:
    one = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    batch = one.repeat(64, 1, 1, 1)
    made = augment(batch, kind, torch.Generator().manual_seed(2))
    assert made.shape == batch.shape
    distinct = len({tuple(m.flatten()[:9].tolist()) for m in made})
    assert distinct == 2 if kind == "flip" else distinct == 64
    assert torch.equal(made, augment(batch, kind, torch.Generator().manual_seed(2)))
    assert torch.equal(augment(batch, "none", torch.Generator()), batch)
