"""Classes that lose their photos on the way: an error that names the class, never an empty dataset."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from collect import collect
from collect.datasets import parse_dataset
from collect.errors import ShortfallError, UsageError
from collect.manifest import read_manifest, read_rejected
from tests.collect.test_flickr import photos
from tests.servers.flickr import FlickrServer
from tests.servers.photos import jpeg

Folders = Callable[[str, Mapping[str, list[bytes]]], Path]


def collect_folder(source: Path, **options: Any) -> list[str]:
    """Collect a folder into `data/set` beside it; returns the kept files."""
    dataset = parse_dataset("set", {"source": "folder", "url": str(source), **options}, "test")
    collect(dataset, source.parent / "data", quiet=True)
    return [row.file for row in read_manifest(source.parent / "data/set")]


def refused(source: Path, **options: Any) -> str:
    """The message of a shortfall that leaves no dataset behind."""
    with pytest.raises(ShortfallError) as caught:
        collect_folder(source, **options)
    assert not (source.parent / "data/set/manifest.jsonl").exists()
    assert not (source.parent / "data/set/train").exists()
    return str(caught.value)


def test_photos_that_two_classes_claim_leave_no_empty_dataset(class_folders: Folders, tmp_path: Path) -> None:
    same = [jpeg(i) for i in range(6)]
    source = class_folders("pets", {"cat": same, "dog": same})
    message = refused(source)
    assert "class 'cat' has 0 usable images, needs 2 (rejected: 6 class-conflict; rejected.jsonl says why)" in message
    assert {r.reason for r in read_rejected(tmp_path / "data/set")} == {"class-conflict"}
    assert "class-conflict" in refused(source, train=2, test=1)


def test_a_class_that_loses_all_photos_to_another_is_named(class_folders: Folders) -> None:
    same = [jpeg(i) for i in range(3)]
    source = class_folders("pets", {"cat": [*same, *(jpeg(i) for i in range(10, 20))], "dog": same, "eel": same[:1]})
    assert "class 'dog' has 0 usable images" in refused(source)


def test_a_class_with_one_photo_is_named(class_folders: Folders) -> None:
    photo = jpeg(50)
    source = class_folders("pets", {"cat": [jpeg(i) for i in range(10)], "dog": [photo, photo, photo]})
    assert "class 'dog' has 1 usable image, needs 2 (rejected: 2 exact-duplicate;" in refused(source)
    assert "class 'b' has 1 usable image, needs 2" in refused(class_folders("one", {"b": [photo]}))


def test_a_class_of_one_photographer_is_named_and_can_be_split_by_image(place) -> None:
    with FlickrServer(photos(20, {}, tags=("car",))) as web:
        owners = [f"o{i}" if i < 10 else "Ann" for i in range(20)]
        lines = [f"{web.url}/photo/car{i}.jpg,{'ab'[i // 10]},{owner}" for i, owner in enumerate(owners)]
        (place.folder / "list.csv").write_text("\n".join(["url,class,owner", *lines]))
        command = ("--from", "list.csv", "--name", "x", "--allow-private", "--quiet")
        outcome = place.run(*command)
        assert outcome.code == 3
        assert "class 'b' has no usable test images: all 10 are of one photographer; --split image" in outcome.err
        assert "of 2 classes" in place.good(*command, "--split", "image").out


def test_a_split_as_published_needs_the_splits_that_it_has(class_folders: Folders, tmp_path: Path) -> None:
    source = class_folders("only", {"car": [jpeg(i) for i in range(6)], "bus": [jpeg(i) for i in range(10, 16)]})
    collect_folder(source, train=4, test=0)
    for name, options, counts in (("again", {}, (8, 0)), ("split", {"train": 2, "test": 1}, (4, 2))):
        table = {"source": "manifest", "url": str(tmp_path / "data/set"), **options}
        summary = collect(parse_dataset(name, table, "test"), tmp_path / "data", quiet=True)
        assert tuple(sum(summary.counts[s].values()) for s in ("train", "test")) == counts


def test_a_dataset_of_one_image_is_refused_by_bench_with_a_reason(class_folders: Folders, tmp_path: Path) -> None:
    from bench.data import open_source

    assert collect_folder(class_folders("one", {"car": [jpeg(1)]}), train=1, test=0) == ["train/car/car_0000.jpg"]
    with pytest.raises(UsageError, match="has 1 class; a classifier needs at least two"):
        open_source("set", tmp_path / "data")
