"""Which images a run trains on and is measured on."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.data import open_source, read_overlap_list, select_images
from bench.data.select import in_imagenet_train
from bench.errors import UsageError
from bench.recipes import make_recipe
from collect.manifest import Row

RECIPE = make_recipe("baseline-cnn", {"size": 32, "epochs": 1})


def test_subsets_are_nested_and_balanced(two_classes: Path) -> None:
    source = open_source("two", two_classes)
    chosen = {n: set(select_images(source, replace(RECIPE, train_images=n), 1).train) for n in (4, 10, 24)}
    assert chosen[4] < chosen[10] < chosen[24]
    assert [source.rows[i].class_ for i in chosen[4]].count("car") == 4
    assert chosen[10] != set(select_images(source, replace(RECIPE, train_images=10), 2).train)
    with pytest.raises(UsageError, match=r"--train-images 25: class 'bicycle' has only 24"):
        select_images(source, replace(RECIPE, train_images=25), 1)


def test_validation_is_carved_from_train(two_classes: Path) -> None:
    source = open_source("two", two_classes)
    plain, carved = select_images(source, RECIPE, 1), select_images(source, replace(RECIPE, val_fraction=0.25), 1)
    assert carved.test == plain.test
    assert set(carved.validation) | set(carved.train) == set(plain.train)
    assert not set(carved.validation) & set(carved.train)
    assert len(carved.validation) == 12
    assert carved.validation != select_images(source, replace(RECIPE, val_fraction=0.25), 2).validation


def test_validation_of_a_subset_comes_out_of_the_subset(two_classes: Path) -> None:
    source, few = open_source("two", two_classes), replace(RECIPE, train_images=10, val_fraction=0.0)
    carved = select_images(source, replace(few, val_fraction=0.2), 1)
    assert {*carved.train, *carved.validation} == set(select_images(source, few, 1).train)
    assert len(carved.validation) == 4


def _row(split: str, name: str, sha256: str = "0") -> Row:
    return Row(
        f"{split}/tench/tench_{name}.jpg", "tench", split, sha256, source_id=f"imagenette2/{split}/n01440764/{name}"
    )


def test_imagenets_train_images_are_recognised_by_their_names(two_classes: Path) -> None:
    assert in_imagenet_train(_row("val", "n01440764_10026.JPEG")) is True
    assert in_imagenet_train(_row("val", "ILSVRC2012_val_00009111.JPEG")) is False
    assert in_imagenet_train(_row("val", "holiday.jpg")) is None
    source = open_source("two", two_classes)
    names = ("n01440764_1.JPEG", "n01440764_2.JPEG", "ILSVRC2012_val_00000001.JPEG")
    rows = tuple(_row(split, name) for split in ("train", "val") for name in names)
    source = replace(source, rows=rows, classes=("tench",))
    chosen = select_images(source, RECIPE, 1)
    assert (len(chosen.train), len(chosen.test), chosen.clean) == (3, 3, (False, False, True))
    held = select_images(source, replace(RECIPE, holdout_clean=True), 1)
    assert (len(held.train), held.extra, held.clean) == (2, (2,), (False, False, True, True))


def test_an_overlap_list_marks_images_used_in_pretraining(two_classes: Path, tmp_path: Path) -> None:
    source = open_source("two", two_classes)
    first = next(r for r in source.rows if r.split == "test")
    (tmp_path / "seen.txt").write_text(f"{first.sha256}\n")
    pretrained_on = read_overlap_list(replace(RECIPE, overlap_list=str(tmp_path / "seen.txt")))
    chosen = select_images(source, RECIPE, 1, pretrained_on)
    assert chosen.clean.count(False) == 1
    assert chosen.clean.count(True) == 15
