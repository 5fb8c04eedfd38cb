"""Datasets on disk: collected ones, and any folder with train/ and test/."""

import os
from pathlib import Path

import pytest
from PIL import Image

from bench.cache import cache_folder
from bench.data import open_source, source, split_of
from bench.errors import UsageError
from collect.manifest import Row, file_sha256, write_manifest


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


def listed(folder: Path, *splits: str) -> list[Row]:
    """The rows of a dataset with two classes and a manifest."""
    rows = []
    for file in (f"{split}/{name}/1.jpg" for split in splits for name in ("a", "b")):
        save_image(folder / file)
        (folder / file).write_bytes((folder / file).read_bytes() + file.encode())
        rows.append(Row(file, file.split("/")[1], file.split("/")[0], file_sha256(folder / file)))
    write_manifest(folder, rows)
    return rows


def replace_by_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [(Path.unlink, "missing"), (lambda p: p.write_bytes(b"x"), "changed"), (replace_by_fifo, "missing")],
)
@pytest.mark.parametrize("is_known", [False, True])
def test_a_dataset_whose_files_are_not_those_of_its_manifest_is_refused(
    change, problem: str, is_known: bool, tmp_path: Path
) -> None:
    listed(tmp_path / "set", "train", "test")
    if is_known:
        open_source("set", tmp_path)
    change(tmp_path / "set/test/b/1.jpg")
    message = rf"1 of 4 files are not what manifest\.jsonl says \(test/b/1\.jpg: {problem}\); `collect --verify set`"
    with pytest.raises(UsageError, match=message):
        open_source("set", tmp_path)


def test_two_files_that_changed_places_are_noticed(tmp_path: Path) -> None:
    rows = listed(tmp_path / "set", "train", "test")
    open_source("set", tmp_path)
    first, second = (tmp_path / "set" / row.file for row in rows[:2])
    assert first.stat().st_size == second.stat().st_size
    first.rename(tmp_path / "x")
    second.rename(first)
    (tmp_path / "x").rename(second)
    with pytest.raises(UsageError, match="2 of 4 files are not what"):
        open_source("set", tmp_path)


def test_files_are_hashed_again_only_if_size_or_times_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, hashed = listed(tmp_path / "set", "train", "test"), []
    monkeypatch.setattr(source, "file_sha256", lambda path: hashed.append(path) or file_sha256(path))
    open_source("set", tmp_path)
    assert len(hashed) == 4
    open_source("set", tmp_path)
    assert len(hashed) == 4
    os.utime(tmp_path / "set" / rows[0].file, (1, 1))  # another clock, or a copy: the content counts
    open_source("set", tmp_path)
    assert hashed[4:] == [tmp_path / "set" / rows[0].file]
    for record in (cache_folder() / "checked").iterdir():
        record.write_bytes(b"\xff" * 100)
    open_source("set", tmp_path)
    assert len(hashed) == 9


def test_val_is_ignored_beside_test_and_is_the_test_set_without_it(tmp_path: Path) -> None:
    rows = listed(tmp_path / "set", "train", "val", "test")
    assert {r.split for r in open_source("set", tmp_path).rows} == {"train", "test"}
    write_manifest(tmp_path / "set", [r for r in rows if r.split != "test"])
    assert {r.split for r in open_source("set", tmp_path).rows} == {"train", "val"}
    assert {split_of(r) for r in open_source("set", tmp_path).rows} == {"train", "test"}
