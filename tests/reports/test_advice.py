"""No bad advice: every case that was seen, and invented studies of many shapes on which all places must agree."""

import random
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bench.records import Result, Run, RunStatus, StopReason, Trial, Tuning, write_run
from reports import page
from reports.charts import TRAINING_TIME, accuracy_by_cost
from reports.export import export, summary_line
from reports.parts.evidence import evidence
from reports.parts.remedies import would_change
from reports.parts.title import verdict_title
from reports.parts.verdict import budgets
from reports.study import Comparison, Outcome, all_measures, compare_study, load_study
from reports.study.choose import ExclusionReason
from reports.study.statistics import wilson
from reports.words import mid_sentence
from tests.factories.results import (
    BASELINE,
    FINETUNED,
    FROZEN,
    PROFILES,
    SCRATCH,
    TEN_CLASSES,
    Profile,
    Variant,
    make_facts,
    make_run,
    write_accuracy,
)

LATER = "2026-12-01T00:00:00Z"
QUICK = Variant("quick", LATER, {"size": 32})


@dataclass(frozen=True)
class Shape:
    """How a study is made: the classes, test images, seeds and epochs of its runs."""

    classes: tuple[str, ...] = ("a", "b")
    test: int = 500
    seeds: int = 3
    epochs: int = 5


PLAIN = Variant()


def make(folder: Path, profiles: list[Profile], shape: Shape = Shape(), variant: Variant = PLAIN) -> list[Run]:
    return [
        make_run(
            folder,
            "ds",
            list(shape.classes),
            profile,
            seed,
            test=shape.test,
            epochs=shape.epochs,
            pictures=False,
            variant=variant,
        )
        for profile in profiles
        for seed in range(1, shape.seeds + 1)
    ]


def compare(folder: Path) -> Comparison:
    return compare_study(load_study(folder, "ds"))


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def title_of(folder: Path) -> str:
    return plain(verdict_title(compare(folder)))


def advice_of(folder: Path) -> list[str]:
    return [plain(row) for row in would_change(compare(folder))]


def at(profile: Profile, accuracy: float) -> Profile:
    return replace(profile, accuracy=accuracy)


# Models below the floor, and few clean test images


def imagenette(folder: Path) -> Comparison:
    profiles = [at(FINETUNED, 0.65), at(SCRATCH, 0.16), at(BASELINE, 0.122)]
    make(folder, profiles, Shape(tuple(TEN_CLASSES), seeds=1), Variant(clean=19))
    return compare(folder)


def test_nineteen_clean_images_decide_nothing_and_both_figures_are_shown(tmp_path: Path) -> None:
    comparison = imagenette(tmp_path)
    assert comparison.decision.outcome is Outcome.FEW_CLEAN and comparison.decision.choice is None
    title = title_of(tmp_path)
    assert re.fullmatch(
        r"Not decided: fine-tuned VGG leads with 6\d\.\d % on all 500 test images, which is too optimistic because its "
        r"weights may have seen 481 of them; on the 19 clean ones it has \d+\.\d % \(\d+\.\d % to \d+\.\d %\), too "
        r"uncertain to decide",
        title,
    )
    assert summary_line(comparison).startswith("3 runs, not decided: too few clean test images; Fine-tuned VGG leads")
    assert "Use " not in title and "Scratch" not in title
    assert budgets(comparison) == []
    assert not any(row["recommended"] for row in all_measures(comparison))
    (line,) = [text for text, _ in evidence(comparison) if "above scratch VGG" in text]
    assert "above scratch VGG on all test images (95" in line
    both = next(text for text, _ in evidence(comparison) if text.startswith("Accuracy on all"))
    assert "scratch VGG 1" in both and "on the 19 that the weights have not seen" in both
    assert "first figure is too optimistic for pretrained models, the second too uncertain to decide" in both
    assert advice_of(tmp_path)[0].startswith("More clean test images: collect test photos that are not in the pretr")


