"""A dataset that is collected again after its source has changed: what stands stays where it stands."""

from pathlib import Path

from collect.sources.synthetic.drawing import draw


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


def test_counts_asked_for_later_move_no_photo_and_leaving_them_out_is_refused(place) -> None:
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


def test_leaks_are_the_publishers_however_often_it_is_collected(place) -> None:
    fill(place.folder / "set/train", 0, 20)
    fill(place.folder / "set/test", 16, 28)
    first = place.good("--from", "set", "--name", "pets", "--train", "12", "--test", "4").out
    again = place.good("--from", "set", "--name", "pets", "--train", "14", "--test", "5").out
    assert "as published, 8 of its 24 test files are also in train" in first
    assert "as published, 8 of its 24 test files are also in train" in again
