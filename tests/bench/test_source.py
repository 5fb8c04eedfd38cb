"""Datasets on disk: collected ones, and any folder with train/ and test/."""

from pathlib import Path

import pytest
from PIL import Image

from bench.data import open_source, split_of
from bench.errors import UsageError
from collect.manifest import Row, write_manifest


@pytest.mark.parametrize(
    ("create", "message"),
    [
        (lambda d: None, "neither a dataset in"),
        (lambda d: [(d / s / "a").mkdir(parents=True) for s in ("train", "test")], "class 'a' has no images"),
        (lambda d: [save_image(d / s / "a" / "1.png") for s in ("train", "test")], "at least two"),
        (lambda d: [save_image(d / s / "1.png") for s in ("train/a", "train/b", "test/a")], "is not in both"),
    ],
)
def test_a_folder_that_is_not_a_dataset_is_rejected_with_a_reason(create, message: str, tmp_path: Path) -> None:
    create(tmp_path / "set")
    with pytest.raises(UsageError, match=message):
        open_source(str(tmp_path / "set"), tmp_path)


def save_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (70, 70)).save(path)


def test_val_is_ignored_beside_test_and_is_the_test_set_without_it(tmp_path: Path) -> None:
    rows = [Row(f"{s}/{c}/1.jpg", c, s, f"{s}{c}") for s in ("train", "val", "test") for c in ("a", "b")]
    write_manifest(tmp_path / "set", rows)
    assert {r.split for r in open_source("set", tmp_path).rows} == {"train", "test"}
    write_manifest(tmp_path / "set", [r for r in rows if r.split != "test"])
    assert {r.split for r in open_source("set", tmp_path).rows} == {"train", "val"}
    assert {split_of(r) for r in open_source("set", tmp_path).rows} == {"train", "test"}
