"""Photos that belong together stay on one side: bursts of a phone, frames of a recording. What they tell is removed."""

import json
from pathlib import Path

import pytest

from collect import collect
from collect.audit import check_dataset
from collect.datasets import Dataset, parse_dataset
from collect.errors import UsageError
from collect.journal import Photo, PhotoStatus
from collect.manifest import Row, read_manifest
from collect.split import items_of
from tests.collect.test_metadata import phone_jpeg
from tests.servers.photos import jpeg


def sides(folder: Path) -> dict[str, str]:
    """Where each photo of the source is."""
    return {row.source_id or "": row.split for row in read_manifest(folder)}


def linked(*shots: tuple[str | None, str | None], owner: str | None = None) -> list[set[str]]:
    """The links of photos, of each of which time and camera are known or not."""
    rows = [Row("", "car", "", str(i), source="folder", source_id=str(i), owner=owner) for i in range(len(shots))]
    photos = {}
    for row, (taken, camera) in zip(rows, shots, strict=True):
        facts = {"exif_taken": taken and f"2026-05-01T{taken}", "camera": camera}
        extra = json.dumps({name: value for name, value in facts.items() if value})
        photos[row.key] = Photo(*row.key, PhotoStatus.GOOD, extra=extra)
    return [set(item.links) for item in items_of(rows, "image", {}, photos)]


def test_a_burst_is_photos_of_one_camera_with_at_most_three_seconds_between_two() -> None:
    shots = [("12:00:00", "acme|one"), ("12:00:03", "acme|one"), ("12:00:06", "acme|one"), ("12:00:10", "acme|one")]
    first, second, third, later = linked(*shots)
    assert first & second and second & third and not third & later


@pytest.mark.parametrize(
    ("one", "other", "is_burst"),
    [
        ("acme|one", "acme|one", True),
        ("acme|one", "acme|two", False),
        ("acme|one", "bell|one", False),
        ("acme|one", "|one", True),
        ("acme|one", "acme|", True),
        ("acme|one", None, True),
        (None, None, True),
        ("acme|", "|two", True),
    ],
)
def test_a_field_that_a_program_dropped_separates_nothing(one: str | None, other: str | None, is_burst: bool) -> None:
    first, second = linked(("12:00:00", one), ("12:00:01", other))
    assert bool(first & second) == is_burst


def test_photos_without_a_time_are_in_no_burst() -> None:
    first, second = linked((None, "acme|one"), (None, "acme|one"))
    assert not first & second


def test_phone_photos_of_one_burst_go_to_one_side_and_lose_their_position(place) -> None:
    for k, name in enumerate(("cup", "pen")):
        (place.folder / "mine" / name).mkdir(parents=True)
        for burst in range(6):
            for i in range(4):
                at = f"2026:05:0{1 + k} 12:{burst:02}:{2 * i:02}"
                data = phone_jpeg(100 * k + 10 * burst + i, taken=at, make="Acme" if i % 2 else "")
                (place.folder / "mine" / name / f"{burst}{i}.jpg").write_bytes(data)
    outcome = place.good("--from", "mine", "--name", "x")
    assert "48 photos stored without GPS position and serial numbers; --keep-metadata" in outcome.out
    rows = place.rows("x")
    assert len(rows) == 48
    for name in ("cup", "pen"):
        for burst in range(6):
            of_burst = {r["split"] for r in rows if r["source_id"].startswith(f"{name}/{burst}")}
            assert len(of_burst) == 1, (name, burst)
    assert {r["metadata"] for r in rows} == {"removed"}
    stored = b"".join(path.read_bytes() for path in (place.folder / "data/x").rglob("*") if path.is_file())
    assert b"SN-4711" not in stored
    assert "0 differences" in place.good("--verify", "x").out
    assert "nothing to do" in place.good("--from", "mine", "--name", "x").out
    assert place.run("--from", "mine", "--name", "x", "--keep-metadata").code == 2
    place.good("--from", "mine", "--name", "y", "--keep-metadata")
    for row in place.rows("y"):
        assert row["metadata"] is None and row["sha256"] == row["source_sha256"]
        original = (place.folder / "mine" / row["source_id"]).read_bytes()
        assert (place.folder / "data/y" / row["file"]).read_bytes() == original
    place.good("--from", "data/x/manifest.jsonl", "--name", "again")
    assert [r | {"retrieved": ""} for r in place.rows("again")] == [r | {"retrieved": ""} for r in rows]


def fill(folder: Path, per_class: int = 12) -> str:
    """Frames of recordings: four of each."""
    for k, name in enumerate(("cup", "pen")):
        (folder / name).mkdir(parents=True)
        for i in range(per_class):
            (folder / name / f"{name}-rec{i // 4}_f{i % 4}.jpg").write_bytes(jpeg(100 * k + i))
    return str(folder)


