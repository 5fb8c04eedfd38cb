"""The settings of a dataset in datasets.toml: which value counts, and errors that name file, table and key."""

import re
from pathlib import Path

import pytest
from rich.console import Console

from bench.api import RunRequest, prepare
from bench.errors import UsageError
from bench.settings import dataset_settings
from collect.datasets import load_datasets

ENTRY = '[two]\nsource = "folder"\nurl = "photos"\n'
BENCH = """
[two.bench]
size = 32
arch = "vgg11"
width = 0.1
weights = "PRETRAINED"
set = {lr = 0.5, dropout = 0.1}
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that writes a datasets.toml with a dataset `two` and more text to the working directory."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> Path:
        path = tmp_path / "datasets.toml"
        path.write_text(ENTRY + text)
        return path

    return write


@pytest.fixture
def recipes(two_classes: Path, tmp_path: Path):
    """A function that gives the recipes that `bench run` would use, by model and arch."""

    def recipes(*models: str, **flags: object) -> dict:
        flags = {"device": "cpu", "precision": "fp32", "epochs": 1, **flags}
        request = RunRequest(models, "two", flags, two_classes, tmp_path / "results", "bench run", dry_run=True)
        return {(p.model, p.recipe.arch): p.recipe for p in prepare(request, Console(quiet=True))[1]}

    return recipes


def test_the_command_line_comes_first_then_the_models_table_then_the_datasets_then_the_recipe(
    write, recipes, pretrained: Path
) -> None:
    table = '[two.bench.scratch-vgg]\nlr = 0.0003\narch = "vgg11_bn"\nbatch-size = 16\nclip_norm = "none"\n'
    write(BENCH.replace("PRETRAINED", str(pretrained)) + table)
    found = recipes("scratch-vgg", "baseline-cnn", epochs=3, batch_size=8)
    own, other = found["scratch-vgg", "vgg11_bn"], found["baseline-cnn", None]
    assert (own.lr, own.clip_norm, own.dropout, own.size, own.width) == (0.0003, None, 0.1, 32, 0.1)
    assert (other.lr, other.clip_norm, other.dropout, other.size) == (0.5, 1.0, 0.1, 32)
    assert (own.batch_size, other.batch_size, own.epochs) == (8, 8, 3)
    assert (own.optimizer, other.optimizer) == ("adamw", "sgd")
    assert recipes("scratch-vgg")["scratch-vgg", "vgg11_bn"].batch_size == 16
    assert recipes("scratch-vgg", lr="0.1")["scratch-vgg", "vgg11_bn"].lr == 0.1


def test_a_head_on_the_command_line_that_a_model_does_not_take_leaves_that_of_its_table(
    write, recipes, pretrained: Path
) -> None:
    bench = BENCH.replace("PRETRAINED", str(pretrained)).replace("vgg11", "vgg11_bn")
    write(bench + '[two.bench.scratch-vgg]\nhead = "pooled"\n')
    found = recipes("scratch-vgg", "frozen-vgg", head="last")
    assert {model: recipe.head for (model, _), recipe in found.items()} == {
        "scratch-vgg": "pooled",
        "frozen-vgg": "last",
    }


def test_a_list_and_a_comma_separated_text_make_several_recipes(write, recipes) -> None:
    write('[two.bench]\nsize = 32\nwidth = 0.1\n[two.bench.scratch-vgg]\narch = "vgg11,vgg13"\ntrain_images = [4, 8]\n')
    assert set(recipes("scratch-vgg")) == {("scratch-vgg", "vgg11"), ("scratch-vgg", "vgg13")}
    assert recipes("scratch-vgg", train_images=[4])["scratch-vgg", "vgg11"].train_images == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[two.bench.scratch]\nlr = 1.0", '[two]: unknown model "bench.scratch"; did you mean scratch-vgg?'),
        ("[two.bench.scratch-vgg]\nlr = [1.0]", '[two]: key "bench.scratch-vgg.lr" must be a text or a number'),
        (
            "[two.bench.scratch-vgg]\nepochs = 1.5",
            '[two]: key "bench.scratch-vgg.epochs" must be a whole number or auto, not 1.5',
        ),
        ("[two.bench]\nscratch-vgg = 5", '[two]: key "bench.scratch-vgg" must be keys with values, not 5'),
        (
            "[two.bench.scratch-vgg]\nlrr = 1.0",
            '[two.bench.scratch-vgg]: unknown key "lrr"; did you mean lr or backbone_lr?',
        ),
        ("[two.bench.scratch-vgg]\nseeds = 3", '[two.bench.scratch-vgg]: unknown key "seeds"'),
        ("[two.bench.scratch-vgg]\nset = {lr = 0.1}", '[two.bench.scratch-vgg]: unknown key "set"'),
        ('[two.bench.scratch-vgg]\nlr = "0.1"', "[two.bench.scratch-vgg]: key \"lr\" must be a number, not '0.1'"),
        ("[two.bench.scratch-vgg]\nwarmup = true", '[two.bench.scratch-vgg]: key "warmup" must be a number, not True'),
        ("[two.bench.scratch-vgg]\nviews = 2", '[two.bench.scratch-vgg]: key "views" has no effect on scratch-vgg; '),
        ('[two.bench.scratch-vgg]\nhead = "last"', "[two.bench.scratch-vgg]: head last has no effect on scratch-vgg; "),
        ("[two.bench.scratch-vgg]\nlr = 1000", "[two.bench.scratch-vgg]: lr must be from 1e-09 to 100, not 1000"),
        ('[two.bench.scratch-vgg]\ninit = "hé"', "[two.bench.scratch-vgg]: init=hé: choose from default, he"),
        ("[two.bench.frozen-vgg]\nviews = 2", "[two.bench.frozen-vgg]: views=2: several views need augment"),
        ("[two.bench]\nset = {lr = 1000}\nfrozen-vgg = {size = 64}", "[two.bench]: lr must be from 1e-09 to 100"),
        ("[two.bench]\nset = {lrr = 1.0}", '[two.bench.set]: unknown key "lrr"; did you mean lr or backbone_lr?'),
    ],
)
def test_a_setting_that_no_run_could_have_is_named_with_file_table_and_key(write, text: str, message: str) -> None:
    path = write(text)
    with pytest.raises(UsageError, match=f"^{re.escape(f'{path}: {message}')}"):
        dataset_settings(load_datasets()["two"])


def test_an_error_in_a_shipped_table_would_name_the_shipped_file(write) -> None:
    from dataclasses import replace

    write("")
    entry = replace(load_datasets()["car-bicycle"], bench={"scratch-vgg": {"lrr": 1}})
    with pytest.raises(
        UsageError, match=r"^.*datasets\.toml: \[car-bicycle\.bench\.scratch-vgg\]: unknown key"
    ) as caught:
        dataset_settings(entry)
    assert str(Path.cwd()) not in str(caught.value)


def test_a_dry_run_shows_the_settings_of_each_model(bench, write, two_classes: Path, tmp_path: Path) -> None:
    write(
        '[two.bench]\nsize = 32\nepochs = 1\nprecision = "fp32"\n'
        '[two.bench.baseline-cnn]\nlr = 0.0003\nclip_norm = "none"\n'
        '[two.bench.scratch-vgg]\nwidth = 0.1\nhead = "pooled"\n'
    )
    command = ["run", "baseline-cnn", "scratch-vgg", "--dataset", "two", "--data", str(two_classes), "--device", "cpu"]
    lines = bench(*command, "--dry-run", cwd=tmp_path).stdout.splitlines()
    [baseline] = [line for line in lines if "baseline-cnn" in line]
    [scratch] = [line for line in lines if "scratch-vgg" in line]
    assert "fp32, lr=0.0003, clip_norm=none " in baseline
    assert "width 0.1, head pooled " in scratch
    assert "lr" not in scratch
