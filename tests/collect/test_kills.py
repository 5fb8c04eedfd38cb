"""A dataset's next state becomes visible in one step: `kill -9` before any change leaves the last or the next one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from collect import collect
from collect.audit import check_dataset
from collect.datasets import parse_dataset
from collect.errors import UsageError, VggbenchError
from collect.manifest import Row, read_manifest, write_manifest
from collect.write import name_files, settle
from collect.write.change import begin_change
from tests.forked import ROOT
from tests.servers.photos import jpeg

FIRST_RUN, NEW_SPLIT = ("--train 3 --test 2", ""), ("--train 3 --test 3", "--from {source}")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a split: two classes with 5 train and 2 test photos each."""
    for number, file in enumerate(
        f"{s}/{c}/{i}.jpg" for s, n in (("train", 5), ("test", 2)) for c in "ab" for i in range(n)
    ):
        (tmp_path / "source" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / file).write_bytes(jpeg(number))
    return tmp_path / "source"


@pytest.mark.parametrize(("counts", "earlier"), [FIRST_RUN, NEW_SPLIT])
def test_a_kill_leaves_a_right_manifest_and_the_same_command_finishes(
    counts: str, earlier: str, source: Path, tmp_path: Path
) -> None:
    commands = earlier.format(source=source), f"--from {source} {counts}"
    arguments = [sys.executable, "-m", "tests.collect.kills", str(tmp_path), "19", *commands]
    run = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    *found, kills = run.stdout.splitlines() or [run.stderr]
    assert found == []
    assert int(kills) > 10


def collected(source: Path, data: Path, **options: object) -> Path:
    collect(parse_dataset("set", {"source": "folder", "url": str(source), **options}, "test"), data, quiet=True)
    return data / "set"


def test_a_new_split_gives_no_photo_the_name_of_another(source: Path, tmp_path: Path) -> None:
    folder = collected(source, tmp_path)
    before = {r.file: r.sha256 for r in read_manifest(folder)}
    after = {r.file: r.sha256 for r in read_manifest(collected(source, tmp_path, train=3, test=3))}
    shared = before.keys() & after.keys()
    assert shared
    assert all(before[file] == after[file] for file in shared)
    assert {p.relative_to(folder).as_posix() for p in folder.rglob("*.jpg")} == set(after)


def test_names_of_the_source_give_way_to_the_photos_that_have_them() -> None:
    listed = [Row("train/a/1.jpg", "a", "train", "1"), Row("train/a/a_0000.jpg", "a", "train", "2")]
    rows = [
        Row("train/a/1.jpg", "a", "train", "3"),
        Row("train/a/1.jpg", "a", "train", "1"),
        Row("", "a", "train", "2"),
        Row("", "a", "train", "2"),
    ]
    files = [row.file for row in name_files(rows, listed)]
    assert files == ["train/a/a_0001.jpg", "train/a/1.jpg", "train/a/a_0000.jpg", "train/a/a_0002.jpg"]


def test_a_class_without_photos_leaves_no_folder(source: Path, tmp_path: Path) -> None:
    folder = collected(source, tmp_path)
    rows = [row for row in read_manifest(folder) if row.class_ == "a"]
    begin_change(folder, [row.file for row in read_manifest(folder)])
    write_manifest(folder, rows)
    settle(folder, {})
    assert sorted(p.name for p in (folder / "train").iterdir()) == ["a", "metadata.jsonl"]


@pytest.mark.parametrize(
    "files", ['["../../outside.jpg"]', '["train/a/../../../outside.jpg"]', "{}", "[1]", "[" * 100_000]
)
def test_a_change_never_removes_files_outside_of_the_dataset(files: str, source: Path, tmp_path: Path) -> None:
    folder, outside = collected(source, tmp_path), tmp_path / "outside.jpg"
    outside.write_bytes(b"x")
    (folder / ".next").mkdir()
    (folder / ".next/files.json").write_text(files)
    with pytest.raises(VggbenchError, match=r"files\.json"):
        collected(source, tmp_path)
    assert outside.exists()


def test_verify_says_what_to_run_after_an_interruption(source: Path, tmp_path: Path) -> None:
    folder = collected(source, tmp_path)
    (folder / ".next").mkdir()
    (folder / "train/a/new.jpg").write_bytes(b"x")
    assert check_dataset(folder).differences == [
        "a run that changes it was interrupted; run the same command again to finish it"
    ]
    (folder / ".next/files.json").write_text(json.dumps(["train/a/new.jpg"]))
    collected(source, tmp_path)
    assert check_dataset(folder).passed
    (folder / "manifest.jsonl").unlink()
    with pytest.raises(UsageError, match="not collected yet; run the command that makes it again to continue"):
        check_dataset(folder)