def test_frames_of_one_recording_go_to_one_side_and_verify_checks_it(tmp_path: Path) -> None:
    dataset = Dataset("x", "folder", url=fill(tmp_path / "mine"), group_by=r"(\w+-rec\d+)_")
    notes = collect(dataset, tmp_path, quiet=True).notes
    assert "--group-by: 6 groups, each in train or in test as a whole" in notes
    recordings = {(source_id.partition("_")[0], side) for source_id, side in sides(tmp_path / "x").items()}
    assert len(recordings) == 6
    assert check_dataset(tmp_path / "x").passed
    manifest, before = tmp_path / "x/manifest.jsonl", read_manifest(tmp_path / "x")
    moved = next(row for row in before if row.split == "test")
    file = moved.file.replace("test/", "train/").replace(".jpg", "9.jpg")
    (tmp_path / "x" / moved.file).rename(tmp_path / "x" / file)
    manifest.write_text(
        manifest.read_text().replace(moved.file, file).replace('"split": "test"', '"split": "train"', 1)
    )
    assert any("photos of group" in leak for leak in check_dataset(tmp_path / "x").leaks)
    assert collect(dataset, tmp_path, quiet=True).changed


@pytest.mark.parametrize(("pattern", "group"), [(r"rec(\d)", "2"), (r"rec\d", "rec2"), ("x*", None), ("^rec", None)])
def test_the_first_group_or_else_the_whole_match_names_the_group(pattern: str, group: str | None) -> None:
    row = Row("", "car", "", "1", source="folder", source_id="car/rec2_1.jpg")
    (item,) = items_of([row], "owner", {}, {}, pattern)
    assert item.links == ((f"group {group}",) if group else ())


def test_a_pattern_that_cannot_serve_is_one_line_and_the_right_one_continues(place) -> None:
    fill(place.folder / "mine")
    command = ("--from", "mine", "--name", "x", "--group-by")
    outcome = place.run(*command, "rec(")
    assert outcome.code == 2 and outcome.err.count("\n") == 1
    assert outcome.err.startswith("collect: --group-by: 'rec(' is not a regular expression: missing )")
    outcome = place.run(*command, "take(.)")
    assert outcome.code == 2 and outcome.err.splitlines()[-1] == (
        "collect: --group-by 'take(.)' matches none of 24 photos; the first is 'cup/cup-rec0_f0.jpg'"
    )
    assert "is for --from only" in place.run("car", "--source", "synthetic", "--group-by", "x").err
    assert "6 groups" in place.good(*command, r"\w+-rec\d").out
    assert "was collected with group_by" in place.run(*command, "rec").err


def test_an_older_dataset_keeps_its_photos_and_one_that_is_missing_returns_to_its_side(tmp_path: Path) -> None:
    for name in ("cup", "pen"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for i in range(5):
            (tmp_path / "mine" / name / f"{i}.jpg").write_bytes(
                phone_jpeg(10 * len(name) + i + 50 * (name == "pen"), "")
            )
    table = {"source": "folder", "url": str(tmp_path / "mine")}
    collect(parse_dataset("x", {**table, "keep_metadata": True}, "test"), tmp_path, quiet=True)
    described = tmp_path / "x/dataset.toml"  # as an earlier version wrote it
    described.write_text(described.read_text().replace("keep_metadata = true\n", ""))
    manifest = tmp_path / "x/manifest.jsonl"
    manifest.write_text(manifest.read_text().replace(', "metadata": null', ""))
    before = sides(tmp_path / "x")
    dataset = parse_dataset("x", table, "test")
    assert not collect(dataset, tmp_path, quiet=True).changed
    lost = read_manifest(tmp_path / "x")[0]
    (tmp_path / "x" / lost.file).unlink()
    notes = collect(dataset, tmp_path, quiet=True).notes
    assert not any("no longer available" in note for note in notes)
    assert sides(tmp_path / "x") == before and check_dataset(tmp_path / "x").passed
    assert [r.key for r in read_manifest(tmp_path / "x") if r.metadata] == [lost.key]


def test_a_pattern_beside_a_published_split_is_a_warning(tmp_path: Path) -> None:
    for k, split in enumerate(("train", "test")):
        (tmp_path / "mine" / split / "cup").mkdir(parents=True)
        for i in range(3):
            (tmp_path / "mine" / split / f"cup/rec1_{i}.jpg").write_bytes(jpeg(10 * k + i))
    dataset = Dataset("x", "folder", url=str(tmp_path / "mine"), group_by="rec1")
    assert any("--group-by has no effect" in note for note in collect(dataset, tmp_path, quiet=True).notes)
    with pytest.raises(UsageError, match="is not a regular expression"):
        parse_dataset("x", {"source": "folder", "url": "mine", "group_by": "["}, "test")
