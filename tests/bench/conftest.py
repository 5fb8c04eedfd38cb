"""Small drawn datasets on disk, made once, and the command."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from collect.sources.synthetic.drawing import draw
from tests.forked import ROOT, Done, Forkserver

CLASSES = ("car", "bicycle", "boat")


def draw_dataset(folder: Path, classes: tuple[str, ...], train: int, test: int) -> Path:
    """A folder with train/ and test/ of so many drawings per class; returns it."""
    for name in classes:
        for split, numbers in (("train", range(train)), ("test", range(train, train + test))):
            home = folder / split / name
            home.mkdir(parents=True)
            for i in numbers:
                (home / f"{name}_{i:03}.jpg").write_bytes(draw(name, 7, i))
    return folder


@pytest.fixture(scope="session")
def two_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder data/ with `two`: car and bicycle, 24 train and 8 test drawings each."""
    return draw_dataset(tmp_path_factory.mktemp("data") / "two", CLASSES[:2], 24, 8).parent


@pytest.fixture(scope="session")
def three_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder data/ with `three`: three classes, 12 train and 6 test drawings each."""
    return draw_dataset(tmp_path_factory.mktemp("data") / "three", CLASSES, 12, 6).parent


@pytest.fixture(scope="session")
def easy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder data/ with `easy`: noisy red and noisy blue squares, which any network that learns can distinguish."""
    folder = tmp_path_factory.mktemp("data") / "easy"
    noise = torch.Generator().manual_seed(0)
    for split, count in (("train", 48), ("test", 16)):
        for channel, name in ((0, "red"), (2, "blue")):
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = torch.randint(0, 120, (32, 32, 3), generator=noise, dtype=torch.uint8)
                pixels[..., channel] += 100
                Image.fromarray(pixels.numpy()).save(folder / split / name / f"{i}.png")
    return folder.parent


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file for vgg11_bn of width 0.1 with a five-class classifier and its origin."""
    from safetensors.torch import save_file

    from bench.models import build_architecture, initialise_weights

    torch.manual_seed(3)
    net = build_architecture("vgg11_bn", 5, width=0.1)
    initialise_weights(net, "he")
    path = tmp_path_factory.mktemp("weights") / "mine.safetensors"
    about = {"pretrained_on": "random numbers", "arch": "vgg11_bn", "width": "0.1", "classes": "a\nb\nc\nd\ne"}
    save_file(net.state_dict(), path, about)
    return path


SMALL = {"arch": "vgg11_bn", "width": 0.1, "size": 32, "epochs": 2, "batch_size": 8, "precision": "fp32"}


@pytest.fixture
def small_plan(tmp_path: Path):
    """A function that makes the plan of a small run on the CPU, to be written to a folder of this name."""
    from bench.plans import Plan
    from bench.recipes import make_recipe

    def make(model: str, dataset: str, data: Path, folder: str = "run", **values: object) -> Plan:
        recipe = make_recipe(model, {**SMALL, **values})
        return Plan(folder, model, recipe, 1, str(data / dataset), str(tmp_path / folder), "cpu", "bench run")

    return make


@pytest.fixture(scope="session")
def bench(command_server: Forkserver) -> Callable[..., Done]:
    """A function that runs `bench ARGUMENTS` in a folder and expects its exit code."""

    def run(*arguments: str, cwd: Path, code: int = 0) -> Done:
        done = command_server.run("bench", *arguments, cwd=cwd, environment={**os.environ, "PYTHONPATH": str(ROOT)})
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run
