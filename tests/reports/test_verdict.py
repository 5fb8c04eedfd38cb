"""What the report claims: which groups are compared, which are tied, and sentences that follow from the numbers."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.records import Run, read_predictions, read_run, write_run
from reports import page
from reports.parts.evidence import evidence
from reports.parts.remedies import would_change
from reports.parts.title import verdict_title
from reports.parts.verdict import budgets
from reports.study.choose import ExclusionReason
from reports.study.compare import compare_study
from reports.study.conditions import Condition, UnfairCondition
from reports.study.history import changes
from reports.study.learning import crossings, curves, late_gain
from reports.study.load import load_study
from tests.factories.results import (
    BASELINE,
    FINETUNED,
    FROZEN,
    SCRATCH,
    Profile,
    make_facts,
    make_run,
    write_accuracy,
    write_answers,
)


def make(folder: Path, profiles: list[Profile], seeds: int = 3, **more: object) -> list[Run]:
    return [
        make_run(folder, "ds", ["a", "b"], p, s, pictures=False, **more) for p in profiles for s in range(1, seeds + 1)
    ]


def edit(folder: Path, run: str, **changed: object) -> None:
    """Overwrite parts of a stored record; dicts are merged."""
    path = folder / "ds" / run / "run.json"
    values = json.loads(path.read_text())
    for key, value in changed.items():
        values[key] = values[key] | value if isinstance(value, dict) else value
    path.write_text(json.dumps(values))


def text_of(folder: Path) -> str:
    comparison = compare_study(load_study(folder, "ds"))
    limits = [f"{limit}: {choice}" for limit, choice in budgets(comparison)]
    texts = [text for text, _ in evidence(comparison)]
    return "\n".join([verdict_title(comparison), *texts, *limits, *would_change(comparison)])


def test_the_stored_example_reads_as_expected(results: Path) -> None:
    comparison = compare_study(load_study(results, "car-bicycle"))
    assert verdict_title(comparison) == "Use fine-tuned VGG: 96.3\u00a0% test accuracy, 2.2 points above frozen VGG"
    assert evidence(comparison)[0][0] == (
        "Fine-tuned VGG is 2.2 points above frozen VGG (95\u00a0% interval +0.9 to +3.5, 3 seeds), "
        "with 12 times the training time."
    )
    assert [c.name for c in comparison.tied] == ["Fine-tuned VGG"]
    assert ("under 1 minute of training", "Frozen VGG, 94.1\u00a0% in 18 s") in budgets(comparison)


def test_the_verdict_as_text_has_the_title_and_the_next_step_of_the_report(results: Path) -> None:
    (title, step), _ = page.read_verdict(results, "car-bicycle")
    assert title == "Use fine-tuned VGG: 96.3 % test accuracy, 2.2 points above frozen VGG"
    report = (results / "car-bicycle/report.html").read_text().replace("\u00a0", " ")
    assert f"<h1>{title}</h1>" in report and f"<li>{step}</li>" in report


def test_equal_models_are_tied_and_the_cheaper_is_recommended(tmp_path: Path) -> None:
    make(tmp_path, [FROZEN, replace(FINETUNED, accuracy=FROZEN.accuracy + 0.003)])
    text = text_of(tmp_path)
    title, *evidence = text.split("\n")
    assert "are statistically tied. Use frozen VGG" in title
    assert "are statistically tied" in "".join(evidence)
    assert "The gap of 0.1 points between fine-tuned VGG and frozen VGG is too small to matter: choose by cost." in text
    assert "would separate" not in text
    assert {c.name for c in compare_study(load_study(tmp_path, "ds")).tied} == {"Frozen VGG", "Fine-tuned VGG"}


def test_one_seed_is_reported_as_one_seed(tmp_path: Path) -> None:
    make(tmp_path, [FROZEN, SCRATCH], seeds=1)
    text = text_of(tmp_path)
    assert "test images, 1 seed" in text
    assert "one seed does not show how much training varies" in text


def test_one_model_alone_is_not_compared(tmp_path: Path) -> None:
    make(tmp_path, [FROZEN], seeds=2)
    assert text_of(tmp_path).startswith(
        "Frozen VGG: 9"
    ) and "there is no other model to compare it with yet" in text_of(tmp_path)


def test_models_no_better_than_guessing_are_called_that(tmp_path: Path) -> None:
    make(tmp_path, [replace(SCRATCH, accuracy=0.52), replace(BASELINE, accuracy=0.51)])
    assert text_of(tmp_path).startswith("No model has learned the task")


def test_another_budget_is_unfair_and_never_best(tmp_path: Path) -> None:
    make(tmp_path, [SCRATCH, FROZEN, BASELINE])
    for run in make(tmp_path, [FINETUNED], epochs=20):
        assert run.recipe["epochs"] == 20
    comparison = compare_study(load_study(tmp_path, "ds"))
    assert comparison.unfair == {"Fine-tuned VGG": [UnfairCondition(Condition.EPOCHS, "20", "5")]}
    assert comparison.unfair_text(comparison.contenders[0]) == "epochs 20 instead of 5"
    assert comparison.contenders[0].name == "Fine-tuned VGG"
    assert comparison.best is not None and comparison.best.name == "Frozen VGG"
    assert "but the comparison is not fair (Fine-tuned VGG: epochs 20 instead of 5)" in text_of(tmp_path)


def test_devices_manifests_and_recipes_are_never_averaged(tmp_path: Path) -> None:
    runs = make(tmp_path, [FROZEN, SCRATCH], seeds=2)
    edit(tmp_path, runs[1].run, device={"name": "NVIDIA H200", "kind": "cuda"})
    edit(tmp_path, runs[3].run, dataset={"manifest_sha256": "f" * 64})
    comparison = compare_study(load_study(tmp_path, "ds"))
    assert [len(g.runs) for g in comparison.study.groups] == [1, 1, 1, 1]
    assert sorted(map(str, comparison.excluded.values())) == [
        "another device: NVIDIA H200, bf16",
        "another state of the dataset: manifest ffffffffffff",
    ]
    assert [len(c.by_seed) for c in comparison.contenders] == [1, 1]


def test_the_recipe_with_most_seeds_is_compared_not_the_luckiest(tmp_path: Path) -> None:
    make(tmp_path, [FROZEN, SCRATCH])
    lucky = make_run(tmp_path, "ds", ["a", "b"], replace(SCRATCH, accuracy=0.99), 9, pictures=False)
    edit(tmp_path, lucky.run, recipe={"lr": 0.9})
    comparison = compare_study(load_study(tmp_path, "ds"))
    chosen = {c.name: c.group.example.recipe["lr"] for c in comparison.contenders}
    assert chosen["Scratch VGG"] == 0.05
    assert [e.reason for e in comparison.excluded.values()] == [ExclusionReason.OTHER_RECIPE]


def test_recipes_of_one_model_are_named_after_what_differs(tmp_path: Path) -> None:
    make(tmp_path, [SCRATCH])
    for seed in (4, 5, 6):
        run = make_run(tmp_path, "ds", ["a", "b"], replace(SCRATCH, accuracy=0.6), seed, pictures=False)
        edit(tmp_path, run.run, recipe={"init": "normal"}, seed=seed - 3)
    names = {c.name for c in compare_study(load_study(tmp_path, "ds")).contenders}
    assert names == {"init None", "init normal"}


def test_images_in_the_pretraining_set_do_not_count(tmp_path: Path) -> None:
    make(tmp_path, [FROZEN, SCRATCH])
    for path in sorted((tmp_path / "ds").glob("frozen-vgg-s*")):
        run = read_run(path)
        rows = read_predictions(path, run)
        # right on everything it has seen, wrong on a third of what is new
        rows = [
            replace(p, clean=i % 5 == 0, predicted=p.truth if i % 5 or i % 15 else ("b" if p.truth == "a" else "a"))
            for i, p in enumerate(rows)
        ]
        write_answers(tmp_path, run, rows)
    comparison = compare_study(load_study(tmp_path, "ds"))
    assert comparison.clean_images == 100
    frozen = next(c for c in comparison.contenders if c.name == "Frozen VGG")
    assert frozen.group.accuracy > 0.92 and frozen.accuracy == pytest.approx(0.66)
    assert frozen.images == 100
    assert comparison.best is not None and comparison.best.name == "Scratch VGG"
    assert "Accuracy counts only the 100 test images that the pretrained weights have not seen" in text_of(tmp_path)
    shown = page.page(comparison)
    assert re.search(r'<tr class="best">.*?Scratch VGG.*?<td data-v="0.8\d+" class="acc">', shown, re.S)


def test_contamination_without_predictions_makes_the_pair_unfair(tmp_path: Path) -> None:
    make(tmp_path, [SCRATCH, BASELINE], seeds=1)
    (run,) = make(tmp_path, [FROZEN], seeds=1, evidence=False)
    edit(tmp_path, run.run, result={"clean_accuracy": 0.8, "clean_images": 10})
    comparison = compare_study(load_study(tmp_path, "ds"))
    assert comparison.unfair == {"Frozen VGG": [UnfairCondition(Condition.UNSEEN_IMAGES)]}
    assert comparison.best is not None and comparison.best.name == "Scratch VGG"


def test_curves_still_rising_are_reported(tmp_path: Path) -> None:
    make(tmp_path, [SCRATCH, FROZEN], evidence=False)
    groups = {g.example.model.name: g for g in load_study(tmp_path, "ds").groups}
    assert (late_gain(groups["scratch-vgg"]) or 0) > 0.01
    assert late_gain(groups["frozen-vgg"]) is None
    assert "More epochs: Scratch VGG was still improving" in text_of(tmp_path)


def test_learning_curves_report_their_crossing(results: Path) -> None:
    comparison = compare_study(load_study(results, "car-bicycle"))
    assert {name: [g.images_per_class for g in groups] for name, groups in curves(comparison).items()} == {
        name: [25, 100, 400, 700] for name in ("Scratch VGG", "Frozen VGG", "Fine-tuned VGG", "Baseline CNN")
    }
    first = crossings(comparison)[0]
    assert (first.a.name, first.b.name) == ("Frozen VGG", "Fine-tuned VGG")
    assert 400 < first.images < 700 and first.low == 100 and first.high == 700


def test_a_regression_against_earlier_code_is_reported(tmp_path: Path) -> None:
    for run in make(tmp_path, [FROZEN], seeds=4, evidence=False):
        edit(tmp_path, run.run, code={"commit": "aaaaaaaaaa"}, created="2026-01-01T00:00:00Z")
    run = make_run(tmp_path, "ds", ["a", "b"], replace(FROZEN, accuracy=0.7), 5, evidence=False)
    edit(tmp_path, run.run, code={"commit": "bbbbbbbbbb"}, cost={"epoch_seconds": 9.0})
    kinds = [(c.kind, c.commit_before, c.commit_after, c.runs_before) for c in changes(load_study(tmp_path, "ds"))]
    assert kinds == [("worse", "aaaaaaaaaa", "bbbbbbbbbb", 4), ("slower", "aaaaaaaaaa", "bbbbbbbbbb", 4)]
    assert "Regression: accuracy of frozen VGG was 9" in text_of(tmp_path)


def test_a_repeated_seed_replaces_the_older_run_and_is_compared_with_it(tmp_path: Path) -> None:
    (old,) = make(tmp_path, [BASELINE], seeds=1, evidence=False)
    again = replace(old, run="again", created="2027-01-01T00:00:00Z")
    write_run(tmp_path / "ds" / "again", again)
    (group,) = load_study(tmp_path, "ds").groups
    assert [r.run for r in group.runs] == ["again"] and [r.run for r in group.replaced] == [old.run]
    assert [c.kind for c in changes(load_study(tmp_path, "ds"))] == ["same"]


def test_chart_titles_say_what_the_charts_show(results: Path) -> None:
    text = (results / "car-bicycle/report.html").read_text()
    titles = re.findall(r'<figure class="chart"[^>]*>\s*<h3>(.*?)</h3>', text)
    assert len(titles) == len(set(titles)) == 15
    assert {
        "Scratch VGG and Baseline CNN were still improving at the last epoch",
        "Fine-tuned VGG overtakes frozen VGG at about 500 images per class",
        "Scratch VGG takes longest; 96\u00a0% of that time is training",
    } < set(titles)


def test_the_weights_origin_is_shown_beside_every_result(results: Path) -> None:
    from reports.study import weights_line

    line = weights_line(compare_study(load_study(results, "car-bicycle")).contenders)
    assert line == "Fine-tuned VGG and Frozen VGG start from weights vgg16_bn-tinyimagenet (Tiny-ImageNet)."
    page = (results / "car-bicycle/report.html").read_text()
    assert page.count(line) >= 13
    assert "ImageNet" not in page.replace("Tiny-ImageNet", "")


@pytest.mark.parametrize(
    ("accuracies", "ending"),
    [((0.79, 0.80, 0.81), "Every model is clearly above."), ((0.70, 0.80, 0.90), "may not be better.")],
)
def test_a_model_clears_the_floor_over_seeds_and_over_images(
    tmp_path: Path, accuracies: tuple[float, ...], ending: str
) -> None:
    runs = make(tmp_path, [BASELINE])
    for run, accuracy in zip(runs, accuracies, strict=True):
        write_accuracy(tmp_path, run, accuracy)
    make_facts(tmp_path, runs[0])
    floor = next(line for line in text_of(tmp_path).split("\n") if line.startswith("Floor"))
    assert "file size alone gives 63.0\u00a0%" in floor
    assert floor.endswith(ending)