def test_enough_clean_images_decide(tmp_path: Path) -> None:
    profiles = [at(FINETUNED, 0.65), at(SCRATCH, 0.16)]
    make(tmp_path, profiles, Shape(tuple(TEN_CLASSES), seeds=1), Variant(clean=250))
    title = title_of(tmp_path)
    assert re.match(r"Use fine-tuned VGG: 6\d\.\d % accuracy on the 250 test images new to its weights", title)


def test_a_model_without_weights_that_leads_on_all_images_needs_no_clean_ones(tmp_path: Path) -> None:
    make(tmp_path, [at(SCRATCH, 0.95), at(FROZEN, 0.70)], variant=Variant(clean=8))
    assert title_of(tmp_path).startswith("Use scratch VGG: 9")


def test_if_no_test_image_is_known_to_be_new_the_title_names_who_is_not_judged(tmp_path: Path) -> None:
    make(tmp_path, [SCRATCH, BASELINE])
    for run in make(tmp_path, [FROZEN], Shape(seeds=1), Variant(clean=10)):
        (tmp_path / "ds" / run.run / "predictions.csv").unlink()
    assert title_of(tmp_path).endswith("frozen VGG not judged: the test images may have been in the pretraining set")


def test_a_format_that_gives_the_class_away_is_the_title(tmp_path: Path) -> None:
    runs = make(tmp_path, [at(FROZEN, 0.79), at(SCRATCH, 0.70), at(BASELINE, 0.65)])
    make_facts(tmp_path, runs[0], {"majority": 0.5, "trivial": 0.86})
    title = title_of(tmp_path)
    assert title.startswith("Your classes differ in format: picture size, colour and borders alone give 86.0 %, and no")
    assert re.search(r"best: frozen VGG, \d\d\.\d %\)$", title)
    comparison = compare(tmp_path)
    assert budgets(comparison) == [] and comparison.tied == ()
    assert "no model is shown to do better than a rule on picture size" in summary_line(comparison)
    first, *others = advice_of(tmp_path)
    assert first.startswith("One format for all classes: take every class from the same sources, and crop and resize")
    assert not any("seeds" in row or "would separate" in row for row in others)


def test_a_model_above_a_high_trivial_rule_is_recommended_with_a_warning(tmp_path: Path) -> None:
    runs = make(tmp_path, [at(FROZEN, 0.95), at(SCRATCH, 0.80)])
    make_facts(tmp_path, runs[0], {"majority": 0.5, "trivial": 0.86})
    title = title_of(tmp_path)
    assert title.startswith("Use frozen VGG: 9") and "the only model shown to do better than a rule on" in title
    assert title.endswith("picture size, colour and borders alone (86.0 %)")
    assert advice_of(tmp_path)[0].startswith("One format for all classes")


def test_a_low_trivial_rule_is_not_in_the_title(tmp_path: Path) -> None:
    runs = make(tmp_path, [FROZEN, SCRATCH])
    make_facts(tmp_path, runs[0], {"majority": 0.5, "trivial": 0.61})
    assert "format" not in title_of(tmp_path) and "borders" not in title_of(tmp_path)


def test_always_the_most_common_class_is_no_success(tmp_path: Path) -> None:
    runs = make(tmp_path, [at(FROZEN, 0.952), at(SCRATCH, 0.95)], Shape(test=420))
    make_facts(tmp_path, runs[0], {"majority": 0.952, "trivial": 0.952})
    assert title_of(tmp_path) == (
        "No model has learned the task: none does better than always predicting the most common class (95.2 %)"
    )
    first, *others = advice_of(tmp_path)
    assert first.startswith("More images of the rarer classes") and not any("seeds" in row for row in others)


def test_unequal_classes_are_noticed_without_stored_facts(tmp_path: Path) -> None:
    for run in make(tmp_path, [FROZEN, BASELINE], Shape(seeds=1)):
        result = Result(RunStatus.DONE, accuracy=0.956, confusion=[[0, 22], [0, 478]])
        write_run(tmp_path / "ds" / run.run, replace(run, result=result))
        (tmp_path / "ds" / run.run / "predictions.csv").unlink()
    assert title_of(tmp_path) == (
        "No model has learned the task: none does better than always predicting the most common class (95.6 %)"
    )


