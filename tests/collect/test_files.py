"""Every file of a folder or archive is accounted for; folders of splits and classes without photos are named."""

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from collect.datasets import ClassSearch, Dataset
from collect.errors import ShortfallError, SourceError, UsageError
from collect.pipeline import collect
from collect.sources.layout import read_layout, split_name
from collect.sources.tree import FileTree, _check_folders
from collect.write import Summary
from tests.collect.conftest import Workplace
from tests.collect.test_archive import zipped
from tests.servers.photos import encode, jpeg, picture

Folders = Callable[[str, dict[str, list[bytes]]], Path]


def collected(data: Path, source: Path, *classes: str, **values: object) -> Summary:
    """Collect from a folder or archive."""
    kind = "folder" if source.is_dir() else "archive"
    named = tuple(ClassSearch(name) for name in classes)
    return collect(Dataset("x", kind, named, url=str(source), **values), data, quiet=True)  # type: ignore[arg-type]


def tree_of(paths: Iterable[str]) -> FileTree:
    """A tree of files whose content does not show what they are."""
    tree = FileTree()
    for path in paths:
        tree.add(path, bytes)
    return tree


def placed(*paths: str) -> dict[str, tuple[str, str | None]]:
    """Class and split of each image."""
    return {p: (at.class_, at.split) for p, at in read_layout(tree_of(paths).images, "root").items()}


def mixed_files() -> dict[str, bytes]:
    """Two classes of photos as a phone leaves them, with everything else that lies around."""
    files = {f"pets/{c}/{i}.jpg": jpeg(100 * k + i) for k, c in enumerate(("cat", "dog")) for i in range(6)}
    return files | {
        "pets/cat/copy.jpg": files["pets/cat/0.jpg"],
        "pets/cat/broken.jpg": jpeg(900)[:-900],
        "pets/cat/download": encode(picture(901), "PNG"),  # no suffix, but a photo
        "pets/dog/clip.MOV": bytes(100),
        "pets/dog/clip2.mov": bytes(100),
        "pets/dog/.DS_Store": b"x",
        "__MACOSX/dog/._1.jpg": b"x",
        "pets/cover.jpg": jpeg(902),
        "pets/README": b"about",
    }


def check_sum(summary: Summary, folder: Path) -> None:
    """The counts add up, and agree with the files of the dataset."""
    files = summary.files
    assert files is not None
    assert files.total == files.kept + files.rejected + sum(files.ignored.values())
    assert files.kept == len((folder / "manifest.jsonl").read_text().splitlines())
    assert files.rejected == len((folder / "rejected.jsonl").read_text().splitlines())


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_every_file_is_kept_rejected_or_ignored(tmp_path: Path, kind: str) -> None:
    source = tmp_path / ("phone" if kind == "folder" else "phone.zip")
    if kind == "zip":
        zipped(source, mixed_files())
    for name, data in mixed_files().items() if kind == "folder" else ():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    summary = collected(tmp_path / "data", source)
    check_sum(summary, tmp_path / "data/x")
    assert summary.as_lines()[-1] == (
        "21 files: 13 kept, 2 rejected, 6 ignored (2 hidden, 2 .mov, 1 without a suffix, 1 outside class folders)"
    )
    assert json.loads(json.dumps(summary.as_values()))["files"]["ignored"][".mov"] == 2


def test_surplus_and_other_classes_are_counted_too(tmp_path: Path, class_folders: Folders) -> None:
    folder = class_folders("photos", {c: [jpeg(100 * k + i) for i in range(6)] for k, c in enumerate("abc")})
    summary = collected(tmp_path / "data", folder, "a", "b", train=3, test=1)
    check_sum(summary, tmp_path / "data/x")
    assert summary.as_lines()[-1] == "18 files: 8 kept, 4 rejected, 6 ignored (6 of other classes)"


