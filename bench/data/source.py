"""The data of a run: which images, decoded once into a packed array, and batches of them on the device."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.decode import DECODER, decode
from bench.errors import UsageError, VggbenchError
from bench.machine import cache_folder, cores
from bench.recipes import Recipe
from collect.manifest import TEST_FOLDERS, Row, atomic_write, is_dataset, load_rows, manifest_sha256

PACK_VERSION = f"square-bilinear-3-{DECODER}"
CHUNK = 32
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_IMAGENET_TRAIN, _IMAGENET_VAL = re.compile(r"n\d{8}_\d+\."), re.compile(r"ILSVRC2012_val_\d+\.")


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset on disk. `rows` are in the manifest's order, `classes` sorted by name."""

    name: str
    folder: Path
    rows: tuple[Row, ...]
    sha256: str
    classes: tuple[str, ...]


def open_source(name: str, data: Path) -> Source:
    """The dataset `name` below `data`, or any folder with train/ and test/ (or val/, which is left out beside a test/).

    Raises UsageError when there is none, with what to do.
    """
    folder = data / name
    if not is_dataset(folder):
        folder = Path(name)
    if not is_dataset(folder):
        raise UsageError(
            f"--dataset {name}: neither a dataset in {data}/ nor a folder with train/ and test/; "
            f"make one with: collect --dataset {name}   or   collect --from FOLDER --name {folder.name}"
        )
    try:
        listed = load_rows(folder)
    except VggbenchError as err:
        raise UsageError(str(err)) from err
    has_test = any(r.split == "test" for r in listed)
    rows = tuple(r for r in listed if r.split != "val" or not has_test)
    classes = tuple(sorted({r.class_ for r in rows}))
    if len(classes) < 2:
        raise UsageError(f"{folder}: has {len(classes)} class; a classifier needs at least two")
    for split in ("train", "test"):
        missing = set(classes) - {r.class_ for r in rows if _side(r) == split}
        if missing:
            raise UsageError(f"{folder}: class {sorted(missing)[0]!r} has no {split} images")
    return Source(folder.resolve().name, folder, rows, manifest_sha256(listed), classes)


def _side(row: Row) -> str:
    return "test" if row.split in TEST_FOLDERS else row.split


def seen_in_imagenet(row: Row) -> bool | None:
    """Whether an image's name says it was in ImageNet's training set; None where the name tells nothing."""
    name = Path(row.source_id or row.file).name
    if _IMAGENET_VAL.match(name):
        return False
    return True if _IMAGENET_TRAIN.match(name) else None


@dataclass(frozen=True, slots=True)
class Selection:
    """Indices into a source's rows: trained on, measured on, and measured on apart because no pretraining saw them.

    `clean` tells for each of `test`, then `extra`, whether it is known to be unseen in pretraining; None: unknown.
    """

    train: tuple[int, ...]
    test: tuple[int, ...]
    extra: tuple[int, ...]
    clean: tuple[bool | None, ...]


def seen_list(recipe: Recipe) -> frozenset[str]:
    """SHA-256 sums of the recipe's `overlap_list`, one a line. Raises UsageError when it cannot be read."""
    if recipe.overlap_list is None:
        return frozenset()
    try:
        lines = Path(recipe.overlap_list).expanduser().read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as err:
        raise UsageError(f"overlap_list={recipe.overlap_list}: cannot be read ({err})") from err
    return frozenset(line.lower() for line in lines if re.fullmatch(r"[0-9a-fA-F]{64}", line))


