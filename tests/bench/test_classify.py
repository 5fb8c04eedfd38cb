"""A run's network classifies photos only if its weights and its record can be used and belong together."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from bench.classify import classifier_of_run, classify
from bench.errors import RecordError, VggbenchError, WeightsError
from bench.models import build_network
from bench.recipes import make_recipe
from bench.records import WEIGHTS_FILE, write_run
from collect.manifest import file_sha256
from tests.factories.results import BASELINE, Variant, make_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a baseline CNN's run on images of 32 px, with random weights."""
    run = make_run(tmp_path, "ds", ["a", "b"], BASELINE, 1, evidence=False, variant=Variant(recipe={"size": 32}))
    home = tmp_path / "ds" / run.run
    torch.manual_seed(1)
    net = build_network("baseline-cnn", make_recipe("baseline-cnn", {"size": 32}), 2).whole
    save_file(net.state_dict(), home / WEIGHTS_FILE)
    return home


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change the weights of a run in place."""
    state = load_file(folder / WEIGHTS_FILE)
    change(state)
    save_file(state, folder / WEIGHTS_FILE)


def edit(folder: Path, part: str, changes: dict[str, Any]) -> None:
    """Change a part of a run's record."""
    values = json.loads((folder / "run.json").read_text())
    values[part] |= changes
    (folder / "run.json").write_text(json.dumps(values))


def test_intact_weights_classify(folder: Path, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), "red").save(tmp_path / "red.png")
    [guesses] = classify(classifier_of_run(folder), [tmp_path / "red.png"], top=2)
    assert sum(share for _, share in guesses) == pytest.approx(1)


def test_weights_that_are_missing_or_damaged_are_one_line_that_names_them(folder: Path) -> None:
    path = folder / WEIGHTS_FILE
    content = path.read_bytes()
    for damaged in (b"", content[: len(content) // 2], b"junk" + content[4:], content[:8] + b"{" * 50 + content[58:]):
        path.write_bytes(damaged)
        with pytest.raises(WeightsError, match="cannot be read as weights") as caught:
            classifier_of_run(folder)
        assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(WeightsError, match=r"missing; repeat the run with bench run .* --fresh"):
        classifier_of_run(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_with_values_that_are_not_finite_are_refused(value: float, folder: Path) -> None:
    change_weights(folder, lambda state: state["0.bias"].__setitem__(3, value))
    with pytest.raises(WeightsError, match=r"0.bias has values that are not finite numbers"):
        classifier_of_run(folder)


def test_weights_that_changed_since_the_run_are_refused(folder: Path) -> None:
    run = make_run(folder.parent.parent, "ds", ["a", "b"], BASELINE, 1, evidence=False)
    files = {WEIGHTS_FILE: file_sha256(folder / WEIGHTS_FILE)}
    write_run(folder, replace(run, recipe=run.recipe | {"size": 32}, files=files))
    classifier_of_run(folder)
    change_weights(folder, lambda state: state["0.bias"].mul_(0.9))
    with pytest.raises(WeightsError, match=r"weights.safetensors: changed since the run wrote it"):
        classifier_of_run(folder)


def test_weights_of_another_network_are_refused(folder: Path) -> None:
    edit(folder, "recipe", {"size": 64})
    with pytest.raises(WeightsError, match=r"does not fit its run.json"):
        classifier_of_run(folder)


def test_a_network_whose_answer_is_not_finite_gives_none(folder: Path, tmp_path: Path) -> None:
    change_weights(folder, lambda state: [value.fill_(1e38) for value in state.values()])
    Image.new("RGB", (40, 40), "red").save(tmp_path / "red.png")
    with pytest.raises(VggbenchError, match="not a finite number"):
        classify(classifier_of_run(folder), [tmp_path / "red.png"], top=2)


@pytest.mark.parametrize(
    ("model", "recipe", "message"),
    [
        ("baseline-cnn", {"size": None}, 'recipe: key "size" is missing'),
        ("baseline-cnn", {"size": "64"}, "recipe: key \"size\" must be int, not '64'"),
        ("baseline-cnn", {"size": 10**9}, "recipe: size must be from 32 to 4096, not 1000000000"),
        ("baseline-cnn", {"size": -1}, "recipe: size must be from 32 to 4096"),
        ("scratch-vgg", {"arch": "vgg16"}, 'recipe: key "width" is missing'),
        ("scratch-vgg", {"arch": "vgg16", "width": 10**9}, "recipe: width must be from 0.01 to 8, not 1000000000"),
        ("scratch-vgg", {"arch": "vgg99", "width": 1.0}, "recipe: --arch vgg99: unknown"),
        ("scratch-vgg", {"arch": 16, "width": 1.0}, 'recipe: key "arch" must be str or null, not 16'),
        ("frozen-vgg", {"arch": "vgg16", "width": 1.0}, 'recipe: key "head" is missing'),
        ("frozen-vgg", {"arch": "vgg16", "width": 1.0, "head": "big"}, "must be one of mlp256, classifier, last"),
        ("resnet", {}, "is of model 'resnet'; this version knows scratch-vgg"),
    ],
)
def test_a_recipe_that_gives_no_network_is_named(
    model: str, recipe: dict[str, Any], message: str, folder: Path
) -> None:
    edit(folder, "model", {"name": model})
    edit(folder, "recipe", recipe)
    with pytest.raises(RecordError) as caught:
        classifier_of_run(folder)
    assert str(caught.value).startswith(f"{folder / 'run.json'}: ") and message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_recipe_is_named(folder: Path) -> None:
    values = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(values | {"recipe": {}}))
    with pytest.raises(RecordError, match=r'run.json: recipe: key "size" is missing'):
        classifier_of_run(folder)
