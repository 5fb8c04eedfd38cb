"""The class of each file from a CSV, and lists of files on this machine."""

from pathlib import Path

import pytest

from collect.candidate import RejectReason
from collect.datasets import ClassSearch, Dataset
from collect.errors import SourceError, UsageError
from collect.manifest import read_manifest, read_rejected
from collect.pipeline import collect
from collect.sources.labels import FileIndex, label_files
from collect.sources.table import read_table
from tests.collect.conftest import Workplace
from tests.collect.test_archive import zipped
from tests.collect.test_files import check_sum, collected
from tests.servers.photos import jpeg

FILES = [f"images/{i:03}.jpg" for i in range(8)]


def read_labels(tmp_path: Path, text: str, files: list[str] = FILES) -> dict[str, str]:
    """The class of each file that gets one."""
    (tmp_path / "labels.csv").write_text(text)
    found = label_files(files, tmp_path / "labels.csv", lambda line: None)
    return {file: place.class_ for file, place in found.places.items()}


def photo_folder(tmp_path: Path, names: list[str] = FILES) -> Path:
    """A folder with a different photo under each name."""
    for i, name in enumerate(names):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(jpeg(i))
    return tmp_path / "photos"


@pytest.mark.parametrize(
    "text",
    [
        "filename,label\n000.jpg,cat\n001.jpg,dog\n",
        "image,class\n000,cat\n001,dog\n",
        "path,label\nimages/000.jpg,cat\n./images/001.jpg,dog\n",
        "id,breed\n000,cat\n001,dog\n",
        "breed,id\ncat,000\ndog,001\n",
        "label,number,path\ncat,7,data/images/000.jpg\ndog,7,data/images/001.jpg\n",
        "Image ID;Kind\n000;cat\n001;dog\n",
        "\ufefffile\tlabel\n000.jpg\tcat\n001.jpg\tdog\n",
        "000.jpg,cat\n001.jpg,dog\n",  # no header
        '"image","label"\r\n"images\\000.jpg","cat"\r\n\r\n"/home/ana/images/001.jpg","dog"\r\n',
        "image,label\nfile:///home/ana/images/000.jpg,cat\nfile:///x/001.jpg,dog\n",
    ],
)
def test_labels_are_found_under_usual_headers(tmp_path: Path, text: str) -> None:
    assert read_labels(tmp_path, text) == {"images/000.jpg": "cat", "images/001.jpg": "dog"}


def test_what_was_guessed_is_shown_before_anything_is_copied(place: Workplace) -> None:
    photo_folder(place.folder)
    rows = [f"{i:03},{'pug' if i % 2 else 'beagle'}" for i in range(6)]
    (place.folder / "labels.csv").write_text("\n".join(["id,breed", *rows, "099,pug", "7,pug", "006,"]))
    outcome = place.good("--from", "photos", "--labels", "labels.csv", "--name", "dogs")
    assert outcome.err.splitlines() == [
        'labels.csv: column "id" has the files, column "breed" the classes',
        "  6 files in 2 classes: beagle 3, pug 3",
        "  2 rows without a file, such as '099' (line 8), '7' (line 9)",
    ]
    assert outcome.out.splitlines()[-1] == "8 files: 6 kept, 0 rejected, 2 ignored (2 unlabelled)"
    rejected = place.rows("dogs", "rejected.jsonl")
    assert [(r["source_id"], r["reason"], r["detail"]) for r in rejected] == [
        ("099", "no-file", "labels.csv:8: no such file"),
        ("7", "no-file", "labels.csv:9: no such file"),
    ]
    assert "nothing to do" in place.good("--from", "photos", "--labels", "labels.csv", "--name", "dogs").out
    (place.folder / "photos/099.jpg").write_bytes(jpeg(99))
    (place.folder / "labels.csv").write_text("\n".join(["id,breed", *rows, "099.jpg,pug", "006,beagle"]))
    place.good("--from", "photos", "--labels", "labels.csv", "--name", "dogs")
    assert len(place.rows("dogs")) == 8
    assert place.rows("dogs", "rejected.jsonl") == []