def test_ten_test_images_show_neither_failure_nor_success(tmp_path: Path) -> None:
    make(tmp_path, [at(FROZEN, 0.79), at(SCRATCH, 0.6)], Shape(test=10))
    title = title_of(tmp_path)
    assert title.startswith(
        "Not decided: no model is shown to do better than guessing (50.0 %); the best, frozen VGG, "
    )
    assert title.endswith("with 10 test images")
    assert re.match(r"More test images: about \d+ would show that frozen VGG does better\.", advice_of(tmp_path)[0])


def test_two_seeds_far_apart_can_still_beat_the_floor(tmp_path: Path) -> None:
    """Student's t interval of two seeds would reach from 38 to 100 %."""
    for run, accuracy in zip(make(tmp_path, [BASELINE], Shape(seeds=2)), (0.85, 0.93), strict=True):
        write_accuracy(tmp_path, run, accuracy)
    assert title_of(tmp_path).startswith("Baseline CNN: 89.0 % test accuracy; there is no other model")


def test_models_that_all_saw_the_test_images_are_not_called_unfinished(tmp_path: Path) -> None:
    make(tmp_path, [FROZEN, FINETUNED], variant=Variant(clean=0))
    for run in (tmp_path / "ds").glob("*/run.json"):
        text = run.read_text().replace('"clean_images": null', '"clean_images": 3')
        run.write_text(text.replace('"clean_accuracy": null', '"clean_accuracy": 1.0'))
        (run.parent / "predictions.csv").unlink()
    assert title_of(tmp_path).startswith("No model can be recommended: the test images of all may have been")
    assert "no fair comparison" in summary_line(compare(tmp_path))


# Who represents a model


def test_a_quick_look_after_the_real_comparison_does_not_take_over(tmp_path: Path) -> None:
    make(tmp_path, [at(p, p.accuracy) for p in PROFILES])
    before = title_of(tmp_path)
    make(tmp_path, [at(p, 0.8) for p in PROFILES], Shape(seeds=1, epochs=1), QUICK)
    assert title_of(tmp_path) == before
    comparison = compare(tmp_path)
    assert {e.reason for e in comparison.excluded.values()} == {ExclusionReason.OTHER_CONDITIONS}
    assert str(next(iter(comparison.excluded.values()))) == (
        "other conditions: image size 32 instead of 64; epochs 1 instead of 5"
    )
    assert "Not compared: other conditions: image size 32 instead of 64" in page.page(comparison)


def test_one_more_one_epoch_experiment_changes_nothing(tmp_path: Path) -> None:
    make(tmp_path, [at(FROZEN, 0.914), at(SCRATCH, 0.90)], Shape(seeds=1))
    before = title_of(tmp_path)
    make(tmp_path, [at(SCRATCH, 0.5)], Shape(seeds=1, epochs=1), replace(QUICK, recipe={}))
    comparison = compare(tmp_path)
    assert verdict_title(comparison) == before.replace(" %", "\u00a0%")
    assert comparison.unfair == {}


def test_an_unfair_quick_look_at_one_model_changes_no_advice(tmp_path: Path) -> None:
    make(tmp_path, [FROZEN, SCRATCH], variant=Variant(stop=StopReason.FLAT))
    before = title_of(tmp_path)
    make(tmp_path, [at(FINETUNED, 0.99)], Shape(seeds=1, epochs=1), QUICK)
    comparison = compare(tmp_path)
    assert title_of(tmp_path) == before
    assert comparison.unfair_text(comparison.contenders[0]) == "image size 32 instead of 64; epochs 1 instead of auto"
    assert not any("seeds" in row for row in advice_of(tmp_path))
    chart = accuracy_by_cost(comparison, TRAINING_TIME)
    assert chart is not None and chart.title.startswith("Of the models that can be recommended, frozen VGG is the most")


def test_one_better_trained_experiment_does_not_speak_for_all(tmp_path: Path) -> None:
    make(tmp_path, list(PROFILES), Shape(seeds=1))
    make(tmp_path, [at(SCRATCH, 0.99)], Shape(seeds=3, epochs=40), replace(QUICK, recipe={}))
    comparison = compare(tmp_path)
    assert comparison.unfair == {}
    assert {c.group.example.recipe["epochs"] for c in comparison.contenders} == {5}