def _rank(row: Row, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{row.sha256}:{row.file}".encode()).hexdigest()


def select(source: Source, recipe: Recipe, seed: int, seen: frozenset[str] = frozenset()) -> Selection:
    """Choose images by recipe. Subsets are nested: 50 a class are among 100 a class of the same seed.

    `seen` holds SHA-256 sums of images used in pretraining. Raises UsageError when a class has too few images.
    """
    rows = source.rows
    test = [i for i, r in enumerate(rows) if _side(r) == "test"]
    extra: list[int] = []
    by_class: dict[str, list[int]] = {name: [] for name in source.classes}
    for i, row in enumerate(rows):
        if _side(row) == "train":
            if recipe.holdout_clean and seen_in_imagenet(row) is False:
                extra.append(i)
            else:
                by_class[row.class_].append(i)
    if recipe.holdout_clean and not extra:
        raise UsageError("holdout_clean: no train image's name says it is from ImageNet's validation set")
    train: list[int] = []
    validation: list[int] = []
    for name, members in by_class.items():
        members.sort(key=lambda i: _rank(rows[i], seed))
        held = round(recipe.val_fraction * len(members))
        validation += members[:held]
        rest = members[held:]
        if recipe.train_images is not None and recipe.train_images > len(rest):
            raise UsageError(f"--train-images {recipe.train_images}: class {name!r} has only {len(rest)} to train on")
        train += rest[: recipe.train_images]
    if recipe.val_fraction:
        test, extra = sorted(validation), []
    clean = tuple(_clean(rows[i], seen) for i in (*test, *extra))
    return Selection(tuple(sorted(train)), tuple(test), tuple(extra), clean)


def _clean(row: Row, seen: frozenset[str]) -> bool | None:
    if row.sha256 in seen or row.source_sha256 in seen:
        return False
    by_name = seen_in_imagenet(row)
    return True if seen and by_name is None else None if by_name is None else not by_name


def pack(source: Source, size: int, progress: Callable[[int, int], None]) -> tuple[NDArray[np.uint8], bool]:
    """All images of a source as a memory-mapped (n, size, size, 3) array in its rows' order, and whether it is new.

    Kept in the user's cache under a hash of manifest and transform. Raises VggbenchError naming an unreadable image, or
    a damaged file of the cache.
    """
    key = hashlib.sha256(f"{source.sha256}|{size}|{PACK_VERSION}".encode()).hexdigest()[:24]
    path = cache_folder() / "packs" / f"{key}.npy"
    fresh = not path.is_file()
    if fresh:
        files = [os.path.join(source.folder, row.file) for row in source.rows]  # noqa: PTH118
        with atomic_write(path, "wb") as out, ThreadPoolExecutor(cores()) as pool:
            header = {"descr": "|u1", "fortran_order": False, "shape": (len(files), size, size, 3)}
            np.lib.format.write_array_header_1_0(out, header)
            first, writing = out.tell(), Lock()

            def work(start: int) -> int:
                squares = decode(files[start : start + CHUNK], size)
                with writing:
                    out.seek(first + start * squares[0].nbytes)
                    out.write(squares.data)
                return len(squares)

            done = 0
            for count in pool.map(work, range(0, len(files), CHUNK)):
                done += count
                progress(done, len(files))
    try:
        return np.load(path, mmap_mode="c"), fresh
    except ValueError as err:
        raise VggbenchError(f"{path}: a damaged file of the cache; delete it and run again") from err


@dataclass(frozen=True, slots=True)
class Split:
    """Inputs and labels to draw batches from. `views` holds uint8 images (n, h, w, 3) or cached features (n, ...), one
    tensor per view; row `index[i]` of them belongs to label i. `labels` are int64 class indices on the device.
    """

    views: Sequence[Tensor]
    index: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def make_split(views: Sequence[Tensor], numbers: Sequence[int], labels: Sequence[int], device: torch.device) -> Split:
    """The rows with these numbers of each view: copied to the device where they fill at most half of its free memory,
    else left where they are, memory-mapped in a file from which the operating system pages them in.
    """
    index, on_device = torch.tensor(numbers, dtype=torch.int64), torch.tensor(labels, dtype=torch.int64, device=device)
    size = sum(len(numbers) * v[0].nbytes for v in views)
    fits = device.type != "cuda" or size < torch.cuda.mem_get_info()[0] / 2
    if device.type != "cpu" and fits:
        return Split(tuple(v[index].to(device) for v in views), torch.arange(len(numbers), device=device), on_device)
    return Split(tuple(views), index, on_device)


def batches(split: Split, order: Tensor, batch_size: int, view: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of stored inputs and labels on the device, in this order; what is not on the device is fetched ahead.

    Every batch is full: a rest smaller than `batch_size` is dropped.
    """
    stored, device = split.views[view % len(split.views)], split.labels.device
    steps = len(order) // batch_size
    parts = order[: steps * batch_size].view(steps, batch_size)
    if stored.device.type == device.type:
        for part in parts:
            yield stored[split.index[part]], split.labels[part]
        return

    def fetch(step: int) -> Tensor:
        return stored[split.index[parts[step].cpu()]].pin_memory()

    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(fetch, 0)
        for step, part in enumerate(parts):
            ready = ahead.result()
            if step + 1 < steps:
                ahead = pool.submit(fetch, step + 1)
            yield ready.to(device, non_blocking=True), split.labels[part]


@cache
@torch.inference_mode(False)
def _mean_and_std(device: torch.device) -> tuple[Tensor, Tensor]:
    """Of pixels from 0 to 255; kept on the device, since sending them anew in every step would make a GPU wait."""
    return torch.tensor(MEAN, device=device) * 255, torch.tensor(STD, device=device) * 255


def to_input(stored: Tensor) -> Tensor:
    """Stored uint8 images (n, h, w, 3) as normalised float (n, 3, h, w), channels last; features as they are."""
    if stored.dtype != torch.uint8:
        return stored
    mean, std = _mean_and_std(stored.device)
    return ((stored.float() - mean) / std).permute(0, 3, 1, 2)
