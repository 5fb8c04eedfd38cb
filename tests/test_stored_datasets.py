"""A dataset that an earlier version wrote can be checked, used and collected again. stored_datasets/README.md."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench.data import open_source
from collect.audit import check_dataset
from collect.manifest import load_rows, manifest_sha256
from collect.pipeline import collect
from collect.write import read_dataset_file

STORED = Path(__file__).resolve().parent / "stored_datasets"
SHA256 = "71c56cb20b65e55430932fe6f3481db6009dcca53fc4071d86b1d7d992170d1e"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder data/ with a copy of the stored dataset."""
    shutil.copytree(STORED / "vehicles", tmp_path / "data/vehicles")
    return tmp_path / "data"


def contents(folder: Path) -> dict[str, bytes]:
    """The visible files of a dataset."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_it_is_read_with_the_same_hash_and_passes_verify(data: Path) -> None:
    rows = load_rows(data / "vehicles")
    assert len(rows) == 6 and manifest_sha256(rows) == SHA256
    check = check_dataset(data / "vehicles")
    assert check.passed, (check.differences, check.leaks)


def test_bench_opens_it_under_the_same_hash(data: Path) -> None:
    source = open_source("vehicles", data)
    assert source.sha256 == SHA256
    assert source.counts() == {"train": {"bicycle": 2, "car": 2}, "test": {"bicycle": 1, "car": 1}}


def test_the_command_that_made_it_changes_nothing_and_a_larger_one_keeps_its_photos(data: Path) -> None:
    folder = data / "vehicles"
    before, recipe = contents(folder), read_dataset_file(folder).recipe
    collect(recipe, data, quiet=True)
    assert contents(folder) == before
    rows = {row.file: row.sha256 for row in load_rows(folder)}
    collect(replace(recipe, train=3), data, quiet=True)
    grown = {row.file: row.sha256 for row in load_rows(folder)}
    assert len(grown) == 8 and grown.items() >= rows.items()