def tuning(limit: str) -> Tuning:
    tried = [Trial(0, {"lr": 0.1}, "complete", 0.9, 60.0)]
    return Tuning(10, 600.0, {"lr": 0.1}, 0.9, limit, tried)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Variant("auto", stop=StopReason.FLAT), Variant("fixed", LATER)),
        (Variant("tuned", tuning=tuning("10")), Variant("plain", LATER)),
        (Variant("large"), Variant("small", LATER, {"size": 32})),
    ],
)
def test_of_two_complete_comparisons_the_better_trained_one_speaks(
    tmp_path: Path, better: Variant, worse: Variant
) -> None:
    make(tmp_path, [FROZEN, SCRATCH], Shape(seeds=1), better)
    make(tmp_path, [at(FROZEN, 0.99), at(SCRATCH, 0.98)], Shape(seeds=1), worse)
    comparison = compare(tmp_path)
    assert {c.group.example.run.rsplit("-", 1)[1] for c in comparison.contenders} == {better.name}


def test_the_recipe_that_shares_the_architecture_represents_a_model(tmp_path: Path) -> None:
    make(tmp_path, [FROZEN, SCRATCH, BASELINE], Shape(seeds=1))
    make(tmp_path, [at(SCRATCH, 0.99)], Shape(seeds=5), Variant("deep", LATER, arch="vgg19"))
    comparison = compare(tmp_path)
    assert {c.group.example.model.arch for c in comparison.contenders} == {"vgg16_bn", "cnn"}
    assert [str(e) for e in comparison.excluded.values()] == [
        "other conditions: architecture vgg19 instead of vgg16_bn"
    ]


def test_the_conditions_show_architecture_width_epochs_and_why_training_ended(tmp_path: Path) -> None:
    variant = Variant(stop=StopReason.CEILING, tuning=tuning("10"), recipe={"width": 0.25})
    make(tmp_path, [FROZEN, SCRATCH], Shape(seeds=2), variant)
    text = re.sub(r"<[^>]+>", " ", page.page(compare(tmp_path)))
    for row in (
        "Architecture vgg16_bn vgg16_bn",
        "Width 0.25 0.25",
        "Validation images 210 210",
        "Epochs auto auto",
        "Steps 95 95",
        "Ended because largest number of steps",
        "Tuning --tune 10: 10 trials in 10.0 min",
    ):
        assert row in re.sub(r"\s+", " ", text), row
    assert "Same architecture ok vgg16_bn for all" in re.sub(r"\s+", " ", text)


# Ties and remedies


def test_a_cheaper_tied_model_is_not_advised_if_it_may_be_far_worse(tmp_path: Path) -> None:
    make(tmp_path, [at(FINETUNED, 0.93), at(FROZEN, 0.90)], Shape(test=60, seeds=1))
    title = title_of(tmp_path)
    assert title.startswith(
        "Fine-tuned VGG and frozen VGG are statistically tied: frozen VGG trains faster, but may be"
    )
    assert title.endswith("worse, and 60 test images cannot tell")
    assert re.match(r"About [\d,]+ test images would separate", advice_of(tmp_path)[0])
    assert "not decided between fine-tuned vgg and frozen vgg" in dict(budgets(compare(tmp_path)))["CPU only"].lower()


def test_a_tie_that_more_images_would_resolve_says_how_many_in_round_numbers(tmp_path: Path) -> None:
    make(tmp_path, [at(FINETUNED, 0.952), FROZEN], Shape(seeds=1))
    row = next(row for row in advice_of(tmp_path) if "would separate" in row)
    images = int(re.search(r"About ([\d,]+) test images", row)[1].replace(",", ""))
    assert images == float(f"{images:.1e}")


def test_equal_models_need_harder_images_not_more_seeds(tmp_path: Path) -> None:
    make(tmp_path, [at(FINETUNED, 1.5), at(FROZEN, 1.5)])
    assert title_of(tmp_path).startswith("Frozen VGG and fine-tuned VGG are statistically tied. Use frozen VGG")
    assert advice_of(tmp_path) == [
        "Harder test images: on these, fine-tuned VGG and frozen VGG have the same accuracy."
    ]


