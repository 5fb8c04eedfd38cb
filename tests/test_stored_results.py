"""Results that an earlier version wrote stay readable. stored_results/README.md says how they were made."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from bench.plans import public_recipe
from bench.plans.plan import run_name
from bench.recipes import make_recipe
from bench.records import (
    PICTURES,
    RUN_FILE,
    facts_folder,
    read_facts,
    read_pictures,
    read_predictions,
    read_run,
    read_runs,
    run_folders,
    write_facts,
    write_pictures,
    write_predictions,
    write_run,
)
from reports.page import build

STORED = Path(__file__).resolve().parent / "stored_results"
ACCURACIES = {"baseline-cnn": 0.7675, "finetuned-vgg": 0.9075, "frozen-vgg": 0.84}
FOLDERS = run_folders(STORED, "sample")

each_run = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def test_all_stored_runs_are_readable_and_keep_their_accuracy() -> None:
    runs, errors = read_runs(STORED, "sample")
    assert errors == []
    assert {run.model.name: run.result.accuracy for run in runs.values()} == ACCURACIES


@each_run
def test_predictions_agree_with_the_run_record(folder: Path) -> None:
    run = read_run(folder)
    predictions = read_predictions(folder, run)
    assert len(predictions) == run.dataset.test
    pairs = Counter((p.truth, p.predicted) for p in predictions)
    classes = run.dataset.classes
    assert run.result.confusion == [[pairs[truth, predicted] for predicted in classes] for truth in classes]


@each_run
def test_every_stored_picture_is_listed(folder: Path) -> None:
    files = {path.name for path in (folder / PICTURES).iterdir()} - {"pictures.json"}
    assert {picture.picture for picture in read_pictures(folder, read_run(folder))} == files


@each_run
def test_facts_of_the_dataset_belong_to_the_run(folder: Path) -> None:
    run = read_run(folder)
    facts_home = facts_folder(STORED, run.dataset.name, run.dataset.manifest_sha256)
    facts = read_facts(facts_home)
    assert facts is not None
    assert facts.manifest_sha256 == run.dataset.manifest_sha256
    assert sum(facts.counts["test"].values()) == run.dataset.test
    assert all((facts_home / sample.picture).is_file() for sample in facts.samples)


@each_run
def test_what_lies_beside_a_stored_record_is_written_back_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    (tmp_path / PICTURES).mkdir()
    run = read_run(folder)
    write_predictions(tmp_path, read_predictions(folder, run))
    write_pictures(tmp_path, read_pictures(folder, run))
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 2
    for path in written:
        assert path.read_bytes() == (folder / path.relative_to(tmp_path)).read_bytes(), path.name


def _without_new_keys(written: object, stored: object) -> object:
    """`written` without the keys that `stored` lacks; each of these must be null or 0."""
    if isinstance(written, dict) and isinstance(stored, dict):
        assert all(written[key] in (None, 0) for key in written.keys() - stored.keys())
        return {key: _without_new_keys(value, stored[key]) for key, value in written.items() if key in stored}
    if isinstance(written, list) and isinstance(stored, list):
        return [_without_new_keys(*pair) for pair in zip(written, stored, strict=True)]
    return written


@each_run
def test_the_same_recipe_still_gives_the_name_of_a_stored_run(folder: Path) -> None:
    run = read_run(folder)
    recipe = make_recipe(run.model.name, {key: value for key, value in run.recipe.items() if value is not None})
    conditions = (run.dataset.manifest_sha256, run.model.weights_sha256 or "", run.device.kind, run.device.name)
    assert public_recipe(run.model.name, recipe) == run.recipe
    assert run_name(run.model.name, recipe, run.seed, *conditions) == run.run


@each_run
def test_a_stored_record_keeps_every_key_when_it_is_written_back(folder: Path, tmp_path: Path) -> None:
    write_run(tmp_path, read_run(folder))
    written, stored = (json.loads((home / RUN_FILE).read_text()) for home in (tmp_path, folder))
    assert _without_new_keys(written, stored) == stored


def test_stored_facts_keep_every_key_when_they_are_written_back(tmp_path: Path) -> None:
    (stored,) = (STORED / "sample").glob("manifest-*/dataset.json")
    facts = read_facts(stored.parent)
    assert facts is not None
    write_facts(tmp_path, facts)
    written, earlier = (json.loads(path.read_text()) for path in (tmp_path / "dataset.json", stored))
    assert _without_new_keys(written, earlier) == earlier


def test_the_stored_runs_give_a_report(tmp_path: Path) -> None:
    shutil.copytree(STORED / "sample", tmp_path / "sample")
    (path,) = build(tmp_path)
    text = path.read_text()
    for model, accuracy in (
        ("Fine-tuned VGG", "90.8\u00a0%"),
        ("Frozen VGG", "84.0\u00a0%"),
        ("Baseline CNN", "76.8\u00a0%"),
    ):
        assert model in text and accuracy in text
    assert "sample-pretraining (8 classes, 4,000 images, 64 px)" in text
    assert "could not be used" not in text
