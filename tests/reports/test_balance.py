"""Unequal classes in the report: 400 photos of one class and 20 of the other, where always guessing gives 95.2 %."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.records import facts_folder, write_facts, write_run
from reports.export import export
from reports.parts.balance import more_images, unequal_classes
from reports.parts.evidence import evidence
from reports.parts.verdict import would_change
from reports.study import Comparison, compare_study, load_study
from tests.factories.results import BASELINE, FROZEN, make_facts, make_run

ALWAYS_CAR = [[0, 4], [0, 80]]
USEFUL = [[3, 1], [2, 78]]


def compare(
    results: Path, frozen: list[list[int]], baseline: list[list[int]], train: dict[str, int] | None
) -> Comparison:
    """Runs with these confusion matrices over bicycle and car, and facts with these train counts."""
    for profile, confusion in ((FROZEN, frozen), (BASELINE, baseline)):
        test = sum(map(sum, confusion))
        run = make_run(results, "ds", ["bicycle", "car"], profile, 1, test=test, evidence=False)
        share = (confusion[0][0] + confusion[1][1]) / test
        result = replace(run.result, confusion=confusion, accuracy=share, accuracy_low=None, accuracy_high=None)
        write_run(results / "ds" / run.run, replace(run, result=result))
    if train:
        facts = make_facts(results, run)
        folder = facts_folder(results, "ds", run.dataset.manifest_sha256)
        write_facts(folder, replace(facts, counts={"train": train, "test": {"bicycle": 4, "car": 80}}))
    return compare_study(load_study(results, "ds"))


@pytest.fixture
def unequal(tmp_path: Path) -> Comparison:
    """Frozen VGG tells the classes apart, the baseline always answers car; 16 bicycles and 320 cars in train."""
    return compare(tmp_path, USEFUL, ALWAYS_CAR, {"bicycle": 16, "car": 320})


def test_the_evidence_gives_balanced_accuracy_and_what_always_guessing_gives(unequal: Comparison) -> None:
    ((text, link),) = unequal_classes(unequal)
    assert (text, link) in evidence(unequal)
    assert "always answering car gives 95.2\u00a0%" in text
    assert "86.3\u00a0% for frozen VGG and 50.0\u00a0% for baseline CNN; guessing gives 50.0\u00a0%" in text
    assert text.endswith("Not shown to be better than always guessing: frozen VGG and baseline CNN.")
    assert link == "table"


def test_the_remedy_is_more_images_of_the_small_class_not_more_seeds(unequal: Comparison) -> None:
    first, *others = would_change(unequal)
    assert first == "More images of bicycle: car has 320, bicycle 16. More seeds do not replace them."
    assert not [row for row in others if "seed" in row]


def test_a_small_class_with_enough_images_may_be_balanced(tmp_path: Path) -> None:
    comparison = compare(tmp_path, USEFUL, ALWAYS_CAR, {"bicycle": 120, "car": 627})
    assert more_images(comparison) == [
        "More images of bicycle: car has 627, bicycle 120. Or make the classes equal: collect again with --train 120 "
        "and --test."
    ]


def test_tables_have_balanced_accuracy_only_where_classes_are_unequal(unequal: Comparison, tmp_path: Path) -> None:
    equal = compare(tmp_path / "equal", [[40, 2], [2, 40]], [[30, 12], [12, 30]], None)
    assert "Balanced accuracy (%)" in export([unequal], "md") and "86.3" in export([unequal], "md")
    assert "Balanced accuracy" not in export([equal], "md")
    shown = {row["name"]: row["balanced_accuracy"] for row in json.loads(export([unequal], "json"))}
    assert shown == {"Frozen VGG": pytest.approx((3 / 4 + 78 / 80) / 2), "Baseline CNN": 0.5}
    assert {row["balanced_accuracy"] for row in json.loads(export([equal], "json"))} == {None}


def test_equal_classes_have_neither_statement_nor_remedy(tmp_path: Path) -> None:
    equal = compare(tmp_path, [[40, 2], [2, 40]], [[30, 12], [12, 30]], None)
    assert unequal_classes(equal) == more_images(equal) == []
