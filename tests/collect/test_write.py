"""What is written about a dataset, and which one counts as collected last."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from collect import collect, load_datasets
from collect.datasets import ClassSearch, parse_dataset
from collect.errors import UsageError
from collect.journal import Photo
from collect.manifest import Rejected, Row, last_collected
from collect.resume import is_complete
from collect.wording import counted, duration
from collect.write import license_warnings
from collect.write.preview import write_preview
from tests.servers.photos import jpeg


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(1, "photo", "1 photo"), (0, "photo", "0 photos"), (2000, "class", "2,000 classes"), (1, "class", "1 class")],
)
def test_a_number_has_its_noun_in_the_right_form(number: int, noun: str, text: str) -> None:
    assert counted(number, noun) == text


def test_a_duration_has_a_unit_that_fits() -> None:
    assert [duration(s) for s in (4.21, 75, 720, 12600)] == ["4.2 s", "75 s", "12 min", "3.5 h"]


def test_licence_warnings_count_correctly() -> None:
    rows = [Row("", "car", "train", str(i), license=code) for i, code in enumerate(["arr", "by-nc", "by-nc"])]
    assert license_warnings(rows) == [
        "1 photo with all rights reserved: do not pass the dataset on",
        "2 photos without commercial use (NC)",
    ]


def test_the_contact_sheet_shows_both_and_escapes_what_it_quotes(tmp_path: Path) -> None:
    rows = [Row("train/car/a b.jpg", "car", "train", "1", title="<b>&", owner_name="Ann", license="by")]
    rejected = [Rejected("car", "9", None, "near-duplicate", "like <i>1</i>")]
    photos = {("car", "9"): Photo("car", "9", thumb=bytes(32 * 32))}
    write_preview(tmp_path, rows, rejected, photos)
    html = (tmp_path / "preview.html").read_text()
    assert "<h2>train: car, 1 kept</h2>" in html
    assert 'src="train/car/a%20b.jpg" alt="train/car/a b.jpg, &lt;b&gt;&amp;, Ann, by"' in html
    assert "<h2>near-duplicate, 1 rejected</h2>" in html
    assert 'src="data:image/png;base64,iVBOR' in html
    assert "car 9: like &lt;i&gt;1&lt;/i&gt;" in html
    assert "default-src 'none'" in html


def test_asking_whether_a_dataset_is_complete_changes_nothing_and_collecting_it_marks_it(tmp_path: Path) -> None:
    sample = replace(load_datasets()["sample"], classes=(ClassSearch("car"), ClassSearch("boat")), train=3, test=1)
    first, second = (replace(sample, name=name) for name in ("first", "second"))
    for dataset in (first, second):
        collect(dataset, tmp_path, quiet=True)
        os.utime(tmp_path / dataset.name / "dataset.toml", (1, 1 + (dataset is second)))
    assert is_complete(tmp_path / "first", first)
    assert not is_complete(tmp_path / "first", replace(first, seed=7))
    assert last_collected(tmp_path) == "second"
    assert not collect(first, tmp_path, quiet=True).changed
    assert last_collected(tmp_path) == "first"


def test_the_dataset_collected_last_is_known_when_the_clock_was_set_back(tmp_path: Path) -> None:
    sample = replace(load_datasets()["sample"], classes=(ClassSearch("car"), ClassSearch("boat")), train=3, test=1)
    collect(replace(sample, name="first"), tmp_path, quiet=True)
    future = time.time() + 10**6
    os.utime(tmp_path / "first/dataset.toml", (future, future))
    collect(replace(sample, name="second"), tmp_path, quiet=True)
    assert last_collected(tmp_path) == "second"
    collect(replace(sample, name="first"), tmp_path, quiet=True)
    assert last_collected(tmp_path) == "first"


def test_no_file_of_a_dataset_holds_the_path_of_its_source(
    tmp_path: Path, class_folders: Callable[[str, dict[str, list[bytes]]], Path]
) -> None:
    source = class_folders("home/ann/pets", {"cat": [jpeg(i) for i in range(4)], "dog": [jpeg(i) for i in range(4, 8)]})
    (source / "cat/9.jpg").write_bytes(b"not an image")
    dataset = parse_dataset("x", {"source": "folder", "url": str(source)}, "")
    collect(dataset, tmp_path, quiet=True)
    assert b'url = "pets"' in (tmp_path / "x/dataset.toml").read_bytes()
    for path in (tmp_path / "x").rglob("*"):
        assert path.is_dir() or str(tmp_path).encode() not in path.read_bytes(), path
    assert not collect(dataset, tmp_path, quiet=True).changed
    (source / "dog/4.jpg").write_bytes(jpeg(8))
    assert collect(dataset, tmp_path, quiet=True).changed
    other = class_folders("elsewhere/pets", {"cat": [jpeg(10), jpeg(11)], "dog": [jpeg(12), jpeg(13)]})
    with pytest.raises(UsageError, match=r"x: was collected from another place than .*elsewhere/pets; choose another"):
        collect(replace(dataset, url=str(other)), tmp_path, quiet=True)