def test_a_file_of_two_classes_belongs_to_neither_until_the_csv_is_right(tmp_path: Path) -> None:
    folder, labels = photo_folder(tmp_path), tmp_path / "labels.csv"
    rows = [f"{i:03},{'ab'[i % 2]}" for i in range(8)]
    labels.write_text("\n".join(["id,label", *rows, "000,b", "001,b"]))
    summary = collected(tmp_path / "data", folder, labels=str(labels))
    check_sum(summary, tmp_path / "data/x")
    (reject,) = read_rejected(tmp_path / "data/x")
    assert (reject.source_id, reject.reason) == ("images/000.jpg", RejectReason.CLASS_CONFLICT)
    assert reject.detail == "labels.csv: line 2 says a, line 10 b"
    labels.write_text("\n".join(["id,label", *rows]))
    collected(tmp_path / "data", folder, labels=str(labels))
    assert len(read_manifest(tmp_path / "data/x")) == 8
    assert "labels.csv" in (tmp_path / "data/x/dataset.toml").read_text()
    assert str(tmp_path) not in (tmp_path / "data/x/dataset.toml").read_text()


def test_an_archive_may_have_labels_and_keeps_its_split(tmp_path: Path) -> None:
    files = {f"{side}/{i}.jpg": jpeg(50 * k + i) for k, side in enumerate(("Train", "valid")) for i in range(4)}
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *(f"{f},{'ab'[int(f[-5]) % 2]}" for f in files)]))
    archive = zipped(tmp_path / "x.zip", files)
    summary = collected(tmp_path / "data", archive, labels=str(tmp_path / "labels.csv"))
    assert summary.counts == {"train": {"a": 2, "b": 2}, "test": {"a": 2, "b": 2}}
    named = collected(tmp_path / "more", archive, "a", labels=str(tmp_path / "labels.csv"))
    assert named.as_lines()[-1] == "8 files: 4 kept, 0 rejected, 4 ignored (4 of other classes)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "labels.csv: is empty"),
        ("filename,label\nx.jpg,cat\n", "none of its 1 row names a file that is there, such as 'x.jpg' in line 2"),
        ("a,b\nx.jpg,cat\n", "labels.csv:1: which column has the files? The columns are a, b; call the one"),
        ("filename,x,y\n000.jpg,cat,1\n", "labels.csv:1: which column has the classes? The columns are filename, x, y"),
        ("filename,label\n000.jpg,a/b\n", "labels.csv:2: 'a/b' cannot be the name of a folder"),
        (f"filename,label\n{'x' * 200_000},a\n", "cannot be read as CSV"),
    ],
)
def test_unusable_labels_are_one_line_that_names_the_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_labels(tmp_path, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_that_several_files_have_is_not_guessed(tmp_path: Path) -> None:
    files = ["a/1.jpg", "b/1.jpg", "b/2.jpg"]
    index = FileIndex(files)
    assert index.find("1.jpg") == ["a/1.jpg", "b/1.jpg"]
    assert index.find("b/1") == ["b/1.jpg"]
    assert read_labels(tmp_path, "file,label\n1.jpg,x\n2.jpg,y\n", files) == {"b/2.jpg": "y"}


def test_labels_are_for_folders_and_archives_alone(place: Workplace) -> None:
    (place.folder / "list.csv").write_text("url,class\n")
    wrong = [
        ("car", "--labels", "list.csv"),
        ("--from", "list.csv", "--name", "x", "--labels", "list.csv"),
        ("--from", ".", "--name", "x", "--labels", "none.csv"),
    ]
    for args in wrong:
        outcome = place.run(*args)
        assert outcome.code == 2
        assert "labels" in outcome.err


@pytest.mark.parametrize("kind", ["csv", "txt"])
def test_a_list_may_hold_paths_of_every_kind(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    photo_folder(tmp_path, ["cats/a 1.jpg", "cats/2.jpg", "dogs/3.jpg", "dogs/4.jpg"])
    paths = [
        "photos/cats/a 1.jpg",
        str(tmp_path / "photos/cats/2.jpg"),
        (tmp_path / "photos/dogs/3.jpg").as_uri(),
        "../lists/photos/dogs/4.jpg",
        "photos/none.jpg",
    ]
    (tmp_path / "photos").rename(tmp_path / "lists-photos")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists-photos").rename(tmp_path / "lists/photos")
    paths = [path.replace(f"{tmp_path}/photos", f"{tmp_path}/lists/photos") for path in paths]
    classes = ["cat", "cat", "dog", "dog", "dog"]
    pairs = zip(paths, classes, strict=True)
    lines = ["image,class", *(f'"{p}",{c}' for p, c in pairs)] if kind == "csv" else [f"{p} {c}" for p, c in pairs]
    (tmp_path / f"lists/list.{kind}").write_text("\n".join(lines))
    summary = collect(Dataset("x", "urls", url=str(tmp_path / f"lists/list.{kind}")), tmp_path / "data")
    check_sum(summary, tmp_path / "data/x")
    rows = read_manifest(tmp_path / "data/x")
    assert sorted(r.source_id or "" for r in rows) == [
        f"photos/{n}" for n in ("cats/2.jpg", "cats/a 1.jpg", "dogs/3.jpg", "dogs/4.jpg")
    ]
    assert {r.url for r in rows} == {None}
    assert [r.reason for r in read_rejected(tmp_path / "data/x")] == ["unreadable"]
    shown = capsys.readouterr().err
    assert "5 files in 2 classes: dog 3, cat 2" in shown
    assert "1 row without a file, such as 'photos/none.jpg'" in shown


def test_paths_without_a_class_get_that_of_their_folder_and_hide_where_they_are(tmp_path: Path) -> None:
    folder = photo_folder(tmp_path, [f"{c}/{i}.jpg" for c in ("cats", "dogs") for i in range(3)])
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/list.txt").write_text("\n".join(str(path) for path in sorted(folder.rglob("*.jpg"))))
    dataset = Dataset("x", "urls", (ClassSearch("cats"),), url=str(tmp_path / "lists/list.txt"))
    summary = collect(dataset, tmp_path / "data", quiet=True)
    assert summary.as_lines()[-1] == "6 files: 3 kept, 0 rejected, 3 ignored (3 of other classes)"
    assert "pytest-" not in (tmp_path / "data/x/manifest.jsonl").read_text()


def test_a_list_from_the_web_may_not_name_files_of_this_machine(place: Workplace, served) -> None:
    folder, address = served
    photo_folder(place.folder, ["1.jpg"])
    for line in (f"{place.folder}/photos/1.jpg a", f"file://{place.folder}/photos/1.jpg a", "1.jpg a"):
        (folder / "list.txt").write_text(line)
        outcome = place.run("--from", f"{address}/list.txt", "--name", "x", "--allow-private")
        assert outcome.code == 4
        assert "only a local list may name files" in outcome.err


def test_the_surest_column_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "birds.csv").write_text("class id,filepaths,labels,data set\n0,a.jpg,WREN,train\n1,b.jpg,ROBIN,test\n")
    table = read_table(tmp_path / "birds.csv", lambda value: value.endswith(".jpg"))
    assert [(row.file, row.label) for row in table.rows] == [("a.jpg", "WREN"), ("b.jpg", "ROBIN")]
    with pytest.raises(UsageError):
        collect(Dataset("x", "folder"), tmp_path)


@pytest.mark.parametrize("path", ["file://[/x.jpg", "x" * 5000 + ".jpg", "a%00b.jpg", "file:///a%00b.jpg", "a\0b.jpg"])
def test_odd_paths_of_a_list_are_rejected_or_one_line(tmp_path: Path, path: str) -> None:
    folder = photo_folder(tmp_path)
    good = [f"photos/images/{i:03}.jpg,{'ab'[i % 2]}" for i in range(8)]
    (tmp_path / "list.csv").write_text("\n".join(["path,class", *good, f"{path},a"]))
    assert folder.is_dir()
    dataset = Dataset("x", "urls", url=str(tmp_path / "list.csv"))
    if "\0" in path or "file:///" in path:
        with pytest.raises(SourceError, match=r"list\.csv:10: "):
            collect(dataset, tmp_path / "data", quiet=True)
        return
    collect(dataset, tmp_path / "data", quiet=True)
    assert [r.reason for r in read_rejected(tmp_path / "data/x")] == ["unreadable"]
