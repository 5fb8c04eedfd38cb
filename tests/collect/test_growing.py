"""A dataset that is collected again after its source has changed: photos keep their split."""

from collections import Counter
from pathlib import Path

import pytest

from collect import collect
from collect.audit import check_dataset
from collect.datasets import parse_dataset
from collect.fetch import Gathered
from collect.manifest import read_manifest
from collect.pipeline import _more_needed
from collect.sources.synthetic.drawing import draw
from tests.collect.test_flickr import photos
from tests.servers.flickr import FlickrServer


def fill(folder: Path, first: int, last: int, classes: tuple[str, ...] = ("car", "bicycle")) -> None:
    for name in classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(first, last):
            (folder / name / f"{i}.jpg").write_bytes(draw(name, 5, i))


def sides(place) -> dict[str, str]:
    return {f"{r['class']}/{r['source_id']}": r["split"] for r in place.rows("pets")}


def test_a_class_folder_grows_by_photos_and_by_classes(place) -> None:
    fill(place.folder / "pets", 0, 10)
    place.good("--from", "pets", "--name", "pets")
    before = sides(place)
    fill(place.folder / "pets", 10, 14)
    fill(place.folder / "pets", 0, 6, ("boat",))
    place.good("--from", "pets", "--name", "pets")
    after = sides(place)
    assert len(after) == 34
    assert set(after.values()) == {"train", "test"}
    assert all(after[key] == side for key, side in before.items())
    assert "0 leaks" in place.good("--verify", "pets").out
    assert "upstream_split = false" in (place.folder / "data/pets/dataset.toml").read_text()


def test_counts_given_later_move_no_photo_and_dropping_them_again_is_refused(place) -> None:
    fill(place.folder / "pets", 0, 10)
    place.good("--from", "pets", "--name", "pets")
    before = sides(place)
    place.good("--from", "pets", "--name", "pets", "--train", "6", "--test", "2")
    counted = sides(place)
    assert all(before[key] == side for key, side in counted.items())
    outcome = place.run("--from", "pets", "--name", "pets")
    assert outcome.code == 2
    assert "without counts its photos would change sides" in outcome.err
    assert sides(place) == counted


def test_the_same_command_replaces_photos_and_rows_that_somebody_changed(tmp_path: Path) -> None:
    fill(tmp_path / "pets", 0, 6)
    dataset = parse_dataset("x", {"source": "folder", "url": str(tmp_path / "pets")}, "")
    collect(dataset, tmp_path, quiet=True)
    intact = {r.key: r.sha256 for r in read_manifest(tmp_path / "x")}
    path = tmp_path / "x" / read_manifest(tmp_path / "x")[0].file
    path.write_bytes(bytes(path.stat().st_size))
    assert collect(dataset, tmp_path, quiet=True).changed
    assert check_dataset(tmp_path / "x").passed
    manifest = tmp_path / "x/manifest.jsonl"
    first = read_manifest(manifest)[0].sha256
    manifest.write_text(manifest.read_text().replace(f'"sha256": "{first}"', f'"sha256": "{"0" * 64}"'))
    assert collect(dataset, tmp_path, quiet=True).changed
    assert check_dataset(tmp_path / "x").passed
    assert {r.key: r.sha256 for r in read_manifest(tmp_path / "x")} == intact


def test_a_class_may_have_the_longest_name_of_a_folder(tmp_path: Path) -> None:
    fill(tmp_path / "pets", 0, 5)
    for old, new in (("car", "a" * 255), ("bicycle", "é" * 127)):
        (tmp_path / "pets" / old).rename(tmp_path / "pets" / new)
    collect(parse_dataset("x", {"source": "folder", "url": str(tmp_path / "pets")}, ""), tmp_path, quiet=True)
    assert check_dataset(tmp_path / "x").passed


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "pets", 0, 5)
    (tmp_path / "x/.staged").mkdir(parents=True)
    (tmp_path / "x/CREDITS.md").mkdir()
    dataset = parse_dataset("x", {"source": "folder", "url": str(tmp_path / "pets")}, "")
    for _ in range(2):
        with pytest.raises(OSError, match=r"Is a directory: '.*/x/CREDITS\.md'"):
            collect(dataset, tmp_path, quiet=True)
    (tmp_path / "x/CREDITS.md").rmdir()
    collect(dataset, tmp_path, quiet=True)
    assert check_dataset(tmp_path / "x").passed


def test_published_leaks_are_reported_again_when_the_dataset_grows(place) -> None:
    fill(place.folder / "set/train", 0, 20)
    fill(place.folder / "set/test", 16, 28)
    first = place.good("--from", "set", "--name", "pets", "--train", "12", "--test", "4").out
    again = place.good("--from", "set", "--name", "pets", "--train", "14", "--test", "5").out
    assert "as published, 8 of its 24 test files are also in train" in first
    assert "as published, 8 of its 24 test files are also in train" in again


def test_more_photos_are_gathered_only_of_classes_that_miss_some_and_have_more() -> None:
    missing = Counter({("car", "train"): 3, ("car", "test"): 1, ("bus", "test"): 2})
    gathered = Gathered(("car", "bus", "boat"), [], [], {}, Counter(car=10, bus=8, boat=9), {"bus"})
    needed = {"car": 10, "bus": 10, "boat": 9}
    assert _more_needed(missing, gathered, needed, turn=1) == {"car": 14}
    assert _more_needed(missing, gathered, needed, turn=3) == {"car": 22}
    assert _more_needed(missing, gathered, {"car": None}, turn=1) == {}


def test_new_photos_of_a_training_photographer_are_a_shortfall_of_test_photos(place) -> None:
    with FlickrServer(photos(40, {}, tags=("car",))) as web:
        owners = [f"o{i}" for i in range(10)]
        lines = [f"{web.url}/photo/car{i}.jpg,car,{owner}" for i, owner in enumerate(owners)]
        (place.folder / "list.csv").write_text("\n".join(["url,class,owner", *lines]))
        place.good("--from", "list.csv", "--name", "pets", "--allow-private")
        trained = next(r["owner"] for r in place.rows("pets") if r["split"] == "train")
        lines += [f"{web.url}/photo/car{i}.jpg,car,{trained}" for i in range(10, 40)]
        (place.folder / "list.csv").write_text("\n".join(["url,class,owner", *lines]))
        outcome = place.run("--from", "list.csv", "--name", "pets", "--allow-private")
    assert outcome.code == 3
    assert "no split of whole groups that leaves earlier photos: test needs 6 more" in outcome.err
    assert "--split image" in outcome.err


def test_photos_that_failed_in_a_run_that_ended_in_a_shortfall_are_tried_again(place) -> None:
    with FlickrServer(photos(4, dict.fromkeys(range(4), "503-once"), tags=("car",))) as web:
        urls = [f"{web.url}/photo/car{i}.jpg" for i in range(4)]
        (place.folder / "list.txt").write_text("\n".join(urls))
        for photo in web.photos:
            photo.fault = "503"
        assert place.run("--from", "list.txt", "--name", "pets", "--allow-private").code == 3
        for photo in web.photos:
            photo.fault = None
        place.good("--from", "list.txt", "--name", "pets", "--allow-private")
    assert len(place.rows("pets")) == 4
