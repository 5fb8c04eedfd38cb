"""Archives and folders: layouts, upstream and new splits, names, interruptions, full disks."""

import io
import os
import signal
import subprocess
import tarfile
import threading
import zipfile
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from collect.audit import leaked_files
from collect.manifest import read_manifest, scan_folder
from collect.sources.layout import read_layout
from collect.sources.tree import FileTree
from tests.servers.photos import jpeg


def tgz(path: Path, files: dict[str, bytes]) -> Path:
    """A .tgz of these files."""
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    """A .zip of these files."""
    with zipfile.ZipFile(path, "w") as out:
        for name, data in files.items():
            out.writestr(name, data)
    return path


def published(classes: tuple[str, ...] = ("n01440764", "n02102040")) -> dict[str, bytes]:
    """A small set laid out as Imagenette is, with one leak and one copy."""
    files = {
        f"set/{split}/{c}/{i}.JPEG": jpeg(1000 * k + 100 * s + i)
        for k, c in enumerate(classes)
        for s, (split, n) in enumerate((("train", 8), ("val", 4)))
        for i in range(n)
    }
    files[f"set/val/{classes[0]}/leak.JPEG"] = files[f"set/train/{classes[0]}/0.JPEG"]
    files[f"set/train/{classes[1]}/copy.JPEG"] = files[f"set/train/{classes[1]}/1.JPEG"]
    return files


@pytest.mark.parametrize(
    ("paths", "places"),
    [
        (["a/train/x/1.jpg", "a/val/x/2.jpg"], {"a/train/x/1.jpg": ("x", "train"), "a/val/x/2.jpg": ("x", "test")}),
        (
            ["Pet/Cat/1.jpg", "Pet/Dog/2.jpg", "readme.txt"],
            {"Pet/Cat/1.jpg": ("Cat", None), "Pet/Dog/2.jpg": ("Dog", None)},
        ),
        (["train/cat.0.jpg", "train/dog.1.jpg"], {"train/cat.0.jpg": ("cat", None), "train/dog.1.jpg": ("dog", None)}),
        (["only/1.jpg", "only/2.jpg"], {"only/1.jpg": ("only", None), "only/2.jpg": ("only", None)}),
        (["1.jpg"], {"1.jpg": ("root", None)}),
        (["train/x/deep/1.jpg", "train/y/2.jpg"], {"train/x/deep/1.jpg": ("x", None), "train/y/2.jpg": ("y", None)}),
        (["../x/1.jpg", "/etc/y/1.jpg", ".h/z/1.jpg", "__MACOSX/x/1.jpg"], {}),
    ],
)
def test_class_and_split_are_read_from_the_layout(paths: list[str], places: dict[str, tuple[str, str | None]]) -> None:
    tree = FileTree()
    for path in paths:
        tree.add(path, bytes)
    assert {p: (at.class_, at.split) for p, at in read_layout(tree.images, "root").items()} == places


@pytest.mark.parametrize("make", [tgz, zipped])
def test_a_published_split_is_kept_and_its_leaks_are_reported(place, make) -> None:
    make(place.folder / "set.bin", published())
    outcome = place.good("--from", "set.bin", "--name", "pets")
    counts = Counter((r["split"], r["class"]) for r in place.rows("pets"))
    assert counts == {
        ("train", "tench"): 8,
        ("train", "English_springer"): 9,
        ("test", "tench"): 5,
        ("test", "English_springer"): 4,
    }
    assert "1 of its 9 test files is also in train" in outcome.out
    check = place.good("--verify", "pets").out
    assert "as published: train/tench/" in check
    assert "1 leak as published" in check
    assert "nothing to do" in place.good("--from", "set.bin", "--name", "pets").out
    assert {r["source_id"] for r in place.rows("pets")} == set(published())


def test_leaked_files_are_those_that_collect_counts_exact_and_near(place) -> None:
    files = published()
    with Image.open(io.BytesIO(files["set/train/n02102040/2.JPEG"])) as photo:
        again = io.BytesIO()
        photo.save(again, "JPEG", quality=60)
    files["set/val/n02102040/near.JPEG"] = again.getvalue()
    tgz(place.folder / "set.tgz", files)
    outcome = place.good("--from", "set.tgz", "--name", "pets")
    assert "1 of its 10 test files is also in train, and 1 more as near duplicates" in outcome.out
    folder = place.folder / "data/pets"
    exact, near = leaked_files(folder, read_manifest(folder))
    source_ids = {r["file"]: r["source_id"] for r in place.rows("pets")}
    assert [source_ids[f] for f in exact] == ["set/val/n01440764/leak.JPEG"]
    assert [source_ids[f] for f in near or ()] == ["set/val/n02102040/near.JPEG"]