def test_a_small_clear_gap_is_named_with_its_cost(tmp_path: Path) -> None:
    make(tmp_path, [at(FINETUNED, 0.986), at(FROZEN, 0.982)], Shape(test=20_000, seeds=1))
    assert re.match(
        r"Use fine-tuned VGG: 9\d\.\d % test accuracy, 0\.\d points above frozen VGG, for 12 times the training time",
        title_of(tmp_path),
    )


def test_stalled_runs_of_the_recommended_model_are_in_the_title(tmp_path: Path) -> None:
    runs = make(tmp_path, [FINETUNED, BASELINE])
    for run in runs[1:3]:
        result = replace(run.result, status=RunStatus.STALLED, reason="loss stuck")
        write_run(tmp_path / "ds" / run.run, replace(run, result=result))
    assert title_of(tmp_path).endswith("; 2 of its 3 runs stalled or failed")
    assert advice_of(tmp_path)[0].startswith("A lower learning rate (--set lr=...) for Fine-tuned VGG")


def test_the_choice_without_a_gpu_follows_the_same_rules(tmp_path: Path) -> None:
    for run in make(tmp_path, [FROZEN, SCRATCH]):
        write_run(tmp_path / "ds" / run.run, replace(run, device=replace(run.device, kind="cuda", name="H100")))
    make(tmp_path, [at(BASELINE, 0.52)], Shape(seeds=1))
    rows = dict(budgets(compare(tmp_path)))
    assert rows["CPU only"] == "none of the models is shown to do better than the floor"


# epochs=auto


def test_epochs_auto_is_one_rule_however_many_epochs_were_trained(tmp_path: Path) -> None:
    make(tmp_path, [FROZEN], Shape(epochs=12), Variant(stop=StopReason.FLAT))
    make(tmp_path, [SCRATCH], Shape(epochs=30), Variant(stop=StopReason.FLAT))
    comparison = compare(tmp_path)
    assert comparison.unfair == {} and title_of(tmp_path).startswith("Use frozen VGG")
    text = page.page(comparison)
    assert "<h3>Validation accuracy by epoch</h3>" in text and "Validation accuracy at the last epoch" in text
    assert "Test accuracy by epoch" not in text


def test_a_run_that_stopped_by_itself_is_not_told_to_train_longer(tmp_path: Path) -> None:
    make(tmp_path, [FROZEN, SCRATCH], variant=Variant(stop=StopReason.FLAT))
    assert not any("epochs" in row or "Longer" in row for row in advice_of(tmp_path))


@pytest.mark.parametrize(
    ("stop", "advice"),
    [(StopReason.CEILING, "raise it with --set max_steps=N"), (StopReason.TIME, "give more time with --budget")],
)
def test_a_run_that_reached_a_limit_is_told_which_to_raise(tmp_path: Path, stop: StopReason, advice: str) -> None:
    make(tmp_path, [SCRATCH], variant=Variant(stop=stop))
    make(tmp_path, [FROZEN], variant=Variant(stop=StopReason.FLAT))
    (row,) = [row for row in advice_of(tmp_path) if row.startswith("Longer training")]
    assert row.startswith("Longer training: Scratch VGG reached ") and advice in row


def test_time_to_accuracy_names_the_validation_images_or_is_left_out(tmp_path: Path) -> None:
    make(tmp_path, [FROZEN], variant=Variant(stop=StopReason.FLAT))
    (scratch,) = make(tmp_path, [SCRATCH], Shape(seeds=1), Variant(stop=StopReason.FLAT))
    (line,) = [text for text, _ in evidence(compare(tmp_path)) if text.startswith("Time to reach")]
    assert "on the validation images, the accuracy of frozen VGG" in line
    epochs = [replace(e, val_accuracy=None) for e in scratch.epochs]
    write_run(tmp_path / "ds" / scratch.run, replace(scratch, epochs=epochs))
    assert not any(text.startswith("Time to reach") for text, _ in evidence(compare(tmp_path)))


