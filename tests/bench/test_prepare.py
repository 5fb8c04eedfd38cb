"""What happens before the first epoch: flags are checked first, and a dry run downloads and makes nothing."""

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

import bench.sample
from bench.api import RunRequest, prepare
from bench.commands.run import duration_range
from bench.errors import UsageError, WeightsError
from bench.plans import estimate_range
from bench.plans.estimate import RUN_SECONDS


def prepared(home: Path, model: str, dataset: str | None = None, dry_run: bool = False, **flags: Any):
    """The dataset, the plans and the printed text for a command in an empty folder."""
    out = io.StringIO()
    flags = {"device": "cpu", "precision": "fp32", "size": "32", **flags}
    request = RunRequest([model], dataset, flags, home / "data", home / "results", "bench run", False, dry_run)
    source, plans = prepare(request, Console(file=out, width=120))
    return source, plans, out.getvalue()


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails the test if something is drawn, pretrained or downloaded."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("work began")

    monkeypatch.setattr(bench.sample, "draw", fail)
    monkeypatch.setattr(bench.sample, "pretrain", fail)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fail)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"lr": "fast"}, "--set lr=fast: must be a number"),
        ({"learning": "1"}, "--set learning: no such field; choose from arch"),
        ({"arch": "vgg17"}, "--arch vgg17: no such network; did you mean vgg19"),
        ({"device": "tpu"}, "--device tpu"),
        ({"epochs": "0"}, "epochs must be at least 1"),
        ({"seeds": 0}, "--seeds 0: at least 1"),
    ],
)
def test_a_wrong_flag_is_reported_before_the_sample_is_drawn(
    flags: dict[str, Any], message: str, no_work: None, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        prepared(tmp_path, "frozen-vgg", "sample", **flags)
    assert list(tmp_path.iterdir()) == []


def test_too_few_images_are_reported_before_weights_are_made(
    two_classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_work: None
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sample").symlink_to(two_classes / "two")
    with pytest.raises(UsageError, match="has only 24 to train on"):
        prepared(tmp_path, "frozen-vgg", "sample", train_images="25")


def test_a_dry_run_downloads_no_weights_and_says_that_the_first_run_will(
    two_classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_work: None
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    source, plans, text = prepared(tmp_path, "frozen-vgg", str(two_classes / "two"), dry_run=True)
    assert "The first run begins by downloading the ImageNet weights of vgg16" in text
    assert [plan.recipe.weights for plan in plans] == [None]
    [(fewest, most)] = estimate_range(plans, source)
    assert 0 < fewest <= most
    assert not (tmp_path / "torch").exists()


def test_a_dry_run_reports_weights_that_do_not_exist(two_classes: Path, tmp_path: Path, no_work: None) -> None:
    with pytest.raises(WeightsError, match=r"no\.pth: no such file"):
        prepared(tmp_path, "frozen-vgg", str(two_classes / "two"), dry_run=True, weights="no.pth")


def test_the_first_run_on_a_backbone_pays_for_its_features(two_classes: Path, tmp_path: Path, pretrained: Path) -> None:
    flags = {"weights": str(pretrained), "arch": "vgg11_bn", "width": "0.1", "lr": "0.001,0.0001"}
    source, plans, _ = prepared(tmp_path, "frozen-vgg", str(two_classes / "two"), **flags)
    (first, _), (second, _) = estimate_range(plans, source)
    assert first > second
    assert estimate_range(plans[1:], source)[0][0] == first


def test_an_estimate_covers_the_fewest_and_the_most_steps_of_a_run_that_stops_by_itself(
    two_classes: Path, tmp_path: Path
) -> None:
    dataset = str(two_classes / "two")
    source, plans, _ = prepared(tmp_path, "baseline-cnn", dataset, epochs="auto", min_steps="300", max_steps="6000")
    [(fewest, most)] = estimate_range(plans, source)
    assert most - RUN_SECONDS == pytest.approx(20 * (fewest - RUN_SECONDS))
    source, plans, _ = prepared(tmp_path, "baseline-cnn", dataset, epochs="5")
    [(fewest, most)] = estimate_range(plans, source)
    assert fewest == most


@pytest.mark.parametrize(
    ("fewest", "most", "text"),
    [(20, 20.3, "20 s"), (50, 200, "50 s to 3 min"), (3000, 9000, "50 min to 2.5 h")],
)
def test_an_estimate_names_both_ends_where_they_differ(fewest: float, most: float, text: str) -> None:
    assert duration_range(fewest, most) == text