def test_near_duplicates_are_unknown_without_hashes(tmp_path: Path) -> None:
    for file in ("train/a/1.jpg", "test/a/2.jpg"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_bytes(jpeg(1))
    rows = scan_folder(tmp_path)
    assert leaked_files(tmp_path, rows) == (["test/a/2.jpg"], None)


def test_with_counts_all_photos_are_pooled_and_split_again(place) -> None:
    tgz(place.folder / "set.tgz", published())
    place.good("--from", "set.tgz", "--name", "pets", "--train", "9", "--test", "3")
    assert Counter(r["split"] for r in place.rows("pets")) == {"train": 18, "test": 6}
    found = Counter(r["reason"] for r in place.rows("pets", "rejected.jsonl"))
    assert found["exact-duplicate"] == 2
    assert "0 leaks" in place.good("--verify", "pets").out
    outcome = place.run("--from", "set.tgz", "--name", "more", "--train", "10", "--test", "3")
    assert outcome.code == 3
    assert "12 distinct photos, 13 are needed" in outcome.err


def test_counts_may_replace_a_published_split_later(place) -> None:
    tgz(place.folder / "set.tgz", published())
    place.good("--from", "set.tgz", "--name", "pets")
    place.good("--from", "set.tgz", "--name", "pets", "--train", "9", "--test", "3")
    assert len(list((place.folder / "data/pets").glob("*/*/*.jpg"))) == 24
    assert "0 differences, 0 leaks" in place.good("--verify", "pets").out


def test_without_a_published_split_it_is_80_to_20_and_broken_files_are_named(place) -> None:
    files = {f"PetImages/{c}/{i}.jpg": jpeg(100 * k + i) for k, c in enumerate(("Cat", "Dog")) for i in range(20)}
    files |= {
        "PetImages/Cat/666.jpg": b"",
        "PetImages/Dog/11702.jpg": jpeg(999)[:-900],
        "PetImages/Cat/Thumbs.db": b"x",
    }
    zipped(place.folder / "cats.zip", files)
    place.good("--from", "cats.zip", "--name", "pets")
    assert Counter(r["split"] for r in place.rows("pets")) == {"train": 32, "test": 8}
    assert {r["source_id"]: r["reason"] for r in place.rows("pets", "rejected.jsonl")} == {
        "PetImages/Cat/666.jpg": "empty",
        "PetImages/Dog/11702.jpg": "truncated",
    }


def test_flat_files_named_after_their_class_are_understood(place) -> None:
    files = {f"train/{c}.{i}.jpg": jpeg(100 * k + i) for k, c in enumerate(("cat", "dog")) for i in range(12)}
    zipped(place.folder / "train.zip", files)
    place.good("--from", "train.zip", "--name", "pets", "--train", "8", "--test", "3")
    assert Counter(r["class"] for r in place.rows("pets")) == {"cat": 11, "dog": 11}


def test_one_class_alone_may_be_collected(place, class_folders) -> None:
    class_folders("photos/cat", {".": [jpeg(i) for i in range(10)]})
    place.good("--from", "photos/cat", "--name", "cats")
    assert {r["class"] for r in place.rows("cats")} == {"cat"}


def test_from_ignores_an_entry_of_the_same_name(place, class_folders) -> None:
    class_folders("photos", {"a": [jpeg(i) for i in range(5)], "b": [jpeg(50 + i) for i in range(5)]})
    place.good("--from", "photos", "--name", "imagenette")
    assert {r["class"] for r in place.rows("imagenette")} == {"a", "b"}


def test_new_photos_in_a_folder_are_added_and_earlier_ones_stay(place, class_folders) -> None:
    make = partial(class_folders, "photos")
    make({"a": [jpeg(i) for i in range(10)], "b": [jpeg(50 + i) for i in range(10)]})
    place.good("--from", "photos", "--name", "x")
    before = {r["source_id"]: (r["split"], r["file"]) for r in place.rows("x")}
    make({"a": [jpeg(i) for i in range(15)]})
    place.good("--from", "photos", "--name", "x")
    after = {r["source_id"]: (r["split"], r["file"]) for r in place.rows("x")}
    assert len(after) == 25
    assert {k: after[k] for k in before} == before


@pytest.mark.parametrize(
    ("prepare", "code", "words"),
    [
        (lambda at: (at / "x.tgz").write_bytes(b"no archive"), 4, "cannot be read"),
        (lambda at: tgz(at / "x.tgz", {"readme.txt": b"x"}), 4, "no images"),
        (
            lambda at: tgz(at / "x.tgz", published() | {"set/train/extra/1.JPEG": jpeg(7)}),
            3,
            "'extra' has no test images",
        ),
    ],
)
def test_an_unusable_archive_is_a_one_line_error(place, prepare, code: int, words: str) -> None:
    prepare(place.folder)
    outcome = place.run("--from", "x.tgz", "--name", "x")
    assert outcome.code == code
    assert words in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (place.folder / "data/x").exists()


def test_a_truncated_archive_is_a_one_line_error(place) -> None:
    whole = tgz(place.folder / "x.tgz", published()).read_bytes()
    (place.folder / "x.tgz").write_bytes(whole[: len(whole) // 2])
    outcome = place.run("--from", "x.tgz", "--name", "x")
    assert (outcome.code, outcome.err.count("\n")) == (4, 1)


def test_a_class_folder_without_images_is_named(place, class_folders) -> None:
    class_folders("photos", {"cat": [jpeg(i) for i in range(5)], "dog": []})
    outcome = place.run("--from", "photos", "--name", "x")
    assert outcome.code == 3
    assert "class 'dog' has no images" in outcome.err


def test_a_downloaded_archive_must_have_the_size_of_the_recipe(place) -> None:
    served = place.folder / "served"
    served.mkdir()
    tgz(served / "set.tgz", published())
    size = (served / "set.tgz").stat().st_size

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served)))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/set.tgz"
    entry = f'[pets]\nsource = "archive"\nurl = "{url}"\n'
    try:
        refused = place.run("--from", url, "--name", "pets")
        assert refused.code == 4
        assert "--allow-private" in refused.err
        (place.folder / "datasets.toml").write_text(entry + f"bytes = {size + 1}\n")
        wrong = place.run("--dataset", "pets", "--allow-private")
        assert wrong.code == 4
        assert f"has {size:,} bytes" in wrong.err
        (place.folder / "datasets.toml").write_text(entry + f"bytes = {size}\n")
        place.good("--dataset", "pets", "--allow-private")
    finally:
        server.shutdown()
        server.server_close()
    assert {r["url"] for r in place.rows("pets")} == {url}
    assert len(place.rows("pets")) == 26


