"""Drawn datasets and their pretrained weights, each made once: they never touch the network."""

import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from bench.cache import cache_folder, read_values, warn, write_values
from bench.data import open_source
from bench.errors import UsageError
from bench.machine import code_info
from bench.neighbours import draw, drawable_classes, passes_audit
from bench.pretrain import pretrain
from bench.recipes import Recipe, make_recipe
from collect.datasets import ClassSearch, Dataset, lock_folder
from collect.manifest import file_sha256, is_dataset

SAMPLE_CLASSES = ("car", "bicycle")
SHIPPED = Path(__file__).parent / "sample_weights"  # made by `make sample-weights`
PRETRAINING = Dataset("sample-pretraining", "synthetic", train=500, test=40)
HASH_FORMAT = "vggbench.sha256/1"
PRETRAINING_VALUES = {"epochs": 6, "lr": 1e-3}


def draw_missing(entry: Dataset, data: Path, console: Console) -> None:
    """Draw a synthetic dataset that is not on disk yet."""
    if is_dataset(data / entry.name):
        return
    with _one_at_a_time(console):
        if not is_dataset(data / entry.name):
            console.print(f"Drawing dataset {entry.name}", highlight=False)
            draw(entry, data)


def _one_at_a_time(console: Console) -> AbstractContextManager[object]:
    """Only one command draws and pretrains inside the block. The others wait, and then find what it made."""
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    return lock_folder(cache_folder(), say, wait=True)


def with_drawn_weights(
    recipes: Sequence[tuple[str, Recipe]], classes: Sequence[str], device: str, console: Console, dry_run: bool
) -> list[tuple[str, Recipe]]:
    """The recipes of a drawn dataset with these classes, ImageNet's weights replaced by weights made from drawings.

    They come from drawings of other things than the dataset's and the sample's classes. Those of the sample's own
    network are part of the package; others are made once and kept in the user's cache. A dry run makes none (None).
    Raises UsageError if the classes leave too few others to draw.
    """
    others = [name for name in drawable_classes() if name not in (*SAMPLE_CLASSES, *classes)]
    if len(others) < 2:
        raise UsageError("no other classes are left to pretrain on; give --weights FILE or draw fewer classes")
    added = sorted(set(classes) - set(SAMPLE_CLASSES))
    home = cache_folder() / "-".join([PRETRAINING.name, code_info().version, *(["without", *added] if added else [])])
    files = {r: f"{r.arch}-width{r.width:g}-{r.size}px.safetensors" for _, r in recipes if r.weights == "imagenet"}
    places = {file: SHIPPED if not added and (SHIPPED / file).is_file() else home for file in files.values()}
    missing = {f: r for r, f in files.items() if places[f] == home and not _is_intact(home / f)}
    for file, recipe in missing.items():
        work = f"{recipe.arch} (width {recipe.width:g}) on drawings of {len(others)} other things, once per machine"
        if dry_run:
            work = f"The first run begins by pretraining {work}; the estimate does not include it"
            console.print(work, highlight=False)
        else:
            with _one_at_a_time(console):
                if not _is_intact(home / file):
                    console.print(f"Pretraining {work}", highlight=False)
                    _pretrain_on_drawings(recipe, others, home / file, device, console)
    weights = {r: None if dry_run and file in missing else str(places[file] / file) for r, file in files.items()}
    return [(model, replace(r, weights=weights[r]) if r in weights else r) for model, r in recipes]


def _is_intact(weights: Path) -> bool:
    """Whether cached weights are there and have the hash that was kept beside them; damaged ones are reported."""
    if not weights.is_file():
        return False
    if read_values(_hash_file(weights), HASH_FORMAT, warn) == file_sha256(weights):
        return True
    warn(f"{weights}: does not have the hash in {_hash_file(weights).name}; it is made again")
    return False


def _hash_file(weights: Path) -> Path:
    return weights.with_suffix(".json")


def _pretrain_on_drawings(wanted: Recipe, classes: Sequence[str], out: Path, device: str, console: Console) -> None:
    home = out.parent
    drawings = home / PRETRAINING.name
    if drawings.exists() and not passes_audit(drawings):
        warn(f"{drawings}: incomplete or damaged; it is made again")
        shutil.rmtree(drawings)
    if not drawings.exists():
        draw(replace(PRETRAINING, classes=tuple(ClassSearch(name) for name in classes)), home)
    values = {"arch": wanted.arch, "width": wanted.width, "size": wanted.size, **PRETRAINING_VALUES}
    run = pretrain(open_source(PRETRAINING.name, home), make_recipe("scratch-vgg", values), device, out, console)
    write_values(_hash_file(out), HASH_FORMAT, file_sha256(out))
    console.print(f"  {run.result.accuracy:.1%} accuracy on its test drawings; kept in {home}", highlight=False)
