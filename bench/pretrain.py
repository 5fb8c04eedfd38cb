"""Pretrained weights from any dataset."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from safetensors.torch import load_file

from bench.data import Source
from bench.errors import VggbenchError
from bench.models import safetensors_bytes
from bench.plans import make_plans
from bench.recipes import Recipe
from bench.records import WEIGHTS_FILE, Run, RunStatus
from bench.runs import make_run
from collect.manifest import atomic_write


def pretrain(source: Source, recipe: Recipe, device: str, out: Path, console: Console, half: bool = False) -> Run:
    """Train a network from scratch on a dataset's training images and write its weights to `out`, a safetensors file
    with metadata `pretrained_on`, `arch`, `width`, `classes` and `top1`. `half` stores 16 bits per weight instead of
    32. Returns the record of the training.

    Raises VggbenchError if training fails or stalls, or a weight is too large for 16 bits.
    """
    with TemporaryDirectory(prefix="vggbench-") as results:
        [plan] = make_plans([("scratch-vgg", recipe)], 1, source, Path(results), device, "bench pretrain")
        run = make_run(plan, source, console, f"pretraining {recipe.arch}")
        if run.result.status is not RunStatus.DONE:
            raise VggbenchError(f"pretraining on {source.name}: {run.result.status}: {run.result.reason}")
        state = load_file(Path(plan.folder) / WEIGHTS_FILE)
    if half:
        state = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
        if bad := [key for key, value in state.items() if not value.isfinite().all()]:
            raise VggbenchError(f"--half: {bad[0]} has values above 65,504, which 16 bits cannot hold; leave it out")
    with atomic_write(out, "wb") as handle:
        handle.write(safetensors_bytes(state, _metadata(recipe, source, run)))
    return run


def _metadata(recipe: Recipe, source: Source, run: Run) -> dict[str, str]:
    size = f"{run.dataset.train:,} images, {recipe.size} px"
    return {
        "pretrained_on": f"{source.name} ({len(source.classes)} classes, {size})",
        "arch": str(recipe.arch),
        **({"head": recipe.head} if recipe.head else {}),
        "width": str(recipe.width),
        "classes": "\n".join(source.classes),
        "normalization": "ImageNet mean and std",
        "top1": f"{run.result.accuracy:.4f}",
        "manifest_sha256": source.sha256,
        "recipe": json.dumps(run.recipe),
    }
