"""The manifest: its fields, its order, and plain folders without one."""

import hashlib
import json
import random
from pathlib import Path

import pytest

from collect.errors import UsageError, VggbenchError
from collect.manifest import Row, load_rows, manifest_sha256, read_manifest, scan_folder, write_manifest
from collect.resume import check_folder
from tests.servers.photos import jpeg

LISTED = {
    "file": "train/car/car_0000.jpg",
    "class": "car",
    "split": "train",
    "sha256": "0" * 64,
    "source": "synthetic",
    "source_id": "1/0",
}


def digest(*content: object) -> str:
    return hashlib.sha256(repr(content).encode()).hexdigest()


def listed(path: Path, **changes: object) -> Path:
    """A manifest of two rows, the second with these changes."""
    second = {**LISTED, "file": "train/car/car_0001.jpg", "source_id": "1/1", **changes}
    path.write_text(f"{json.dumps(LISTED)}\n{json.dumps(second)}\n")
    return path


@pytest.mark.parametrize(
    "file",
    [
        "../../x.jpg",
        "{tmp}/x.jpg",
        "train/car/../../../x.jpg",
        "train/bus/x.jpg",
        "test/car/x.jpg",
        "x.jpg",
        ".x/car/x.jpg",
    ],
)
def test_a_file_outside_its_split_and_class_is_refused(place, file: str) -> None:
    place.good("car", "bicycle", "--source", "synthetic", "--train", "3", "--test", "1", "--name", "own")
    lines = (place.folder / "data/own/manifest.jsonl").read_text().splitlines()
    changed = json.loads(lines[4]) | {"file": file.format(tmp=place.folder)}
    (place.folder / "manifest.jsonl").write_text("\n".join([*lines[:4], json.dumps(changed), *lines[5:]]))
    outcome = place.run("--from", "manifest.jsonl", "--name", "x", "--quiet")
    assert outcome.code == 4
    assert "manifest.jsonl:5: file" in outcome.err
    assert outcome.err.count("\n") == 1
    assert not list(place.folder.rglob("x.jpg"))
    assert not (place.folder / "data/x").exists()


def test_a_file_in_a_subfolder_of_its_class_is_rebuilt_there(place) -> None:
    place.good("car", "bicycle", "--source", "synthetic", "--train", "3", "--test", "1", "--name", "own")
    text = (place.folder / "data/own/manifest.jsonl").read_text()
    (place.folder / "manifest.jsonl").write_text(text.replace("train/car/car_0000", "train/car/deep/car_0000"))
    place.good("--from", "manifest.jsonl", "--name", "x")
    assert (place.folder / "data/x/train/car/deep/car_0000.jpg").is_file()
    assert "0 differences" in place.good("--verify", "x").out


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("<html>not found</html>", ":1"),
        ('{"file": "train/car/1.jpg", "klass": "car"}', ":1"),
        ('{"file": 5, "class": "car", "split": "train", "sha256": "0"}', ':1: key "file" must be str, not 5'),
        (json.dumps(LISTED) + "\n" + json.dumps({**LISTED, "class": None}), ':2: key "class" must be str, not None'),
        ("\udcff", "cannot be read"),
        ("", "no images"),
    ],
)
def test_a_malformed_manifest_is_a_source_error_that_names_the_line(place, text: str, where: str) -> None:
    (place.folder / "manifest.jsonl").write_bytes(text.encode(errors="surrogateescape"))
    outcome = place.run("--from", "manifest.jsonl", "--name", "x")
    assert outcome.code == 4
    assert f"manifest.jsonl{where}" in outcome.err or where in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("odd", [{"source_id": "one/two"}, {"class": "unicorn", "file": "train/unicorn/0.jpg"}])
