"""Drawn datasets and their pretrained weights, each made once: they never touch the network."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from bench.data import open_source
from bench.errors import UsageError
from bench.machine import cache_folder, code_info
from bench.neighbours import draw, drawable_classes
from bench.pretrain import pretrain
from bench.recipes import Recipe, make_recipe
from collect.datasets import ClassSearch, Dataset, load_datasets
from collect.manifest import is_dataset

SAMPLE_CLASSES = ("car", "bicycle")
PRETRAINING = Dataset("sample-pretraining", "synthetic", train=500, test=40)
PRETRAINING_VALUES = {"epochs": 6, "lr": 1e-3}


@dataclass(frozen=True, slots=True, order=True)
class BackboneShape:
    """What weights must fit: the architecture, the factor on its channels, and the image size in px."""

    arch: str
    width: float
    size: int


def ensure_drawn(name: str, data: Path, console: Console) -> Dataset | None:
    """The entry of datasets.toml with this name, if any. A synthetic one that is not on disk yet is drawn first."""
    entry = load_datasets().get(name)
    if entry is not None and entry.source == "synthetic" and not is_dataset(data / name):
        console.print(f"Drawing dataset {name}", highlight=False)
        draw(entry, data)
    return entry


def with_drawn_weights(
    recipes: Sequence[tuple[str, Recipe]], classes: Sequence[str], device: str, console: Console, dry_run: bool
) -> list[tuple[str, Recipe]]:
    """The recipes of a drawn dataset with these classes, ImageNet's weights replaced by weights made from drawings.

    The weights come from drawings of other things than the dataset's classes and the sample's. They are made once and
    kept in the user's cache. A dry run makes none: weights that do not exist yet become None.
    Raises UsageError if the classes leave too few others to draw.
    """
    shapes = {r: BackboneShape(str(r.arch), r.width, r.size) for _, r in recipes if r.weights == "imagenet"}
    files = {s: _drawn_weights(s, classes, device, console, dry_run) for s in sorted(set(shapes.values()))}
    return [(model, replace(r, weights=files[shapes[r]]) if r in shapes else r) for model, r in recipes]


def _drawn_weights(
    shape: BackboneShape, classes: Sequence[str], device: str, console: Console, dry_run: bool
) -> str | None:
    others = [name for name in drawable_classes() if name not in (*SAMPLE_CLASSES, *classes)]
    if len(others) < 2:
        raise UsageError("no other classes are left to pretrain on; give --weights FILE or draw fewer classes")
    added = sorted(set(classes) - set(SAMPLE_CLASSES))
    home = cache_folder() / "-".join([PRETRAINING.name, code_info().version, *(["without", *added] if added else [])])
    out = home / f"{shape.arch}-width{shape.width:g}-{shape.size}px.safetensors"
    if out.is_file():
        return str(out)
    work = f"{shape.arch} (width {shape.width:g}) on drawings of {len(others)} other things, once per machine"
    if dry_run:
        console.print(f"The first run begins by pretraining {work}; the estimate does not include it", highlight=False)
        return None
    console.print(f"Pretraining {work}", highlight=False)
    if not is_dataset(home / PRETRAINING.name):
        draw(replace(PRETRAINING, classes=tuple(ClassSearch(name) for name in others)), home)
    values = {"arch": shape.arch, "width": shape.width, "size": shape.size, **PRETRAINING_VALUES}
    source, recipe = open_source(PRETRAINING.name, home), make_recipe("scratch-vgg", values)
    run = pretrain(source, recipe, device, out, console)
    console.print(f"  {run.result.accuracy:.1%} accuracy on its test drawings; kept in {out.parent}", highlight=False)
    return str(out)
