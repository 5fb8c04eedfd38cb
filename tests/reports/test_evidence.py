"""What lies beside a record is used only if it fits the record. What does not fit is named."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bench.records import RecordError, file_hashes, read_run, write_run
from reports import page
from reports.study import Contender, compare_study, load_study
from reports.study.contenders import make_contenders
from reports.study.load import Study
from reports.study.pictures import Gallery, read_gallery
from tests.factories.results import FROZEN, SCRATCH, make_facts, make_run

FROZEN_RUN, SCRATCH_RUN = "ds/frozen-vgg-s1", "ds/scratch-vgg-s1"


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of one dataset: a frozen VGG with pictures, a scratch VGG without, and the dataset's facts."""
    folder = tmp_path_factory.mktemp("intact") / "results"
    for profile in (FROZEN, SCRATCH):
        run = make_run(folder, "ds", ["a", "b"], profile, 1, test=40, epochs=2, pictures=profile is FROZEN)
    make_facts(folder, run)
    return folder


@pytest.fixture
def results(intact: Path, tmp_path: Path) -> Path:
    """A copy of these results, to be damaged."""
    return shutil.copytree(intact, tmp_path / "results")


@dataclass(frozen=True)
class OpenedResults:
    """What results give: the study, its contenders and pictures, and in lines all that was left out."""

    study: Study
    contenders: list[Contender]
    gallery: Gallery
    left_out: str


def opened(results: Path) -> OpenedResults:
    """Read all that is stored of `ds`, without the statistics of a comparison, which take most of the time."""
    study = load_study(results, "ds")
    contenders, _, files = make_contenders(list(study.groups))
    gallery = read_gallery(study, contenders, next(iter(study.facts.values()), None))
    return OpenedResults(study, contenders, gallery, "\n".join((*study.left_out, *files, *gallery.left_out)))


def test_intact_results_leave_nothing_out(results: Path) -> None:
    read = opened(results)
    assert read.left_out == ""
    assert [bool(c.predictions) for c in read.contenders] == [True, True]


def with_probability(value: str) -> Callable[[list[str]], list[str]]:
    """A change of a table's lines: the first probability becomes `value`."""

    def change(lines: list[str]) -> list[str]:
        cells = lines[1].split(",")
        return [lines[0], ",".join([*cells[:3], value, *cells[4:]]), *lines[2:]]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[:20], "lists 19 images, but the run was tested on 40"),
        (lambda lines: [*lines, *lines[1:]], "an image is listed twice"),
        (lambda lines: [*lines, "test/a/more.jpg,a,a,0.9,0.1,"], "lists 41 images, but the run was tested on 40"),
        (with_probability("5"), "a probability is not between 0 and 1"),
        (with_probability("-1"), "a probability is not between 0 and 1"),
        (with_probability("nan"), "a probability is not between 0 and 1"),
        (with_probability("inf"), "a probability is not between 0 and 1"),
        (with_probability("high"), ":2: is not a prediction"),
        (
            lambda lines: [line.replace(",a,b,", ",a,a,") for line in lines],
            "answers are right, but the accuracy in",
        ),
        (lambda lines: [line.replace(",a,a,", ",b,b,") for line in lines], "contradicts result.confusion in run.json"),
        (lambda lines: [line.replace(",b,", ",c,") for line in lines], "'c' is not one of the classes"),
        (lambda lines: [*lines[:5], "x" * 200_000, *lines[6:]], "is not a prediction"),
        (lambda lines: [*lines[:5], lines[5] + ",1", *lines[6:]], ":6: is not a prediction"),
        (lambda lines: lines[1:], "is not a prediction"),
        (lambda lines: [], "lists 0 images, but the run was tested on 40"),
        (lambda lines: ["\udcff"], "cannot be read"),
    ],
)
def test_predictions_that_do_not_fit_their_run_are_named_and_not_used(
    change: Callable[[list[str]], list[str]], message: str, results: Path
) -> None:
    path = results / FROZEN_RUN / "predictions.csv"
    lines = change(path.read_text().splitlines())
    path.write_text("\n".join(lines), errors="surrogateescape")
    read = opened(results)
    assert read.left_out.startswith(f"{FROZEN_RUN}/predictions.csv") and message in read.left_out
    assert {c.name: bool(c.predictions) for c in read.contenders} == {"Frozen VGG": False, "Scratch VGG": True}


def test_an_infinite_loss_is_named(results: Path) -> None:
    path = results / FROZEN_RUN / "predictions.csv"
    lines = path.read_text().splitlines()
    cells = lines[1].split(",")
    path.write_text("\n".join([lines[0], ",".join([*cells[:4], "inf", ""]), *lines[2:]]))
    assert "a loss is negative or not a number" in opened(results).left_out


