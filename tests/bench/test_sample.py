"""Weights for drawn datasets: made from drawings, once per shape of network, and never fetched."""

from pathlib import Path

import pytest
from rich.console import Console

from bench.errors import UsageError
from bench.machine import cache_folder, code_info
from bench.neighbours import drawable_classes
from bench.recipes import make_recipe
from bench.sample import with_drawn_weights

QUIET = Console(quiet=True)
SAMPLE = ("bicycle", "car")


def recipes(size: int = 32):
    values = {"arch": "vgg11_bn", "width": 0.25, "size": size}
    return [(model, make_recipe(model, values)) for model in ("scratch-vgg", "frozen-vgg", "finetuned-vgg")]


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cached weights of a quarter-width vgg11_bn at 32 px for the sample's classes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    home = cache_folder() / f"sample-pretraining-{code_info().version}"
    home.mkdir(parents=True)
    (home / "vgg11_bn-width0.25-32px.safetensors").touch()
    return home / "vgg11_bn-width0.25-32px.safetensors"


def test_cached_weights_replace_those_of_imagenet(cached: Path) -> None:
    weights = [r.weights for _, r in with_drawn_weights(recipes(), SAMPLE, "cpu", QUIET, dry_run=False)]
    assert weights == [None, str(cached), str(cached)]


def test_a_dry_run_leaves_weights_out_that_do_not_exist_yet(cached: Path) -> None:
    weights = [r.weights for _, r in with_drawn_weights(recipes(64), SAMPLE, "cpu", QUIET, dry_run=True)]
    assert weights == [None, None, None]


def test_weights_of_the_users_own_choice_stay(cached: Path) -> None:
    own = [("frozen-vgg", make_recipe("frozen-vgg", {"weights": "mine.safetensors"}))]
    assert with_drawn_weights(own, SAMPLE, "cpu", QUIET, dry_run=False) == own


def test_other_classes_of_a_drawn_dataset_are_kept_out_of_its_pretraining(cached: Path) -> None:
    with_boat = with_drawn_weights(recipes(), (*SAMPLE, "boat"), "cpu", QUIET, dry_run=True)
    assert [r.weights for _, r in with_boat] == [None, None, None]


def test_a_dataset_of_all_drawable_classes_leaves_none_to_pretrain_on(cached: Path) -> None:
    with pytest.raises(UsageError, match="no other classes are left to pretrain on; give --weights FILE"):
        with_drawn_weights(recipes(), drawable_classes(), "cpu", QUIET, dry_run=True)