def test_tuning_is_a_condition_and_part_of_the_price(tmp_path: Path) -> None:
    make(tmp_path, [FROZEN, BASELINE], Shape(seeds=1), Variant(tuning=tuning("10")))
    make(tmp_path, [SCRATCH], Shape(seeds=1))
    comparison = compare(tmp_path)
    assert comparison.unfair_text(comparison.contenders[1]) in ("", "tuning none instead of 10")
    assert set(comparison.unfair) == {"Scratch VGG"}
    row = all_measures(comparison)[0]
    assert row["tuning_seconds"] == 600 and row["total_with_tuning_seconds"] == row["total_seconds"] + 600
    rows = dict(budgets(comparison))
    assert rows["under 1 minute with tuning"] == "none of these models"
    assert "Tuning (s)" in export([comparison], "md") or "Tuning (min)" in export([comparison], "md")


# All places agree


def random_study(folder: Path, number: int) -> None:
    """A study of invented shape; the accuracies reach from below the floor to all correct."""
    rng = random.Random(number)
    classes = tuple(TEN_CLASSES) if rng.random() < 0.3 else ("a", "b")
    shape = Shape(classes, rng.choice([10, 40, 200, 800]), rng.choice([1, 2, 3]))
    clean = rng.choice([None, None, 3, shape.test // 2])
    chance = 1 / len(classes)
    for profile in rng.sample(PROFILES, rng.choice([1, 2, 3, 4])):
        stop = rng.choice([None, StopReason.FLAT]) if rng.random() < 0.2 else None
        accuracy = rng.choice([chance, chance + 0.1, 0.85, 0.9, 0.97])
        variant = Variant(clean=clean, stop=stop)
        runs = make(folder, [at(profile, accuracy)], shape, variant)
        if rng.random() < 0.3:
            make(folder, [at(profile, 0.95)], Shape(classes, shape.test, 1, 1), replace(QUICK, clean=clean))
        if rng.random() < 0.2 and len(runs) > 1:
            result = replace(runs[0].result, status=RunStatus.STALLED)
            write_run(folder / "ds" / runs[0].run, replace(runs[0], result=result))
    make_facts(folder, runs[0], {"majority": chance, "trivial": rng.choice([chance, chance + 0.1, 0.86])})


@pytest.mark.parametrize("number", range(24))
def test_title_list_tables_charts_and_budgets_agree(tmp_path: Path, number: int) -> None:
    random_study(tmp_path, number)
    comparison = compare(tmp_path)
    decision, title, line = comparison.decision, plain(verdict_title(comparison)), summary_line(comparison)
    rows = all_measures(comparison)
    names = [c.name for c in decision.named]
    assert [row["name"] for row in rows if row["ties_best"]] == names
    marked = re.findall(r"^\| (.+?) \\?\*", export([comparison], "md"), re.M)
    assert marked == names
    floor = max(1 / len(comparison.run.dataset.classes), *comparison.facts.floors.values())
    for c in decision.named:
        judged = comparison.clean_images if c.group.origin and comparison.clean_images else c.group.example.dataset.test
        accuracy = c.accuracy if c.group.origin else c.group.accuracy
        assert wilson(accuracy, judged)[0] > floor, c.name
    recommended = [row["name"] for row in rows if row["recommended"]]
    chart = accuracy_by_cost(comparison, TRAINING_TIME)
    below = {c.name for c in comparison.contenders} - {c.name for c in comparison.above_floor}
    texts = " ".join(text for _, text in budgets(comparison))
    assert not any(name in texts for name in below)
    if decision.choice is None:
        assert recommended == [] and not re.match(r"Use |.*\. Use ", title)
        assert not re.search(r"\b(best|use) ", line)
        assert chart is None or chart.title == "Accuracy by training time"
        return
    choice = decision.choice
    assert recommended == [choice.name]
    assert f"Use {mid_sentence(choice.name)}" in title or title.startswith(f"{choice.name}: ")
    assert re.search(rf"(best|use) {re.escape(choice.name)} ", line)
    name = re.escape(names[0])
    assert chart is None or re.match(f"(Of the models that can be recommended, )?{name}", chart.title, re.IGNORECASE)
