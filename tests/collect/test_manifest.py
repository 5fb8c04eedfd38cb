"""The manifest: its fields, its order, and plain folders without one."""

import hashlib
import json
import os
import random
from pathlib import Path

import pytest

from collect import collect
from collect.audit import check_dataset
from collect.datasets import parse_dataset
from collect.errors import UsageError, VggbenchError
from collect.manifest import Row, file_sha256, load_rows, manifest_sha256, read_manifest, scan_folder, write_manifest
from collect.refresh import refresh
from collect.resume import check_folder
from collect.write import read_dataset_file
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
        ('{"file": 5, "class": "car", "split": "train", "sha256": "0"}', ':1: key "file" must be a text, not 5'),
        (json.dumps(LISTED) + "\n" + json.dumps({**LISTED, "class": None}), ':2: key "class" must be a text, not None'),
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
    with pytest.raises(
        VggbenchError, match=r"manifest\.jsonl:2: key \"width\" must be a whole number or null, not 'wide'"
    ):
        read_manifest(listed(tmp_path / "manifest.jsonl", width="wide"))


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("title", "[" * 100_000, "not valid JSON: it is nested too deeply"),
        ("width", "9" * 5000, "not valid JSON: a number has 5,000 digits"),
        ("title", r'"\ud800"', "not valid JSON: it holds half of a surrogate pair"),
        ("width", "-1", 'key "width" must be a size, not -1'),
        ("bytes", str(2**53), 'key "bytes" must be a size, not 9007199254740992'),
        ("bytes", str(2**64), "not valid JSON: a number has 20 digits"),
        ("phash", '"zzzzzzzzzzzzzzzz"', 'key "phash" must be 16 hex digits'),
        ("phash", '"-123456789abcdef"', 'key "phash" must be 16 hex digits'),
        ("phash", '"0123456789abcdef0"', 'key "phash" must be 16 hex digits'),
        ("sha256", '"../../../../etc/x"', 'key "sha256" must be 64 hex digits'),
        ("file", '"train/car/car_0000.jpg"', "file 'train/car/car_0000.jpg' is in an earlier line too"),
    ],
)
def test_a_hostile_row_is_named_with_its_line(key: str, value: str, problem: str, tmp_path: Path) -> None:
    listed(tmp_path / "manifest.jsonl", **{key: "HERE"})
    text = (tmp_path / "manifest.jsonl").read_text()
    (tmp_path / "manifest.jsonl").write_text(text.replace('"HERE"', value))
    with pytest.raises(VggbenchError) as caught:
        read_manifest(tmp_path)
    assert f"manifest.jsonl:2: {problem}" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_surrogate_pairs_and_escaped_backslashes_are_text(tmp_path: Path) -> None:
    read = read_manifest(listed(tmp_path / "manifest.jsonl", title="\U0001f600", owner=r"a\ud800"))
    assert (read[1].title, read[1].owner) == ("\U0001f600", r"a\ud800")


def collected(folder: Path) -> Path:
    collect(
        parse_dataset("x", {"source": "synthetic", "classes": ["car"], "train": 3, "test": 1}, ""), folder, quiet=True
    )
    return folder / "x"


def test_any_line_ends_are_read_and_a_manifest_without_rows_does_not_pass(tmp_path: Path) -> None:
    folder = collected(tmp_path)
    data = (folder / "manifest.jsonl").read_bytes()
    for end in (b"\r", b"\r\n"):
        (folder / "manifest.jsonl").write_bytes(data.replace(b"\n", end))
        assert (check_dataset(folder).images, check_dataset(folder).passed) == (4, True)
    (folder / "manifest.jsonl").write_bytes(b"\r" * 50)
    assert "manifest.jsonl: lists no images" in check_dataset(folder).differences


def test_verify_survives_files_that_are_no_photos_though_the_manifest_lists_them(tmp_path: Path) -> None:
    rows = []
    for file, content in (
        ("train/a/1.jpg", b"II*\0" * 99),
        ("test/a/1.jpg", b"\x89PNG\r\n\x1a\n" * 99),
        ("test/a/2.jpg", b""),
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content)
        phash = "00000000000000ff" if "test" in file else "0000000000000000"
        rows.append(Row(file, "a", file.split("/")[0], file_sha256(tmp_path / file), phash=phash))
    write_manifest(tmp_path, rows)
    assert check_dataset(tmp_path).differences == ["dataset.toml: missing"]


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff", b'{"class": "car"}', b'{"class": 9e999}', b"\x00"])
def test_rejects_that_cannot_be_read_do_not_stop_a_complete_dataset(content: bytes, tmp_path: Path) -> None:
    folder = collected(tmp_path)
    (folder / "rejected.jsonl").write_bytes(content)
    summary = collect(read_dataset_file(folder).recipe, tmp_path, quiet=True)
    assert not summary.changed
    assert "rejected.jsonl" in summary.as_lines()[1]
    assert "rejected.jsonl" in refresh("x", tmp_path, quiet=True).notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 100_000,
        "x = " + "9" * 5000,
        'upstream_split = 1\nsource_state = ""\nunfinished = 0\nmanifest_sha256 = ""\n[x]\nsource = "flickr"\n',
        "[x]\n",
        'x = "\\ud800"',
        "\x00",
    ],
)
def test_a_damaged_dataset_toml_is_one_clear_error(text: str, tmp_path: Path) -> None:
    folder = collected(tmp_path)
    recipe = read_dataset_file(folder).recipe
    (folder / "dataset.toml").write_text(text)
    for command in (lambda: collect(recipe, tmp_path, quiet=True), lambda: check_dataset(folder)):
        with pytest.raises(VggbenchError, match=r"x/dataset\.toml") as caught:
            command()
        assert len(str(caught.value)) < 400
    (folder / "dataset.toml").unlink()
    collect(recipe, tmp_path, quiet=True)
    assert check_dataset(folder).passed


@pytest.mark.parametrize("name", [b"caf\xe9.jpg", b"a\nb.jpg"])
def test_a_plain_folder_with_a_name_that_cannot_be_written_is_refused(name: bytes, tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / split / "cat").mkdir(parents=True)
        (tmp_path / split / "cat/1.jpg").write_bytes(jpeg(1))
    (tmp_path / "train/cat" / os.fsdecode(name)).write_bytes(jpeg(2))
    with pytest.raises(VggbenchError, match="has backslashes, control signs or no UTF-8; rename it"):
        scan_folder(tmp_path)


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
