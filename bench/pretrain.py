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


def pretrain(source: Source, recipe: Recipe, device: str, out: Path, console: Console) -> Run:
    """Train a network from scratch on a dataset's training images and write its weights to `out`, a safetensors file
    with metadata `pretrained_on`, `arch`, `width`, `classes` and `top1`. Returns the record of the training.

    Raises VggbenchError if training fails or stalls.
    """
    with TemporaryDirectory(prefix="vggbench-") as results:
        [plan] = make_plans([("scratch-vgg", recipe)], 1, source, Path(results), device, "bench pretrain")
        run = make_run(plan, source, console, f"pretraining {recipe.arch}")
        if run.result.status is not RunStatus.DONE:
            raise VggbenchError(f"pretraining on {source.name}: {run.result.status}: {run.result.reason}")
        state = load_file(Path(plan.folder) / WEIGHTS_FILE)
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