def test_clean_answers_must_give_the_clean_accuracy(results: Path) -> None:
    path = results / FROZEN_RUN / "run.json"
    values = json.loads(path.read_text())
    values["result"] |= {"clean_accuracy": 0.5, "clean_images": 10}
    path.write_text(json.dumps(values))
    assert "predictions.csv: contradicts result.clean_accuracy in run.json" in opened(results).left_out


def test_a_file_that_changed_since_its_run_is_named_by_its_hash(results: Path) -> None:
    folder = results / FROZEN_RUN
    (folder / "weights.safetensors").write_bytes(b"not read here")
    write_run(folder, replace(read_run(folder), files=file_hashes(folder)))
    assert opened(results).left_out == ""
    path = folder / "predictions.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(with_probability("0.654321")(lines)) + "\n")  # plausible
    assert "predictions.csv: changed since the run wrote it" in opened(results).left_out
    path.unlink()
    assert "predictions.csv: missing" in opened(results).left_out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("null", "is not a list of pictures"),
        ("7", "is not a list of pictures"),
        ("[null, 3]", "[0] must be keys with values"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"kind": "sample", "picture": 3}]', '"picture" must be'),
        ('[{"kind": "sample", "picture": "\\ud800.webp"}]', "surrogate"),
        ('[{"kind": "sample", "picture": "a\\u0000.webp"}]', "lies outside its folder"),
        ('[{"kind": "sample", "picture": ""}]', "lies outside its folder"),
        ('[{"kind": "sample", "picture": "none.webp"}]', "none.webp: missing"),
        ('[{"kind": "worst", "picture": "sample_00.webp", "truth": "z"}]', "its class is not one of the classes"),
        ('[{"kind": "worst", "picture": "sample_00.webp", "probability": 7}]', "probability is not between 0 and 1"),
        ('[{"kind": "worst", "picture": "sample_00.webp", "probability": NaN}]', "not a finite number"),
        ('[{"kind": "sample", "kind": "cam", "picture": "x"}]', "'kind' appears twice"),
    ],
)
def test_an_odd_list_of_pictures_is_named(content: str, message: str, results: Path) -> None:
    (results / FROZEN_RUN / "pictures/pictures.json").write_text(content)
    read = opened(results)
    assert message in read.left_out and read.left_out.startswith(f"{FROZEN_RUN}/pictures")
    assert read.study.facts and read.gallery.by_class


def put_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def put_bomb(path: Path) -> None:
    Image.new("RGB", (4000, 4000)).save(path)


def put_other_format(path: Path) -> None:
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")


