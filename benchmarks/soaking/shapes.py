"""Datasets of odd shapes: 10,000 classes, one image, no test images, names in any script."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.soaking.baseline import SMALL
from benchmarks.soaking.commands import good
from benchmarks.soaking.items import Item, attempt, require
from benchmarks.soaking.trials import Place
from tests.servers.photos import jpeg

ANY, NO_DATASET = frozenset({0, 1, 3, 4}), frozenset({3, 4})
MARKUP = "<img src=x onerror=alert(1)>"
NAMES = (
    "汽车", "سيارة", "автомобиль", "कार", "รถยนต์", "자동차", "αυτοκίνητο", "מכונית", "🚗", "cafe\u0301", "café",
    "İstanbul", "ß", "n" * 120, "a b", " ", "a.", "...", "-x", "--help", "CON", "a'b\"c", MARKUP, "[bold]x[red]",
    "a&amp;b", "{{7*7}}", "%s%n", "a\tb", "a\nb", "\u202egnp", "\ufeffx", "x\u200b", "\x1b[31mred", "$(id)", "`id`",
    "a,b;c", "=1+1", "null", "NaN", "0", "train", "test", "val", ".hidden", "__MACOSX", "a" * 255, "é" * 127,
)  # fmt: skip
LATIN = (b"caf\xe9", b"\xff\xfe", b"\x80abc")
CLASSES_AT_FULL_SIZE = 10_000
BENCH_NEW = ("bench", "run", "baseline-cnn", "--dataset", "a", *SMALL, "--epochs", "2")


def _folder(place: Place, photos: dict[str | bytes, int], size: tuple[int, int] = (80, 72)) -> Path:
    """The folder photos/ with so many different photos in each class folder."""
    seed = place.random.randrange(10**6)
    home = place.folder / "photos"
    for name, count in photos.items():
        folder = home / (name if isinstance(name, str) else name.decode("utf-8", "surrogateescape"))
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(count):
            seed += 1
            (folder / f"{i}.jpg").write_bytes(jpeg(seed, *size))
    return home


def _collect(place: Place, codes: frozenset[int], *words: str) -> int:
    ended = good(place.folder, "collect", "--from", "photos", "--name", "a", "--quiet", *words, codes=codes)
    if ended.code == 0:
        good(place.folder, "collect", "--verify", "a")
    return ended.code


def _rows(place: Place) -> list[dict]:
    return [json.loads(line) for line in (place.folder / "data/a/manifest.jsonl").read_text("utf-8").splitlines()]


def _any_script(place: Place) -> None:
    names = place.random.sample([*NAMES, *LATIN], 6)
    _folder(place, {**dict.fromkeys(names, 5), "car": 5})
    if _collect(place, ANY) == 0:
        counts = {row["class"] for row in _rows(place)}
        require("car" in counts and len(counts) >= 2, f"classes are missing: {counts}")


def _any_script_to_the_report(place: Place) -> None:
    names = place.random.sample([name for name in NAMES if len(name) < 100], 3)
    _folder(place, {**dict.fromkeys(names, 8), "car": 8})
    if _collect(place, ANY) or len({row["class"] for row in _rows(place)}) < 2:
        return
    good(place.folder, *BENCH_NEW)
    page = (place.folder / "results/a/report.html").read_text("utf-8")
    require(MARKUP not in page, "markup of a class name is in the report as it is")
    good(place.folder, "reports", "table")


def _one_image(place: Place) -> None:
    _folder(place, {"car": 1})
    require(_collect(place, ANY) != 0, "a dataset of one image is no dataset")


def _one_image_of_a_class(place: Place) -> None:
    _folder(place, {"car": 1, "boat": 8})
    require(_collect(place, ANY) != 0, "a class with one photo has no train or no test")


def _no_images(place: Place) -> None:
    _folder(place, {"car": 0, "boat": 0})
    _collect(place, NO_DATASET)


def _no_test_images(place: Place) -> None:
    _folder(place, {"car": 6, "boat": 6})
    if _collect(place, frozenset({0}), "--train", "5", "--test", "0") == 0:
        good(place.folder, *BENCH_NEW, codes=frozenset({2}))


def _all_in_two_classes(place: Place) -> None:
    home = _folder(place, {"car": 6})
    shutil.copytree(home / "car", home / "boat")
    _collect(place, frozenset({3}))


def _one_class_in_two(place: Place) -> None:
    home = _folder(place, {"car": 6, "boat": 6})
    shutil.copytree(home / "car", home / "auto")
    require(_collect(place, ANY) != 0, "classes that lost all photos to conflicts are left out, exit code 0")


def _empty_class(place: Place) -> None:
    _folder(place, {"car": 6, "boat": 6, "plane": 0})
    _collect(place, NO_DATASET)


def _deep_folders(place: Place) -> None:
    home = _folder(place, {"car": 6, "boat": 6})
    (home / "car" / "/".join(["d"] * 200)).mkdir(parents=True)
    (home / "car" / "loop").symlink_to(home)
    _collect(place, ANY)


def _many_classes(count: int) -> Callable[[Place], None]:
    def check(place: Place) -> None:
        _folder(place, {f"class {i:05}": 2 for i in range(count)}, (64, 64))
        require(_collect(place, frozenset({0}), "--train", "1", "--test", "1") == 0, "")
        require(len(_rows(place)) == 2 * count, f"{len(_rows(place)):,} images, not {2 * count:,}")
        good(place.folder, *BENCH_NEW, "--dry-run")

    return check


SHAPES: dict[str, Callable[[Place], None]] = {
    "names in any script": _any_script,
    "one image": _one_image,
    "names in any script, up to the report": _any_script_to_the_report,
    "one image of a class": _one_image_of_a_class,
    "no images": _no_images,
    "no test images": _no_test_images,
    "all photos in two classes": _all_in_two_classes,
    "one class inside another": _one_class_in_two,
    "a class without photos": _empty_class,
    "deep folders and a loop of links": _deep_folders,
}
ROUNDS = 6
LARGE = {"300 classes": _many_classes(300), "10,000 classes": _many_classes(CLASSES_AT_FULL_SIZE)}
TRIALS = ROUNDS * len(SHAPES) + len(LARGE)


def odd_shape(place: Place) -> list[Item]:
    """One shape. The large ones come last."""
    large = place.number - ROUNDS * len(SHAPES)
    kind = list(LARGE)[large] if large >= 0 else list(SHAPES)[place.number % len(SHAPES)]
    return [attempt(kind, partial({**SHAPES, **LARGE}[kind], place))]
