"""Weights for drawn datasets: made from drawings, once per shape of network, and never fetched."""

import io
import re
import shlex
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from typer.testing import CliRunner

import collect.cli
from bench.cache import cache_folder, write_values
from bench.cli import app
from bench.data import Source
from bench.errors import UsageError
from bench.machine import code_info
from bench.models import read_tensors
from bench.neighbours import drawable_classes
from bench.recipes import Recipe, make_recipe
from bench.sample import HASH_FORMAT, PRETRAINING, SHIPPED, _pretrain_on_drawings, draw_missing, with_drawn_weights
from collect.datasets import Dataset
from collect.manifest import file_sha256
from tests.bench.damage import DAMAGES

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
    weights = home / "vgg11_bn-width0.25-32px.safetensors"
    weights.write_bytes(b"weights" * 9)
    write_values(weights.with_suffix(".json"), HASH_FORMAT, file_sha256(weights))
    return weights


def test_cached_weights_replace_those_of_imagenet(cached: Path) -> None:
    weights = [r.weights for _, r in with_drawn_weights(recipes(), SAMPLE, "cpu", QUIET, dry_run=False)]
    assert weights == [None, str(cached), str(cached)]


def test_a_dry_run_leaves_weights_out_that_do_not_exist_yet(cached: Path) -> None:
    weights = [r.weights for _, r in with_drawn_weights(recipes(64), SAMPLE, "cpu", QUIET, dry_run=True)]
    assert weights == [None, None, None]


@pytest.mark.parametrize("damage", [*DAMAGES, "no hash"])
def test_damaged_weights_are_named_and_made_again(
    damage: str, cached: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def pretrain(_recipe: Recipe, _classes: object, out: Path, *_: object) -> None:
        made.append(out)
        out.write_bytes(b"weights" * 9)
        write_values(out.with_suffix(".json"), HASH_FORMAT, file_sha256(out))

    monkeypatch.setattr("bench.sample._pretrain_on_drawings", pretrain)
    if damage == "no hash":
        cached.with_suffix(".json").unlink()
    else:
        DAMAGES[damage](cached)
    for _ in range(2):
        weights = [r.weights for _, r in with_drawn_weights(recipes(), SAMPLE, "cpu", QUIET, dry_run=False)]
        assert weights == [None, str(cached), str(cached)]
        assert made == [cached]
    line = f"bench: {cached}: does not have the hash in {cached.stem}.json; it is made again\n"
    assert capsys.readouterr().err == line


def test_damaged_drawings_to_pretrain_on_are_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few, classes = replace(PRETRAINING, train=3, test=2), drawable_classes()[-2:]
    monkeypatch.setattr("bench.sample.PRETRAINING", few)
    seen = []

    def look(source: Source, *_: object) -> SimpleNamespace:
        seen.append([(source.folder / row.file).read_bytes() for row in source.rows])
        (tmp_path / "out.safetensors").touch()
        return SimpleNamespace(result=SimpleNamespace(accuracy=0.5))

    monkeypatch.setattr("bench.sample.pretrain", look)
    recipe = make_recipe("scratch-vgg", {"arch": "vgg11_bn", "width": 0.25, "size": 32})
    for damage in (None, "flipped bit", "half", "manifest"):
        photo = next((tmp_path / PRETRAINING.name).glob("train/*/*.jpg"), None)
        if damage == "manifest":
            DAMAGES["flipped bit"](tmp_path / PRETRAINING.name / "manifest.jsonl")
        elif damage is not None and photo is not None:
            DAMAGES[damage](photo)
        _pretrain_on_drawings(recipe, classes, tmp_path / "out.safetensors", "cpu", QUIET)
    assert len(seen) == 4 and all(photos == seen[0] for photos in seen)


def test_of_two_commands_one_draws_and_the_other_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    drawn: list[str] = []

    def slow_draw(entry: Dataset, data: Path) -> None:
        drawn.append(entry.name)
        time.sleep(0.3)
        for split in ("train", "test"):
            (data / entry.name / split).mkdir(parents=True)

    monkeypatch.setattr("bench.sample.draw", slow_draw)
    outputs = [io.StringIO(), io.StringIO()]
    with ThreadPoolExecutor() as pool:
        for out in outputs:
            pool.submit(draw_missing, PRETRAINING, tmp_path / "data", Console(file=out, width=200))
    assert drawn == [PRETRAINING.name]
    assert sum("another command works here" in out.getvalue() for out in outputs) == 1


def test_weights_of_the_users_own_choice_stay(cached: Path) -> None:
    own = [("frozen-vgg", make_recipe("frozen-vgg", {"weights": "mine.safetensors"}))]
    assert with_drawn_weights(own, SAMPLE, "cpu", QUIET, dry_run=False) == own


def test_other_classes_of_a_drawn_dataset_are_kept_out_of_its_pretraining(cached: Path) -> None:
    with_boat = with_drawn_weights(recipes(), (*SAMPLE, "boat"), "cpu", QUIET, dry_run=True)
    assert [r.weights for _, r in with_boat] == [None, None, None]


def test_a_dataset_of_all_drawable_classes_leaves_none_to_pretrain_on(cached: Path) -> None:
    with pytest.raises(UsageError, match="no other classes are left to pretrain on; give --weights FILE"):
        with_drawn_weights(recipes(), drawable_classes(), "cpu", QUIET, dry_run=True)


def test_the_samples_own_runs_start_from_weights_in_the_package(cached: Path) -> None:
    values = {"arch": "vgg16_bn", "width": 0.25, "size": 32}
    own = [(model, make_recipe(model, values)) for model in ("frozen-vgg", "finetuned-vgg")]
    for dry_run in (True, False):
        used = {r.weights for _, r in with_drawn_weights(own, SAMPLE, "cpu", QUIET, dry_run=dry_run)}
        assert used == {str(SHIPPED / "vgg16_bn-width0.25-32px.safetensors")}
    [path] = used
    assert path is not None and Path(path).stat().st_size < 2e6
    with_boat = with_drawn_weights(own, (*SAMPLE, "boat"), "cpu", QUIET, dry_run=True)
    assert [r.weights for _, r in with_boat] == [None, None]  # they were trained on boats


def test_the_recorded_command_makes_weights_like_those_in_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = (Path(__file__).parents[2] / "Makefile").read_text().replace("\\\n", " ")
    [collect_words, bench_words] = re.findall(r"^\t\$\(BIN\)/(\w+ .*sample-pretraining.*)$", recorded, re.MULTILINE)
    small = collect_words.replace("--train 500", "--train 4").replace("--test 40", "--test 1")
    monkeypatch.chdir(tmp_path)
    Path("bench/sample_weights").mkdir(parents=True)
    for command, words in ((collect.cli.app, small), (app, bench_words)):
        done = CliRunner().invoke(command, shlex.split(words)[1:], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    [shipped], [made] = SHIPPED.glob("*"), Path("bench/sample_weights").glob("*")
    assert made.name == shipped.name
    (state, about), (own_state, own_about) = read_tensors(shipped, "shipped"), read_tensors(made, "made")
    assert {k: (v.shape, v.dtype) for k, v in state.items()} == {k: (v.shape, v.dtype) for k, v in own_state.items()}
    differ = {key for key in about.keys() | own_about.keys() if about.get(key) != own_about.get(key)}
    assert differ <= {"pretrained_on", "top1", "manifest_sha256"}
    assert float(about["top1"]) > 0.5
