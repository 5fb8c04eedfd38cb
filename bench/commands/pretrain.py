"""Making weights from one's own data; for the drawn `sample` done unasked, once, from drawings of other things."""

import json
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from safetensors import safe_open
from safetensors.torch import save

from bench.data import Source, open_source
from bench.errors import UsageError, VggbenchError
from bench.machine import cache_folder
from bench.plans import Plan, make_plans
from bench.recipes import Recipe, make_recipe
from bench.records import WEIGHTS_FILE, Run
from bench.runs import make_run
from collect.datasets import ClassSearch, Dataset
from collect.manifest import atomic_write, is_dataset

SAMPLE_PRETRAINING = "sample-pretraining"
SAMPLE_EPOCHS, SAMPLE_TRAIN, SAMPLE_TEST = 6, 500, 40
SAMPLE_LR = 1e-3
SAMPLE_CLASSES = ("car", "bicycle")


def pretrain(source: Source, dataset: str, data: Path, recipe: Recipe, device: str, out: Path, console: Console) -> Run:
    """Train a network from scratch on all of a dataset's train images and write its weights to `out` with metadata
    `pretrained_on`, `arch`, `width`, `classes` and `top1`; the record of the training.

    Raises VggbenchError when training fails or stalls.
    """
    with TemporaryDirectory(prefix="vggbench-") as scratch:
        [plan] = make_plans(
            [("scratch-vgg", recipe)], 1, source, dataset, data, Path(scratch), device, "bench pretrain"
        )
        run = make_run(plan, source, console)
        if run.result.status != "done":
            raise VggbenchError(f"pretraining on {source.name}: {run.result.status}: {run.result.reason}")
        with safe_open(Path(plan.folder) / WEIGHTS_FILE, "pt") as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        with atomic_write(out, "wb") as handle:
            handle.write(save(state, _metadata(plan, source, run)))
    return run


def _metadata(plan: Plan, source: Source, run: Run) -> dict[str, str]:
    size = plan.recipe.size
    return {
        "pretrained_on": f"{source.name} ({len(source.classes)} classes, {run.dataset.train:,} images, {size} px)",
        "arch": str(plan.recipe.arch),
        "width": str(plan.recipe.width),
        "classes": "\n".join(source.classes),
        "normalization": "ImageNet mean and std",
        "top1": f"{run.result.accuracy:.4f}",
        "manifest_sha256": source.sha256,
        "recipe": json.dumps(run.recipe),
    }


def sample_weights(
    classes: Sequence[str], arch: str, width: float, size: int, device: str, console: Console, dry_run: bool
) -> str | None:
    """Path of weights for a drawn dataset of these classes, which never touches the network: pretrained on drawings of
    other things than its classes and the sample's, made once and kept in the user's cache. None in a dry run where
    they are still to be made.

    Raises UsageError when the classes leave too few others to draw.
    """
    from bench import cli

    try:
        number = version("vggbench")
    except PackageNotFoundError:
        number = "checkout"
    others = [name for name in cli.drawable() if name not in (*SAMPLE_CLASSES, *classes)]
    if len(others) < 2:
        raise UsageError("the drawn classes leave no others to pretrain on; give --weights FILE or draw fewer classes")
    more = sorted(set(classes) - set(SAMPLE_CLASSES))
    home = cache_folder() / "-".join([SAMPLE_PRETRAINING, number, *(["without", *more] if more else [])])
    out = home / f"{arch}-width{width:g}-{size}px.safetensors"
    if out.is_file():
        return str(out)
    told = f"pretraining {arch} (width {width:g}) on drawings of {len(others)} other things, once for this machine"
    if dry_run:
        console.print(f"The first run begins with {told}; the estimate is without it", highlight=False)
        return None
    console.print(told.capitalize(), highlight=False)
    if not is_dataset(home / SAMPLE_PRETRAINING):
        searches = tuple(ClassSearch(name) for name in others)
        cli.draw(Dataset(SAMPLE_PRETRAINING, "synthetic", searches, SAMPLE_TRAIN, SAMPLE_TEST), home)
    source = open_source(SAMPLE_PRETRAINING, home)
    values = {"arch": arch, "width": width, "size": size, "epochs": SAMPLE_EPOCHS, "lr": SAMPLE_LR}
    run = pretrain(source, SAMPLE_PRETRAINING, home, make_recipe("scratch-vgg", values), device, out, console)
    console.print(f"  {run.result.accuracy:.1%} of its test drawings right; kept in {out.parent}", highlight=False)
    return str(out)