def test_links_and_repeated_names_are_counted(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name in [f"{c}/{i}.jpg" for c in "ab" for i in range(3)] + ["a/0.jpg"]:
            info = tarfile.TarInfo(name)
            data = jpeg(ord(name[0]) * 10 + ord(name[2]))
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("a/link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    summary = collected(tmp_path / "data", tmp_path / "x.tar")
    assert summary.as_lines()[-1] == "8 files: 6 kept, 0 rejected, 2 ignored (1 repeated, 1 linked)"


def test_a_folder_with_linked_folders_and_its_own_datasets(tmp_path: Path, class_folders: Folders) -> None:
    folder = class_folders("photos", {"a": [jpeg(i) for i in range(3)], "b": [jpeg(20 + i) for i in range(3)]})
    (tmp_path / "elsewhere").mkdir()
    (folder / "c").symlink_to(tmp_path / "elsewhere")
    (folder / "a/gone.jpg").symlink_to("nowhere")
    for _ in range(2):  # the second run must not take its own dataset for a class
        summary = collected(folder / "data", folder)
        assert sum(counts[c] for counts in summary.counts.values() for c in counts) == 6
    assert set(summary.counts["train"]) == {"a", "b"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every folder")
def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path, class_folders: Folders) -> None:
    folder = class_folders("photos", {"a": [jpeg(1)], "b": [jpeg(2)]})
    (folder / "a").chmod(0)
    with pytest.raises(PermissionError):
        collected(tmp_path / "data", folder)


@pytest.mark.parametrize(
    ("names", "split"),
    [
        (("train", "Train", "TRAINING", "training_set", "Training Set", "train-set"), "train"),
        (("val", "Valid", "validation", "Validation_set"), "val"),
        (("test", "Testing", "test_set", "TESTSET"), "test"),
        (("trains", "contest", "train_station", "valley", "tests", "cat"), None),
    ],
)
def test_folders_of_splits_are_known_by_their_usual_names(names: tuple[str, ...], split: str | None) -> None:
    assert {split_name(name) for name in names} == {split}


@pytest.mark.parametrize(
    ("paths", "places"),
    [
        (["Train/x/1.jpg", "Validation/x/2.jpg", "Test/x/3.jpg"], [("x", "train"), ("x", "val"), ("x", "test")]),
        (["training_set/x/1.jpg", "valid/x/2.jpg"], [("x", "train"), ("x", "test")]),
        (
            ["training_set/training_set/cats/1.jpg", "test_set/test_set/cats/2.jpg"],
            [("cats", "train"), ("cats", "test")],
        ),
        (["train/x/1.jpg", "train/y/2.jpg", "test/3.jpg"], [("x", None), ("y", None)]),
        (["train/cat.0.jpg", "train/dog.0.jpg", "test1/1.jpg"], [("cat", None), ("dog", None)]),
        (
            ["train/car/1.jpg", "train/train/2.jpg", "test/car/3.jpg", "test/train/4.jpg"],  # trains are a class too
            [("car", "train"), ("train", "train"), ("car", "test"), ("train", "test")],
        ),
        (["x.zip/train.zip/train/cat.0.jpg", "x.zip/test1.zip/test1/1.jpg"], [("cat", None)]),
        (["cats.zip/1.jpg", "dogs.tar.gz/2.jpg"], [("cats", None), ("dogs", None)]),
    ],
)
def test_layouts_with_splits(paths: list[str], places: list[tuple[str, str | None]]) -> None:
    assert list(placed(*paths).values()) == places


def check(classes: tuple[str, ...], *paths: str) -> None:
    tree = tree_of(paths)
    named = tuple(ClassSearch(name) for name in classes)
    dataset = Dataset("x", "folder", named, url="my photos")
    _check_folders(read_layout(tree.images, "root"), tree, dataset)


@pytest.mark.parametrize(
    "paths",
    [
        ["Train/1.jpg", "Validation/2.jpg", "Test/3.jpg"],
        ["seg_train/a/1.jpg", "seg_test/a/2.jpg"],
        ["train/1.jpg"],
        ["train images/1.jpg", "test2/2.jpg"],
    ],
)
def test_classes_that_look_like_a_split_are_refused_with_a_way_out(paths: list[str]) -> None:
    with pytest.raises(UsageError, match=r"look.* like parts of a split.*--labels FILE\.csv.*--from 'my photos'"):
        check((), *paths)
    check(("Train", "Validation"), *paths)  # named, they are classes
    check((), "car/1.jpg", "train/2.jpg", "bus/3.jpg")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (["dog/clip.mov", "dog/a/b.mov"], r"class 'dog' has no images \(only 2 \.mov\); .* collect cat --from"),
        (["dog/x.txt", "emu/y.txt"], r"class 'dog' has no images \(only 1 \.txt\); nor has emu;"),
    ],
)
def test_a_class_folder_without_photos_is_named_and_stops(other: list[str], words: str) -> None:
    with pytest.raises(ShortfallError, match=words):
        check((), "cat/1.jpg", *other)
    check(("cat",), "cat/1.jpg", *other)
    check((), "cat/1.jpg", "dog/2.jpg", "readme.txt", ".git/x.txt")


def test_the_rest_is_collected_when_the_classes_are_named(place: Workplace, class_folders: Folders) -> None:
    class_folders("photos", {"cat": [jpeg(i) for i in range(4)], "dog": [jpeg(20 + i) for i in range(4)], "emu": []})
    outcome = place.run("--from", "photos", "--name", "x")
    assert outcome.code == 3
    assert "class 'emu' has no images (it is empty)" in outcome.err
    assert "collect cat dog --from photos --name x" in outcome.err
    place.good("cat", "dog", "--from", "photos", "--name", "x")
    assert {r["class"] for r in place.rows("x")} == {"cat", "dog"}
    assert not (place.folder / "datasets.toml").exists()
    missing = place.run("cat", "cow", "--from", "photos", "--name", "y")
    assert missing.code == 3
    assert "class 'cow' has no images (classes with images: cat, dog)" in missing.err


def test_archives_in_a_folder_are_pointed_to(tmp_path: Path, class_folders: Folders) -> None:
    zipped(class_folders("kaggle", {}).parent / "train.zip", {})
    (tmp_path / "kaggle").mkdir()
    (tmp_path / "train.zip").rename(tmp_path / "kaggle/train.zip")
    with pytest.raises(SourceError, match=r"it holds train\.zip; give one of them to --from"):
        collected(tmp_path / "data", tmp_path / "kaggle")