def test_a_killed_run_leaves_no_folder_that_looks_complete(place) -> None:
    files = {f"{c}/{i}.jpg": jpeg(1000 * k + i, 320, 240) for k, c in enumerate(("cat", "dog")) for i in range(400)}
    tgz(place.folder / "set.tgz", files)
    args = ("--from", str(place.folder / "set.tgz"), "--name", "x", "--train", "300", "--test", "90", "--quiet")
    other = place.elsewhere(place.folder / "uninterrupted")
    other.folder.mkdir()
    other.good(*args)
    folder = place.folder / "data/x"
    for seconds in (0.6, 0.8, 1.0, 1.4):
        process = place.start(*args)
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        if (folder / "train").exists() and (folder / "test").exists():
            placed = [*folder.glob("train/*/*.jpg"), *folder.glob("test/*/*.jpg")]
            assert len(placed) == 780
    place.good(*args)
    assert place.lasting("x") == other.lasting("x")


def test_the_published_car_and_bicycle_set_has_its_known_duplicates(place, shared_file) -> None:
    archive = str(shared_file("flickr-car-bicycle-224.tgz"))
    outcome = place.good("--from", archive, "--name", "x", "--train", "700", "--test", "250")
    assert "313 exact" in outcome.out
    assert "281 of its 600 test files are also in train" in outcome.out
    reasons = Counter(r["reason"] for r in place.rows("x", "rejected.jsonl"))
    assert reasons["exact-duplicate"] == 313
    short = place.run("--from", archive, "--name", "y", "--train", "1000", "--test", "300")
    assert short.code == 3
    assert "car has 9" in short.err
    assert "297 exact-duplicate" in short.err


@pytest.mark.skipif(os.geteuid() != 0, reason="a full disk is made with a small file system, which needs root")
def test_a_full_disk_is_a_one_line_error_and_loses_nothing(place, class_folders) -> None:
    small = place.folder / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        class_folders("photos", {c: [jpeg(100 * k + i, 320, 240) for i in range(60)] for k, c in enumerate("ab")})
        args = ("--from", "photos", "--name", "x", "--data", str(small), "--quiet")
        outcome = place.run(*args)
        assert outcome.code == 1
        assert "the disk is full" in outcome.err
        assert outcome.err.count("\n") == 1
        subprocess.run(["mount", "-o", "remount,size=20m", str(small)], check=True)
        place.good(*args)
        assert "passes: 120 images" in place.good("--verify", "x", "--data", str(small)).out
    finally:
        subprocess.run(["umount", str(small)], check=True)
