"""Drawn datasets and their pretrained weights, each made once: they never touch the network."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench.data import open_source
from bench.errors import UsageError
from bench.machine import cache_folder, code_info
from bench.neighbours import draw, drawable_classes
from bench.pretrain import pretrain
from bench.recipes import Recipe, make_recipe
from collect.datasets import ClassSearch, Dataset
from collect.manifest import is_dataset

SAMPLE_CLASSES = ("car", "bicycle")
PRETRAINING = Dataset("sample-pretraining", "synthetic", train=500, test=40)
PRETRAINING_VALUES = {"epochs": 6, "lr": 1e-3}


def draw_missing(entry: Dataset, data: Path, console: Console) -> None:
    """Draw a synthetic dataset that is not on disk yet."""
    if not is_dataset(data / entry.name):
        console.print(f"Drawing dataset {entry.name}", highlight=False)
        draw(entry, data)


def with_drawn_weights(
    recipes: Sequence[tuple[str, Recipe]], classes: Sequence[str], device: str, console: Console, dry_run: bool
) -> list[tuple[str, Recipe]]:
    """The recipes of a drawn dataset with these classes, ImageNet's weights replaced by weights made from drawings.

    They come from drawings of other things than the dataset's and the sample's classes, made once and kept in the
    user's cache. A dry run makes none (None). Raises UsageError if the classes leave too few others to draw.
    """
    others = [name for name in drawable_classes() if name not in (*SAMPLE_CLASSES, *classes)]
    if len(others) < 2:
        raise UsageError("no other classes are left to pretrain on; give --weights FILE or draw fewer classes")
    added = sorted(set(classes) - set(SAMPLE_CLASSES))
    home = cache_folder() / "-".join([PRETRAINING.name, code_info().version, *(["without", *added] if added else [])])
    files = {r: f"{r.arch}-width{r.width:g}-{r.size}px.safetensors" for _, r in recipes if r.weights == "imagenet"}
    missing = {file: recipe for recipe, file in files.items() if not (home / file).is_file()}
    for file, recipe in missing.items():
        work = f"{recipe.arch} (width {recipe.width:g}) on drawings of {len(others)} other things, once per machine"
        if dry_run:
            work = f"The first run begins by pretraining {work}; the estimate does not include it"
            console.print(work, highlight=False)
        else:
            console.print(f"Pretraining {work}", highlight=False)
            _pretrain_on_drawings(recipe, others, home / file, device, console)
    weights = {r: None if dry_run and file in missing else str(home / file) for r, file in files.items()}
    return [(model, replace(r, weights=weights[r]) if r in weights else r) for model, r in recipes]


def _pretrain_on_drawings(wanted: Recipe, classes: Sequence[str], out: Path, device: str, console: Console) -> None:
    home = out.parent
    if not is_dataset(home / PRETRAINING.name):
        draw(replace(PRETRAINING, classes=tuple(ClassSearch(name) for name in classes)), home)
    values = {"arch": wanted.arch, "width": wanted.width, "size": wanted.size, **PRETRAINING_VALUES}
    run = pretrain(open_source(PRETRAINING.name, home), make_recipe("scratch-vgg", values), device, out, console)
    console.print(f"  {run.result.accuracy:.1%} accuracy on its test drawings; kept in {home}", highlight=False)
