"""Photos removed by hand: they leave at once or with the next run, and neither they nor copies of them come back."""

from pathlib import Path

import pytest

from tests.collect.test_flickr import photos
from tests.servers.flickr import FlickrServer
from tests.servers.photos import encode, jpeg, picture


def fill(folder: Path, per_class: int = 10) -> None:
    """A folder of two classes."""
    for k, name in enumerate(("cup", "pen")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(per_class):
            (folder / name / f"{i}.jpg").write_bytes(jpeg(100 * k + i))


def dropped(place, name: str = "x") -> set[str]:
    """The ids of the photos that rejected.jsonl lists as dropped."""
    return {r["source_id"] for r in place.rows(name, "rejected.jsonl") if r["reason"] == "dropped"}


def kept(place, name: str = "x") -> set[str]:
    """The ids of the photos in the manifest."""
    return {r["source_id"] for r in place.rows(name)}


def test_a_dropped_photo_is_gone_at_once_and_stays_gone(place) -> None:
    fill(place.folder / "mine")
    command = ("--from", "mine", "--name", "x", "--quiet")
    place.good(*command)
    first, second = [r for r in place.rows("x") if r["split"] == "train"][:2]
    outcome = place.good("--drop", "x", first["file"], f"data/x/{second['file']}")
    assert "2 photos dropped; later runs of collect do not bring them back" in outcome.out
    gone = {first["source_id"], second["source_id"]}
    assert not (place.folder / "data/x" / first["file"]).exists()
    assert dropped(place) == gone and not kept(place) & gone
    assert "0 differences" in place.good("--verify", "x").out
    assert "nothing to do" in place.good(*command).out
    # copies, an exact and a near one, come with new photos
    (place.folder / "mine/cup/copy.jpg").write_bytes((place.folder / "mine" / first["source_id"]).read_bytes())
    seed = 100 * second["source_id"].startswith("pen") + int(Path(second["source_id"]).stem)
    (place.folder / "mine/pen/copy.jpg").write_bytes(encode(picture(seed), quality=40))
    (place.folder / "mine/pen/new.jpg").write_bytes(jpeg(300))
    place.good(*command)
    assert dropped(place) == gone | {"cup/copy.jpg", "pen/copy.jpg"}
    assert len(kept(place)) == 19 and "pen/new.jpg" in kept(place)
    (place.folder / "data/x/.journal.sqlite").unlink()
    (place.folder / "mine/pen/newer.jpg").write_bytes(jpeg(301))
    place.good(*command)
    assert gone <= dropped(place) and not kept(place) & gone


def test_an_unknown_photo_and_the_last_one_of_a_class_change_nothing(place) -> None:
    fill(place.folder / "mine", 3)
    place.good("--from", "mine", "--name", "x", "--quiet")
    before = place.rows("x")
    outcome = place.run("--drop", "x", before[0]["file"], "train/cup/none.jpg")
    assert outcome.code == 2 and "train/cup/none.jpg: no such photo" in outcome.err
    tested = [r["file"] for r in before if r["split"] == "test" and r["class"] == "cup"]
    outcome = place.run("--drop", "x", *tested)
    assert outcome.code == 3 and "no test photo of class 'cup' would be left; nothing was changed" in outcome.err
    assert "which photos?" in place.run("--drop", "x").err
    assert place.run("--drop", "y", "a").code == 2
    assert place.rows("x") == before
    assert "0 differences" in place.good("--verify", "x").out


def test_an_exclude_list_removes_photos_by_content_and_by_path(place) -> None:
    fill(place.folder / "mine")
    command = ("--from", "mine", "--name", "x", "--quiet")
    place.good(*command)
    first, second, third = [r for r in place.rows("x") if r["split"] == "train"][:3]
    lines = [f"{first['sha256']}  {first['file']}", second["source_id"], third["sha256"], "train/cup/cup_0009.jpg"]
    (place.folder / "list.txt").write_text("\n".join(lines) + "\n\n")
    outcome = place.good(*command, "--exclude", "list.txt")
    assert "--exclude: 1 of 4 lines name no photo here, such as 'train/cup/cup_0009.jpg'" in outcome.out
    gone = {first["source_id"], second["source_id"], third["source_id"]}
    assert dropped(place) == gone and len(kept(place)) == 17
    for again in (command, (*command, "--exclude", "list.txt")):
        assert "nothing to do" in place.good(*again).out
    place.good("--from", "mine", "--name", "y", "--quiet", "--exclude", "list.txt")
    assert dropped(place, "y") == gone


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_list_that_cannot_be_used_is_one_line(place, content: bytes | None) -> None:
    fill(place.folder / "mine", 3)
    if content is not None:
        (place.folder / "list.txt").write_bytes(content)
    outcome = place.run("--from", "mine", "--name", "x", "--exclude", "list.txt")
    assert outcome.code == 2 and outcome.err.startswith("collect: --exclude: list.txt: ")
    assert not (place.folder / "data").exists()


def test_a_published_split_loses_all_copies_of_a_dropped_photo_and_no_others(place) -> None:
    for k, split in enumerate(("train", "test")):
        (place.folder / "mine" / split / "cup").mkdir(parents=True)
        for i in range(4):
            (place.folder / "mine" / split / f"cup/{i}.jpg").write_bytes(jpeg(10 * k + i))
    (place.folder / "mine/test/cup/3.jpg").write_bytes(jpeg(1))
    command = ("--from", "mine", "--name", "x", "--quiet")
    place.good(*command)
    place.good("--drop", "x", next(r["file"] for r in place.rows("x") if r["source_id"] == "train/cup/1.jpg"))
    assert dropped(place) == {"train/cup/1.jpg", "test/cup/3.jpg"}
    (place.folder / "mine/train/cup/9.jpg").write_bytes(jpeg(50))
    place.good(*command)
    assert dropped(place) == {"train/cup/1.jpg", "test/cup/3.jpg"} and len(kept(place)) == 7


def test_a_search_replaces_dropped_photos_and_fetches_none_of_them_again(place) -> None:
    with FlickrServer(photos(30, {}, tags=("car", "bicycle"))) as web:
        command = ("car", "bicycle", "--train", "8", "--test", "2", "--name", "x", "--quiet")
        place.good(*command, **web.environment)
        row = place.rows("x")[0]
        outcome = place.good("--drop", "x", row["file"], **web.environment)
        assert "again to replace them" in outcome.out
        place.good(*command, **web.environment)
        assert len(kept(place)) == 20 and row["source_id"] not in kept(place)
        assert dropped(place) == {row["source_id"]}
        assert row["sha256"] not in {path.stem for path in (place.folder / "data/x/.staged").rglob("*.jpg")}
        assert sum(row["source_id"] in path for path in web.requests.elements()) == 1
