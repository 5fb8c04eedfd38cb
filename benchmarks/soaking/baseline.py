"""The intact files that trials damage: photos, a dataset, weights, two finished runs, a report. Each is made once."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

from benchmarks.soaking.commands import good
from tests.servers.photos import jpeg

T = TypeVar("T")
CLASSES = ("boat", "car")
PHOTOS, TRAIN, TEST = 16, 10, 4
COLLECT = ("collect", "--from", "photos", "--name", "ds", "--train", str(TRAIN), "--test", str(TEST), "--quiet")
COLLECT_PUBLISHED = ("collect", "--from", "published", "--name", "ds", "--quiet")
SPLIT_AGAIN = (*COLLECT_PUBLISHED, "--train", str(TRAIN), "--test", str(TEST))
VGG = ("--arch", "vgg11", "--width", "0.125")
TINY = ("--size", "32", "--device", "cpu")
SMALL = (*TINY, "--batch-size", "8", "--precision", "fp32")
MODELS = ("baseline-cnn", "frozen-vgg", *VGG, "--weights", "w.safetensors")
BENCH = ("bench", "run", *MODELS, "--dataset", "ds", *SMALL, "--epochs", "3")
PRETRAIN = ("bench", "pretrain", "--dataset", "ds", "--out", "w.safetensors", *VGG, *TINY, "--epochs", "1")
WHEN_AND_WHERE = ("retrieved", "url")


class Baseline:
    """The intact files, in folders below `folder`. Several threads may ask for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock, self._made = RLock(), dict[str, Any]()

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` returns; it is called once per name."""
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            made: T = self._made[name]
            return made

    @property
    def photos(self) -> Path:
        """A folder with photos/CLASS/*.jpg."""
        return self.once("photos-only", self._draw)

    @property
    def collected(self) -> Path:
        """The same with the dataset in data/ds."""
        return self.once("collected", lambda: self._run("collected", self.photos, COLLECT))

    @property
    def published(self) -> Path:
        """A dataset in data/ds that keeps the split of its source, the folder published/."""
        return self.once("published", self._publish)

    @property
    def weighted(self) -> Path:
        """The dataset with pretrained weights in w.safetensors."""
        return self.once("weighted", lambda: self._run("weighted", self.collected, PRETRAIN))

    @property
    def trained(self) -> Path:
        """The same with two finished runs, their caches and the report."""
        return self.once("trained", lambda: self._run("trained", self.weighted, BENCH))

    def _draw(self) -> Path:
        home = self.folder / "photos-only"
        for position, name in enumerate(CLASSES):
            (home / "photos" / name).mkdir(parents=True, exist_ok=True)
            for i in range(PHOTOS):
                (home / "photos" / name / f"{i:02}.jpg").write_bytes(jpeg(100 * position + i, 80, 72))
        return home

    def _publish(self) -> Path:
        start = self.folder / "published-only"
        for path in sorted(self.photos.glob("photos/*/*.jpg")):
            target = start / "published" / ("test" if path.stem >= "12" else "train") / path.parent.name
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        return self._run("published", start, COLLECT_PUBLISHED)

    def _run(self, name: str, start: Path, words: tuple[str, ...]) -> Path:
        home = copy(start, self.folder / name)
        good(home, *words)
        return home


def copy(intact: Path, folder: Path) -> Path:
    """A copy of intact files, with their times, for a trial to damage."""
    shutil.copytree(intact, folder, dirs_exist_ok=True, symlinks=True)
    return folder


def dataset_state(folder: Path) -> list[dict[str, Any]]:
    """What a dataset is: its rows, less time and address, with the hash of each file as it is now."""
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]
    return [
        {
            **{k: v for k, v in row.items() if k not in WHEN_AND_WHERE},
            "now": hashlib.sha256((folder / row["file"]).read_bytes()).hexdigest(),
        }
        for row in rows
    ]


def run_state(results: Path) -> dict[str, Any]:
    """What the runs of a dataset found: losses, results and predictions, by run, bit for bit."""
    state = {}
    for path in sorted(results.glob("*/run.json")):
        record = json.loads(path.read_text("utf-8"))
        losses = [(e["train_loss"], e["test_loss"]) for e in record["epochs"]]
        state[path.parent.name] = (losses, record["result"], (path.parent / "predictions.csv").read_text("utf-8"))
    return state
