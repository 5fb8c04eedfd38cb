"""The facts that are kept about a dataset beside its runs."""

import json
from pathlib import Path

import pytest

from bench.data import open_source
from bench.neighbours import find_leaks
from bench.outcome import keep_facts
from bench.records import facts_folder, read_facts
from tests.bench.conftest import draw_dataset


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    """A folder data/ with `leaky`: two classes, 6 train and 3 test drawings each, one car in both."""
    folder = draw_dataset(tmp_path / "data" / "leaky", ("car", "bicycle"), 6, 3)
    (folder / "test/car/car_008.jpg").write_bytes((folder / "train/car/car_001.jpg").read_bytes())
    return folder.parent


def test_the_files_of_the_leaks_are_listed(leaky: Path, tmp_path: Path) -> None:
    facts = keep_facts(open_source("leaky", leaky), tmp_path / "results", find_leaks)
    assert (facts.leaks, facts.leaked) == (1, ["test/car/car_008.jpg"])
    assert facts.nearly_leaked is None  # a plain folder has no perceptual hashes


def test_facts_of_an_earlier_version_get_the_list_and_keep_the_rest(leaky: Path, tmp_path: Path) -> None:
    source, results = open_source("leaky", leaky), tmp_path / "results"
    written = keep_facts(source, results, find_leaks)
    folder = facts_folder(results, "leaky", source.sha256)
    older = json.loads((folder / "dataset.json").read_text())
    del older["leaked"], older["nearly_leaked"]
    (folder / "dataset.json").write_text(json.dumps(older))
    keep_facts(source, results, find_leaks)
    assert read_facts(folder) == written


def test_known_facts_are_not_computed_again(leaky: Path, tmp_path: Path) -> None:
    source = open_source("leaky", leaky)
    written = keep_facts(source, tmp_path / "results", find_leaks)

    def fail(*_: object) -> tuple[list[str], None]:
        raise AssertionError("the leaks are known")

    assert keep_facts(source, tmp_path / "results", fail) == written
