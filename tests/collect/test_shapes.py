"""The drawn images: repeatable, varied, valid JPEGs whose class no trivial statistic reveals."""

import io
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from PIL import Image
from skimage.feature import hog

from collect.errors import VggbenchError
from collect.sources.synthetic.drawing import CLASSES, draw

PAIRS = 240


def decode(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[bytes]]:
    return {name: [draw(name, 11, i) for i in range(PAIRS)] for name in ("car", "bicycle")}


def test_the_classes_of_sample_come_first_among_ten() -> None:
    assert CLASSES[:2] == ("car", "bicycle")
    assert len(CLASSES) == len(set(CLASSES)) == 10


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_is_a_valid_varied_jpeg(name: str) -> None:
    images = [decode(draw(name, 3, i)) for i in range(12)]
    assert all(i.format == "JPEG" and i.mode == "RGB" and min(i.size) >= 80 and max(i.size) <= 120 for i in images)
    assert len({i.size for i in images}) > 4
    assert all(np.asarray(i).std() > 8 for i in images), "a blank picture"


def test_equal_arguments_give_equal_bytes_and_other_arguments_other_bytes() -> None:
    assert draw("car", 1, 5) == draw("car", 1, 5)
    variants = [draw("car", 1, 5), draw("car", 1, 6), draw("car", 2, 5), draw("bicycle", 1, 5), draw("car", -1, 5)]
    assert len(set(variants)) == len(variants)


def test_every_process_draws_the_same_bytes() -> None:
    names, indices = ["car", "bicycle", "boat"], [0, 1, 2]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(draw, names, [4] * 3, indices)) == [
            draw(name, 4, index) for name, index in zip(names, indices, strict=True)
        ]


def test_an_unknown_class_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(VggbenchError, match=r"'zebra'.*car, bicycle") as caught:
        draw("zebra", 1, 0)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("module", ["collect.sources", "collect.sources.synthetic.drawing", "collect.pipeline"])
def test_importing_a_module_loads_nothing_heavy(module: str) -> None:
    heavy = ("skimage", "scipy", "torch", "flickrapi")
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def mean_colour(data: bytes) -> list[float]:
    pixels = np.asarray(decode(data), dtype=np.float64)
    return [*pixels.mean((0, 1)), pixels.mean(), pixels.std()]


def border_colour(data: bytes) -> list[float]:
    pixels = np.asarray(decode(data), dtype=np.float64)
    return [
        *pixels[:4].mean((0, 1)),
        *pixels[-4:].mean((0, 1)),
        *pixels[:, :4].mean((0, 1)),
        *pixels[:, -4:].mean((0, 1)),
    ]


def size_and_bytes(data: bytes) -> list[float]:
    width, height = decode(data).size
    return [width, height, width / height, len(data), len(data) / (width * height)]


def edges(data: bytes) -> list[float]:
    grey = np.asarray(decode(data).convert("L").resize((64, 64)))
    return list(hog(grey, orientations=8, pixels_per_cell=(16, 16), cells_per_block=(2, 2)))


def linear_accuracy(cue: Callable[[bytes], list[float]], drawn: dict[str, list[bytes]]) -> float:
    """Test accuracy of ridge regression on `cue`, fitted on the first half of the images."""
    both = zip(drawn["car"], drawn["bicycle"], strict=True)
    features = np.array([cue(data) for pair in both for data in pair])
    labels = np.tile([1.0, -1.0], len(features) // 2)
    half = len(features) // 2
    scaled = (features - features[:half].mean(0)) / (features[:half].std(0) + 1e-9)
    fit = scaled[:half]
    ridge = 0.3 * features.shape[1] * np.eye(features.shape[1])
    weights = np.linalg.solve(fit.T @ fit + ridge, fit.T @ labels[:half])
    return float((np.sign(scaled[half:] @ weights) == labels[half:]).mean())


@pytest.mark.parametrize("cue", [mean_colour, border_colour, size_and_bytes])
def test_no_trivial_cue_distinguishes_cars_from_bicycles(
    cue: Callable[[bytes], list[float]], drawn: dict[str, list[bytes]]
) -> None:
    assert linear_accuracy(cue, drawn) < 0.62


def test_the_shape_distinguishes_cars_from_bicycles(drawn: dict[str, list[bytes]]) -> None:
    assert linear_accuracy(edges, drawn) > 0.78