def test_a_synthetic_row_that_cannot_be_drawn_is_unavailable(place, odd: dict[str, str]) -> None:
    place.good("car", "bicycle", "--source", "synthetic", "--train", "4", "--test", "2", "--name", "own")
    rows = place.rows("own")
    lines = [json.dumps(r | (odd if r["file"] == "train/car/car_0000.jpg" else {})) for r in rows]
    (place.folder / "manifest.jsonl").write_text("\n".join(lines))
    outcome = place.run("--from", "manifest.jsonl", "--name", "x")
    assert outcome.code == 3
    assert "Traceback" not in outcome.err


def test_the_manifest_is_sorted_by_split_class_and_file(place) -> None:
    place.good("car", "bicycle", "--source", "synthetic", "--train", "3", "--test", "1")
    order = [(r["split"], r["class"], r["file"]) for r in place.rows("car-bicycle")]
    assert order == sorted(order)


def test_rows_are_read_in_the_same_order_however_the_manifest_is_sorted(tmp_path: Path) -> None:
    rows = [Row(f"{s}/{c}/{i}.jpg", c, s, digest(s, c, i)) for s in ("train", "test") for c in "ab" for i in range(5)]
    write_manifest(tmp_path, rows)
    lines = (tmp_path / "manifest.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "manifest.jsonl").write_text("".join(random.Random(1).sample(lines, len(lines))))
    assert manifest_sha256(read_manifest(tmp_path)) == manifest_sha256(rows)
    assert load_rows(tmp_path) == rows


def test_hidden_files_and_folders_are_not_images(tmp_path: Path) -> None:
    hidden = (".ipynb_checkpoints/1.jpg", "cat/.ipynb_checkpoints/1.jpg", "cat/._1.jpg")
    for file in ("cat/1.jpg", "dog/1.jpg", *hidden):
        for i, split in enumerate(("train", "test")):
            (tmp_path / split / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / split / file).write_bytes(jpeg(i))
    assert [r.file for r in scan_folder(tmp_path)] == [
        f"{s}/{c}/1.jpg" for s in ("train", "test") for c in ("cat", "dog")
    ]


def test_a_malformed_row_is_named_with_line_and_key(tmp_path: Path) -> None:
    assert len(read_manifest(listed(tmp_path / "manifest.jsonl"))) == 2
    with pytest.raises(VggbenchError, match=r"manifest\.jsonl:2: key \"width\" must be int or null, not 'wide'"):
        read_manifest(listed(tmp_path / "manifest.jsonl", width="wide"))


def test_a_damaged_journal_is_a_one_line_error_and_can_be_removed(place) -> None:
    args = ("car", "bicycle", "--source", "synthetic", "--name", "x", "--quiet")
    place.good(*args, "--train", "4", "--test", "2")
    before = place.rows("x")
    journal = place.folder / "data/x/.journal.sqlite"
    journal.write_bytes(b"not a database at all " * 500)
    outcome = place.run(*args, "--train", "6", "--test", "3")
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert "data/x/.journal.sqlite" in outcome.err
    assert "remove it" in outcome.err
    journal.unlink()
    place.good(*args, "--train", "6", "--test", "3")
    assert {r["file"]: r["sha256"] for r in before}.items() <= {r["file"]: r["sha256"] for r in place.rows("x")}.items()


def test_a_journal_with_damaged_pages_is_a_one_line_error(place) -> None:
    args = ("car", "bicycle", "--source", "synthetic", "--name", "x", "--quiet")
    place.good(*args, "--train", "30", "--test", "10")
    journal = place.folder / "data/x/.journal.sqlite"
    data = bytearray(journal.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    journal.write_bytes(data)
    outcome = place.run(*args, "--train", "40", "--test", "20")
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert ".journal.sqlite" in outcome.err


def test_a_folder_with_staged_photos_but_no_journal_was_made_by_collect(tmp_path: Path) -> None:
    (tmp_path / "x/.staged").mkdir(parents=True)
    check_folder(tmp_path / "x")
    (tmp_path / "y/photos").mkdir(parents=True)
    with pytest.raises(UsageError, match="not made by collect"):
        check_folder(tmp_path / "y")
