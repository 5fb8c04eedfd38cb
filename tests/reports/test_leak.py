"""What the report says about test images that are also in train: figures on generated results with known answers."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.records import Prediction, facts_folder, read_facts, write_facts
from reports import page
from reports.parts import leak, verdict_title
from reports.parts.dataset import part as dataset_part
from reports.parts.evidence import leaks
from reports.parts.fairness import checks
from reports.study import Comparison, compare_study, leak_study, load_study
from reports.study.statistics import newcombe
from tests.factories.results import BASELINE, FROZEN, Profile, make_facts, make_run, write_answers

CLASSES, IMAGES = ["bicycle", "car"], 200  # test images per class
Shares = Callable[[int, bool], float]
"""The accuracy of a model on the (leaked) images of a class."""


def make(results: Path, models: dict[str, Shares], leaked_by_class: tuple[int, int], near: int = 0) -> Comparison:
    """Runs whose predictions are right on exactly the given shares. The first images of each class are leaked."""
    files = [[f"test/{name}/{name}_{i:04}.jpg" for i in range(IMAGES)] for name in CLASSES]
    leaked = [file for k, number in enumerate(leaked_by_class) for file in files[k][:number]]
    profiles: dict[str, Profile] = {p.model: p for p in (FROZEN, BASELINE)}
    for model, share in models.items():
        run = make_run(results, "ds", CLASSES, profiles[model], 1, test=2 * IMAGES, pictures=False)
        rows, rng = [], random.Random(model)
        for k, name in enumerate(CLASSES):
            for group in (files[k][: leaked_by_class[k]], files[k][leaked_by_class[k] :]):
                right = {*rng.sample(group, round(share(k, group[0] in leaked) * len(group)))} if group else set()
                rows += [Prediction(f, name, name if f in right else CLASSES[1 - k], 0.9, 0.1) for f in group]
        write_answers(results, run, rows)
    facts = make_facts(results, run)
    exact, nearly = leaked[near:], leaked[:near]
    folder = facts_folder(results, "ds", run.dataset.manifest_sha256)
    write_facts(folder, replace(facts, leaks=len(exact), leaked=exact, nearly_leaked=nearly))
    return compare_study(load_study(results, "ds"))


def test_a_leak_has_its_worth_in_points_with_an_interval(tmp_path: Path) -> None:
    comparison = make(tmp_path, {"frozen-vgg": lambda k, leaked: 0.99 if leaked else 0.86}, (100, 100), near=20)
    study = leak_study(comparison)
    assert study is not None
    (effect,) = study.effects
    assert (effect.overall, effect.leaked, effect.unleaked) == pytest.approx((0.925, 0.99, 0.86))
    assert (effect.difference, effect.excess) == pytest.approx((0.13, 0.065))
    assert effect.interval is not None
    # the classes are alike here, so that their combination is nearly one group of twice the size
    assert effect.interval == pytest.approx(newcombe(0.86, 0.99, 200), abs=0.01)
    low, high = (100 * end for end in effect.interval)
    assert leak.effect_sentence(effect) == (
        "Frozen VGG: 99.0\u00a0% on the leaked images, 86.0\u00a0% on the others. Within classes the difference is "
        f"+13.0 points (95\u00a0% interval +{low:.1f} to +{high:.1f}): accuracy on all is 6.5 points too high."
    )
    assert leaks(comparison) == [
        (
            "Warning: 200 test images are also in train, so accuracy here may be too optimistic. "
            "Frozen VGG is right on 99.0\u00a0% of them and on 86.0\u00a0% of the others.",
            "leak",
        )
    ]


def test_the_title_says_that_test_images_are_also_in_train(tmp_path: Path) -> None:
    comparison = make(tmp_path, {"frozen-vgg": lambda k, leaked: 0.99, "baseline-cnn": lambda k, leaked: 0.8}, (90, 90))
    title = verdict_title(comparison)
    assert title.startswith("Use frozen VGG")
    assert title.endswith("; 180 test images are also in train, which makes this doubtful")


def test_a_difference_that_may_be_chance_is_called_that(tmp_path: Path) -> None:
    comparison = make(tmp_path, {"frozen-vgg": lambda k, leaked: 0.90 if leaked else 0.89}, (100, 100))
    study = leak_study(comparison)
    assert study is not None
    sentence = leak.effect_sentence(study.effects[0])
    assert "+1.0 points" in sentence and sentence.endswith("it may be chance.") and "too high" not in sentence


def test_the_order_of_the_models_can_change_without_the_leak(tmp_path: Path) -> None:
    models: dict[str, Shares] = {
        "baseline-cnn": lambda k, leaked: 1.0 if leaked else 0.70,
        "frozen-vgg": lambda k, leaked: 0.82,
    }
    comparison = make(tmp_path, models, (100, 100))
    study = leak_study(comparison)
    assert study is not None
    assert [e.contender.name for e in study.effects] == ["Baseline CNN", "Frozen VGG"]
    changed, gap = leak.ranking_sentences(study, CLASSES)
    assert changed.endswith("Without the leaked images it is: Frozen VGG and baseline CNN.")
    assert gap.startswith("Frozen VGG is then 12.0 points above baseline CNN (95\u00a0% interval +")
    assert "may be chance" not in gap


def test_the_same_order_is_called_the_same(tmp_path: Path) -> None:
    models: dict[str, Shares] = {
        "baseline-cnn": lambda k, leaked: 0.8 if leaked else 0.7,
        "frozen-vgg": lambda k, leaked: 0.95 if leaked else 0.9,
    }
    study = leak_study(make(tmp_path, models, (60, 100)))
    assert study is not None
    assert leak.ranking_sentences(study, CLASSES) == ["The order of the models is the same without the leaked images."]


def test_a_harder_class_is_not_mistaken_for_an_effect_of_the_leak(tmp_path: Path) -> None:
    # cars are hard and mostly leaked, bicycles easy and mostly not; the leak itself changes nothing
    comparison = make(tmp_path, {"baseline-cnn": lambda k, leaked: (0.95, 0.70)[k]}, (20, 180))
    study = leak_study(comparison)
    assert study is not None
    (effect,) = study.effects
    assert effect.leaked < effect.unleaked - 0.15
    assert (effect.difference, effect.excess) == pytest.approx((0, 0), abs=1e-9)


def test_a_class_whose_test_images_are_all_leaked_is_named_and_nothing_is_concluded(tmp_path: Path) -> None:
    comparison = make(tmp_path, {"frozen-vgg": lambda k, leaked: 0.97 if k else 0.90}, (0, IMAGES))
    study, shown = leak_study(comparison), leak.part(comparison)
    assert study is not None and shown is not None
    (effect,) = study.effects
    assert (effect.difference, effect.interval, effect.excess) == (None, None, None)
    text = str(shown.values["sentences"])
    assert "Every test image of car is also in train: accuracy on new images of car is not known" in text
    assert "too high" not in text
    assert "Every test image of car is: accuracy on new images of car is not known." in leaks(comparison)[0][0]


def test_the_report_has_a_table_of_the_leak_and_near_duplicates_count(tmp_path: Path) -> None:
    comparison = make(tmp_path, {"frozen-vgg": lambda k, leaked: 0.97 if leaked else 0.9}, (100, 50), near=30)
    (path,) = page.build(tmp_path)
    text = path.read_text()
    assert '<section id="leak"' in text and "150 leaked" in text and "250 others" in text
    assert "120 test images are the same file as one in train; 30 more are near duplicates." in text
    assert "Leaked by class: bicycle 100 of 200, car 50 of 200." in text
    assert "120 images with the same bytes, 30 near duplicates" in str(dataset_part(comparison).values["facts"])
    assert [answer for question, _, answer in checks(comparison) if "train and test" in question] == ["150 leaks found"]


def test_facts_without_a_list_of_leaks_still_warn_and_have_no_leak_section(tmp_path: Path) -> None:
    comparison = make(tmp_path, {"frozen-vgg": lambda k, leaked: 0.97}, (100, 50))
    assert comparison.facts is not None
    folder = facts_folder(tmp_path, "ds", comparison.facts.manifest_sha256)
    write_facts(folder, replace(comparison.facts, leaked=None, nearly_leaked=None))
    assert read_facts(folder) is not None
    older = compare_study(load_study(tmp_path, "ds"))
    assert leak.part(older) is None
    assert leaks(older) == [
        ("Warning: 150 test images are also in train, so accuracy here may be too optimistic.", "dataset")
    ]


def test_without_leaks_there_is_no_leak_section(results: Path) -> None:
    assert leak.part(compare_study(load_study(results, "car-bicycle"))) is None
