"""What is tuned and how much: limits, search spaces, shares of a budget, and studies that continue."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.plans import TuningLimit, parse_limit, time_text
from bench.recipes import MODELS, Recipe, make_recipe, uses
from bench.records import Trial, TrialStatus
from bench.tuning.lines import study_line, trial_line, trial_title
from bench.tuning.quota import Quota, divide
from bench.tuning.space import TUNED_FIELDS, LogRange, OneOf, complete_values, search_space, with_values
from bench.tuning.study import TuningStudy, best_trial

VALUES = {"lr": 0.01}


def trial(number: int, accuracy: float | None, seconds: float = 10.0, status: str = "complete") -> Trial:
    return Trial(number, VALUES, TrialStatus(status), accuracy, seconds)


# Limits


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400), ("90M", 5400)]
)
def test_a_budget_is_a_time(text: str, seconds: float) -> None:
    assert parse_limit(None, text) == TuningLimit(None, seconds)


def test_the_same_time_has_the_same_text() -> None:
    assert time_text(5400) == "1h30m" == parse_limit(None, "90m").text
    assert parse_limit(20, "2h").text == "20, 2h"
    assert parse_limit("20", None).text == "20"
    assert parse_limit(None, None) is None


@pytest.mark.parametrize("text", ["30", "soon", "", "0m", "-1h", "1h 30", "m"])
def test_a_budget_without_a_unit_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="write a time such as 90s, 30m, 2h or 1h30m"):
        parse_limit(None, text)


@pytest.mark.parametrize("text", ["0", "-3", "many", "1.5"])
def test_a_number_of_trials_is_whole_and_positive(text: str) -> None:
    with pytest.raises(UsageError, match=rf"--tune {text}: give the number of trials"):
        parse_limit(text, None)


# What is tuned


@pytest.mark.parametrize("model", MODELS)
def test_the_space_of_a_model_holds_its_own_recipe_and_only_fields_that_it_uses(model: str) -> None:
    recipe = make_recipe(model, {})
    space = search_space(model, recipe, (), 1000)
    assert set(space) == set(TUNED_FIELDS[model])
    for key, axis in space.items():
        assert uses(model, key)
        own = getattr(recipe, key)
        assert axis.low < own < axis.high if isinstance(axis, LogRange) else own in axis.values


def test_fields_with_a_value_of_the_user_are_not_tuned() -> None:
    space = search_space("finetuned-vgg", make_recipe("finetuned-vgg", {"lr": 0.05}), {"lr", "batch_size", "size"}, 500)
    assert set(space) == {"backbone_lr", "weight_decay", "augment"}


def test_batches_larger_than_half_of_the_train_images_are_not_tried() -> None:
    recipe = make_recipe("baseline-cnn", {})
    assert search_space("baseline-cnn", recipe, (), 80)["batch_size"] == OneOf((16, 32, 64))
    assert search_space("baseline-cnn", recipe, (), 20)["batch_size"] == OneOf((64,))  # its own


def all_recipes(model: str, fixed: dict[str, object]) -> list[Recipe]:
    """The recipe of each augmentation that is tried beside these values."""
    recipe = make_recipe(model, fixed)
    augment = search_space(model, recipe, fixed, 1000).get("augment", OneOf((recipe.augment,)))
    assert isinstance(augment, OneOf)
    return [with_values(recipe, complete_values(model, {"augment": a}, fixed)) for a in augment.values]


@pytest.mark.parametrize(
    ("model", "fixed", "tried"),
    [
        ("frozen-vgg", {}, [("none", 1), ("flip", 4), ("flip-rotate", 4), ("crop", 4)]),
        ("frozen-vgg", {"views": 2, "augment": "flip"}, [("flip", 2)]),
        ("frozen-vgg", {"views": 1}, [("none", 1)]),
        ("finetuned-vgg", {}, [("none", 1), ("flip", 1), ("flip-rotate", 1), ("crop", 1)]),
        ("finetuned-vgg", {"train_from": "block5", "augment": "none"}, [("none", 1)]),
    ],
)
def test_every_augmentation_that_is_tried_makes_a_valid_recipe(
    model: str, fixed: dict[str, object], tried: list[tuple[str, int]]
) -> None:
    recipes = all_recipes(model, fixed)
    assert [(r.augment, r.views) for r in recipes] == tried
    for recipe in recipes:
        make_recipe(model, {**fixed, "augment": recipe.augment, "views": recipe.views})  # raises if it does not fit


# How much each may spend


def test_a_budget_is_divided_equally() -> None:
    auto, fixed = (make_recipe("baseline-cnn", {"epochs": epochs}) for epochs in ("auto", 5))
    assert divide(TuningLimit(None, 3600), auto, 4, 3) == Quota(None, 900, 3)
    assert divide(TuningLimit(20, None), auto, 4, 3) == Quota(20, None, 3)
    assert divide(TuningLimit(None, 3600), fixed, 2, 1).has_fixed_length


def test_tuning_ends_after_its_trials() -> None:
    quota = Quota(3, None, 1)
    assert quota.allows_another([])
    assert quota.allows_another([trial(1, 0.9), trial(2, 0.8)])
    assert not quota.allows_another([trial(1, 0.9), trial(2, 0.8), trial(3, 0.7)])
    assert quota.seconds_for_trial([]) is None
    assert quota.seconds_for_final_run([]) is None


def test_tuning_by_time_ends_while_the_final_runs_still_fit() -> None:
    quota = Quota(None, 100, 2)  # a trial takes 10 s, so two final runs need about 26 s
    made = [trial(n, 0.9) for n in range(1, 8)]
    assert quota.allows_another(made[:6])  # 60 + 10 + 26
    assert not quota.allows_another(made)  # 70 + 10 + 26
    assert quota.seconds_for_final_run(made) == pytest.approx(0.95 * 15 - 3)


def test_what_opening_and_reporting_take_is_not_spent_on_trials_and_runs() -> None:
    quota = divide(TuningLimit(None, 220), make_recipe("baseline-cnn", {"epochs": "auto"}), 2, 2, used=20)
    assert quota == Quota(None, 110, 2, used=10)
    assert quota.text == Quota(None, 110, 2).text
    plain, made = Quota(None, 100, 2), [trial(n, 0.9) for n in range(1, 8)]
    assert quota.seconds_for_trial(made) == plain.seconds_for_trial(made)
    assert quota.time_limit_of_trial(made) == plain.time_limit_of_trial(made)
    assert quota.seconds_for_final_run(made) == plain.seconds_for_final_run(made)


def test_long_trainings_leave_room_for_several_trials_and_half_of_the_time_for_the_final_runs() -> None:
    quota = Quota(None, 800, 1)
    assert quota.time_limit_of_trial([]) == pytest.approx(100)  # a quarter of the half
    stopped = [trial(n, 0.9, seconds=99.0) for n in range(1, 5)]
    assert quota.allows_another(stopped[:3])
    assert not quota.allows_another(stopped)
    assert quota.seconds_for_final_run(stopped) == pytest.approx(0.95 * 404 - 3)


def test_a_fixed_number_of_epochs_reserves_what_the_final_runs_need() -> None:
    quota = Quota(None, 100, 2, has_fixed_length=True)
    assert quota.seconds_for_trial([]) == pytest.approx(100 / 3.6)
    assert not quota.allows_another([trial(1, 0.9, seconds=25)])  # 25 + 25 + 65
    assert quota.allows_another([trial(1, 0.9, seconds=20)])  # 20 + 20 + 52


def test_a_recipe_that_always_fails_is_given_up() -> None:
    failed = [trial(n, None, status="failed") for n in range(1, 6)]
    assert Quota(20, None, 1).allows_another(failed[:4])
    assert not Quota(20, None, 1).allows_another(failed)
    assert Quota(20, None, 1).allows_another([trial(1, 0.5), *failed])


def test_another_share_of_the_time_is_another_condition() -> None:
    assert Quota(None, 900, 1).text != Quota(None, 450, 1).text
    assert Quota(None, 900, 1).text != Quota(None, 900, 3).text
    assert Quota(20, None, 1).text == Quota(20, None, 3).text


# Studies


def make_study(folder: Path, model: str = "baseline-cnn") -> TuningStudy:
    recipe = make_recipe(model, {})
    space = search_space(model, recipe, (), 1000)
    return TuningStudy(folder / "study.sqlite", model, space, {key: getattr(recipe, key) for key in space}, ())


def make_trials(study: TuningStudy, count: int) -> list[dict[str, object]]:
    """Make trials whose accuracy is best near lr = 0.03, and return their values."""
    tried = []
    for _ in range(count):
        started, values = study.start()
        accuracy = 0.9 - abs(values["lr"] - 0.03)
        study.finish(started, values, TrialStatus.COMPLETE, [accuracy], 2.0)
        tried.append(values)
    return tried


def test_the_first_trial_has_the_models_own_recipe(tmp_path: Path) -> None:
    for model in MODELS:
        [values] = make_trials(make_study(tmp_path / model, model), 1)
        recipe = make_recipe(model, {})
        assert with_values(recipe, values) == recipe


def test_two_studies_try_the_same_and_every_trial_something_else(tmp_path: Path) -> None:
    one, two = (make_trials(make_study(tmp_path / name), 8) for name in ("one", "two"))
    assert one == two
    assert len({str(values) for values in one}) == 8


def test_a_study_continues_as_if_it_had_not_been_interrupted(tmp_path: Path) -> None:
    whole = make_trials(make_study(tmp_path / "whole"), 8)
    parts = make_trials(make_study(tmp_path / "parts"), 3)
    make_study(tmp_path / "parts").start()  # killed in this trial
    parts += make_trials(make_study(tmp_path / "parts"), 5)
    assert parts == whole
    kept = make_study(tmp_path / "parts").trials()
    assert [t.number for t in kept] == list(range(1, 9))
    assert [t.values for t in kept] == whole


def test_a_study_that_was_killed_in_its_first_trial_begins_again_with_the_own_recipe(tmp_path: Path) -> None:
    make_study(tmp_path).start()
    study = make_study(tmp_path)
    assert study.trials() == []
    assert make_trials(study, 2)[0]["lr"] == 0.01
    assert make_trials(study, 1)[0]["lr"] != 0.01


def test_a_trial_keeps_its_last_accuracy_unless_it_failed(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    for status in (TrialStatus.COMPLETE, TrialStatus.PRUNED, TrialStatus.FAILED):
        started, values = study.start()
        started.report(0.7, 1)
        study.finish(started, values, status, [0.7, 0.8], 3.0)
    assert [(t.status, t.validation_accuracy, t.seconds) for t in study.trials()] == [
        ("complete", 0.8, 3.0),
        ("pruned", 0.8, 3.0),
        ("failed", None, 3.0),
    ]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trial_user_attributes SET value_json = '0.99' WHERE key = 'accuracy'",
        "UPDATE trial_params SET param_value = 0.01 WHERE param_name = 'lr'",
        "DELETE FROM trial_user_attributes WHERE key = 'sha256'",
        "UPDATE trial_user_attributes SET value_json = '{' WHERE key = 'values'",
        None,
    ],
)
def test_a_damaged_study_is_named_and_made_again(
    tmp_path: Path, change: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_trials(make_study(tmp_path), 2)
    path = tmp_path / "study.sqlite"
    assert len(make_study(tmp_path).trials()) == 2
    if change is None:
        path.write_bytes(path.read_bytes()[:-5000])
    else:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(change)
    study = make_study(tmp_path)
    assert study.trials() == []
    assert capsys.readouterr().err == f"bench: {path}: damaged; it is made again\n"
    assert make_trials(study, 2) == made


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    make_trials(make_study(tmp_path / "50 % of it?#"), 1)
    assert (tmp_path / "50 % of it?#" / "study.sqlite").is_file()


def test_the_best_trial_is_complete_and_the_earliest_of_several() -> None:
    tried = [trial(1, 0.8), trial(2, 0.9, status="pruned"), trial(3, 0.85), trial(4, 0.85)]
    assert best_trial(tried) is tried[2]
    assert best_trial([trial(1, 0.9, status="pruned"), trial(2, None, status="failed")]) is None


# What is printed


def test_a_line_per_trial_gives_values_time_and_accuracy() -> None:
    quota, tried = Quota(10, None, 1), [trial(1, 0.8), trial(2, 0.9)]
    assert trial_line(tried, quota, "") == "trial 2/10: lr=0.01, 10 s: 90.0%, the best so far"
    pruned = [*tried, trial(3, 0.5, status="pruned")]
    assert trial_line(pruned, quota, "behind the others after epoch 3") == (
        "trial 3/10: lr=0.01, 10 s: 50.0%, stopped: behind the others after epoch 3"
    )
    failed = [*pruned, trial(4, None, status="failed")]
    assert trial_line(failed, quota, "out of memory") == "trial 4/10: lr=0.01, 10 s: failed: out of memory"
    assert trial_title("scratch-vgg", tried, quota) == "scratch-vgg trial 3/10"


def test_a_study_ends_with_its_best_trial_and_what_the_own_recipe_reached() -> None:
    tried = [trial(1, 0.8), trial(2, 0.9)]
    assert study_line(tried) == (
        "2 trials in 20 s: trial 2 is best with 90.0% validation accuracy (its own recipe reached 80.0%)"
    )
    assert study_line(tried[:1]) == "1 trial in 10 s: trial 1 is best with 80.0% validation accuracy (its own recipe)"
    assert "keeps its own values" in study_line([trial(1, None, status="failed")])