@pytest.mark.parametrize(
    ("put", "message"),
    [
        (put_fifo, "is not a file"),
        (put_bomb, "has more than 1,000,000 pixels"),
        (put_other_format, "is not a readable WebP picture"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "is not a readable WebP picture"),
        (lambda path: path.write_bytes(bytes(1_000_001)), "is larger than 1,000,000 bytes"),
    ],
)
def test_a_picture_that_is_no_picture_is_named(put: Callable[[Path], object], message: str, results: Path) -> None:
    put(results / FROZEN_RUN / "pictures/sample_00.webp")
    left_out = opened(results).left_out
    assert left_out == f"{FROZEN_RUN}/pictures/sample_00.webp: {left_out.split(': ', 1)[1]}"
    assert message in left_out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": None}, '"classes" must be'),
        ({"counts": {"train": {"a": -1}}}, "a count is negative"),
        ({"counts": {"train": {"z": 1}}}, "counts images of a class that is not one of the classes"),
        ({"counts": {}}, "counts no images of train"),
        ({"pixels": []}, "pixels are not the shortest and the longest side"),
        ({"floors": {"majority": 1.5}}, "a floor is not between 0 and 1"),
        ({"floors": {"majority": 10**400}}, "a number has 401 digits"),
        ({"leaked": ["x"], "leaks": 3}, "leaked lists 1 files, not 3"),
        ({"manifest_sha256": "../../../../etc"}, "manifest_sha256 is that of another dataset"),
        ({"classes": ["b", "a"]}, "has other classes than the runs"),
        ({"samples": [{"kind": "sample", "picture": "x", "truth": "z"}]}, "its class is not one of the classes"),
        ({"samples": 3}, '"samples" must be'),
        ({"name": "\ud800"}, "surrogate"),
    ],
)
def test_odd_facts_of_the_dataset_are_named_and_not_used(changes: dict[str, Any], message: str, results: Path) -> None:
    (path,) = (results / "ds").glob("manifest-*/dataset.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    read = opened(results)
    assert read.left_out.startswith(f"ds/{path.parent.name}/dataset.json") and message in read.left_out
    assert not read.study.facts


@pytest.mark.parametrize("content", ["null", "[]", "{" * 9, '{"a":' * 100_000, "9" * 5000, "", '"\\ud800"'])
@pytest.mark.parametrize("name", ["run.json", "dataset.json"])
def test_json_that_cannot_be_used_is_named(name: str, content: str, results: Path) -> None:
    path = next((results / "ds").glob("manifest-*")) / name if name == "dataset.json" else results / FROZEN_RUN / name
    path.write_text(content)
    assert opened(results).left_out.startswith(str(path.relative_to(results)))


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        ("result", {"accuracy": 1.7}, "a share is not between 0 and 1"),
        ("result", {"accuracy": None}, "result.accuracy is missing"),
        ("result", {"accuracy": 0.5}, "result.accuracy"),
        ("result", {"accuracy_low": 0.99}, "not from accuracy_low to accuracy_high"),
        ("result", {"confusion": [[40]]}, "result.confusion is not 2 x 2"),
        ("result", {"confusion": [[60, -20], [0, 0]]}, "does not count the 40 test images"),
        ("result", {"clean_accuracy": 0.5}, "only one of result.clean_accuracy and result.clean_images"),
        ("dataset", {"test": 0}, "dataset.test is 0"),
        ("dataset", {"test": 10**30}, "a number has 31 digits"),
        ("dataset", {"classes": ["a", "a"]}, "names a class twice"),
        ("dataset", {"manifest_sha256": "/../../secret"}, "is not 64 hex digits"),
        ("dataset", {"validation": 5000}, "dataset.validation is 5000 of"),
        ("cost", {"total_seconds": -1.0}, "is negative or infinite"),
        ("cost", {"peak_memory_bytes": -3}, "is negative or infinite"),
        ("model", {"parameters_total": -1}, "is negative or infinite"),
        ("recipe", {"size": [64]}, '"recipe" must be'),
        ("recipe", {"width": {"a": 1}}, '"recipe" must be'),
        ("", {"created": "yesterday"}, "created is 'yesterday'"),
        ("", {"recipe": None}, '"recipe" must be'),
        ("", {"notes": [None]}, '"notes[0]" must be'),
    ],
)
def test_an_impossible_record_is_named_and_not_used(
    part: str, changes: dict[str, Any], message: str, results: Path
) -> None:
    path = results / FROZEN_RUN / "run.json"
    values = json.loads(path.read_text())
    (values[part] if part else values).update(changes)
    path.write_text(json.dumps(values))
    read = opened(results)
    assert read.left_out.startswith(f"{FROZEN_RUN}/run.json: ") and message in read.left_out
    assert [c.name for c in read.contenders] == ["Scratch VGG"]


def test_an_empty_recipe_and_no_epochs_still_give_a_report(results: Path) -> None:
    path = results / FROZEN_RUN / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"recipe": {}, "epochs": []}))
    read = opened(results)
    assert read.left_out == "" and len(read.contenders) == 2
    assert page.page(compare_study(read.study))


def test_a_copy_of_a_run_does_not_count_as_another_run(results: Path) -> None:
    shutil.copytree(results / FROZEN_RUN, results / "ds" / "a-copy")
    read = opened(results)
    assert read.left_out == "ds/a-copy/run.json: is a copy of the run in frozen-vgg-s1"
    assert all(len(c.group.runs) == 1 and not c.group.replaced for c in read.contenders)


@pytest.mark.parametrize("name", ["run.json", "predictions.csv", "pictures/pictures.json"])
def test_a_pipe_in_place_of_a_file_holds_nothing_up(name: str, results: Path) -> None:
    path = results / FROZEN_RUN / name
    put_fifo(path)
    assert f"{FROZEN_RUN}/{name}: is not a file" in opened(results).left_out


def test_the_table_names_what_it_left_out(reports, results: Path) -> None:
    path = results / FROZEN_RUN / "predictions.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:20]))
    (results / SCRATCH_RUN / "run.json").write_text("{}")
    done = reports("table", "--results", results)
    assert done.returncode == 0 and "Frozen VGG" in done.stdout
    assert done.stderr.splitlines() == [
        f"left out: {FROZEN_RUN}/predictions.csv: lists 19 images, but the run was tested on 40",
        f"left out: {SCRATCH_RUN}/run.json: schema is None, this version reads 'vggbench.run/1'",
    ]


def test_a_record_of_a_newer_version_says_so(results: Path) -> None:
    path = results / FROZEN_RUN / "run.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"colour": "red", "code": {"version": "9.0.0", "commit": None, "dirty": None}}))
    with pytest.raises(RecordError, match=r'unknown key "colour".*vggbench 9\.0\.0 wrote it, and this is .*the newer'):
        read_run(path)
