"""What a trained model says of single images: a run's own, or a pretrained architecture's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torch import Tensor, nn

from bench.data import decode_images, image_errors, to_input
from bench.errors import RecordError, UsageError, WeightsError
from bench.models import (
    VGGS,
    baseline_cnn,
    build_architecture,
    check_fit,
    load_weights,
    new_head,
    outputs_for,
    torchvision_classifiers,
)
from bench.recipes import make_recipe
from bench.records import WEIGHTS_FILE, read_run, run_folders
from bench.training import probabilities


@dataclass(frozen=True, slots=True)
class Guess:
    """One class with its probability."""

    label: str
    probability: float


def find_run(name: str, results: Path) -> Path:
    """The folder of a run given by its folder, its name or the beginning of its name.

    Raises UsageError when none or several match.
    """
    if (Path(name) / "run.json").is_file():
        return Path(name)
    found = [f for f in run_folders(results) if f.name == name] or [
        f for f in run_folders(results) if f.name.startswith(name)
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"{name}: no such run in {results}/; see: bench list")
    raise UsageError(f"{name}: {len(found)} runs begin so: {', '.join(f.name for f in found[:4])}")


def load_network(folder: Path) -> tuple[nn.Module, tuple[str, ...], int]:
    """The trained network of a run's folder in eval mode, its classes and its image size in px.

    Raises RecordError or WeightsError when record or weights cannot be read.
    """
    run = read_run(folder)
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise WeightsError(f"{path}: missing; make the run again with bench run ... --fresh")
    size, outputs = int(run.recipe["size"]), outputs_for(len(run.dataset.classes))
    if run.model.name == "baseline-cnn":
        net: nn.Module = baseline_cnn(outputs, size)
    else:
        net = build_architecture(run.model.arch, outputs, float(run.recipe["width"]))
        if run.model.head == "mlp256":
            new_head(net, "mlp256", outputs, 0.0)
    try:
        net.load_state_dict(load_file(path))
    except RuntimeError as err:
        raise RecordError(f"{path}: does not fit its run.json: {str(err).splitlines()[0]}") from err
    return net.eval(), tuple(run.dataset.classes), size


def _resize_256_crop_224(path: Path) -> Tensor:
    """ImageNet's usual test transform: shorter side to 256, centre 224 x 224, as (224, 224, 3) uint8."""
    with image_errors(path), Image.open(path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    scale = 256 / min(upright.size)
    upright = upright.resize((round(upright.width * scale), round(upright.height * scale)), Image.Resampling.BILINEAR)
    left, top = (upright.width - 224) // 2, (upright.height - 224) // 2
    return torch.from_numpy(np.asarray(upright.crop((left, top, left + 224, top + 224))).copy())


@torch.inference_mode()
def predict(
    model: str, images: Sequence[Path], results: Path, top: int, weights: str = "imagenet"
) -> list[list[Guess]]:
    """The `top` classes of each image, most probable first. `model` is a run, or an architecture that is used with
    `weights` as it was pretrained, after resizing to 256 and cropping to 224.

    Raises UsageError for an unknown run or a missing file, VggbenchError for one that is no image, WeightsError for
    weights that cannot be had.
    """
    for path in images:
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
    # No name of torchvision's has a dash, every run's has: for a run it need not be imported.
    if model in VGGS or ("-" not in model and model in torchvision_classifiers()):
        net, classes = _pretrained(model, weights)
        stored = torch.stack([_resize_256_crop_224(path) for path in images])
    else:
        net, classes, size = load_network(find_run(model, results))
        stored = torch.from_numpy(decode_images(images, size))
    made = probabilities(net(to_input(stored)))
    best = made.topk(min(top, made.shape[1]), 1)
    return [
        [Guess(classes[int(i)], float(p)) for i, p in zip(row, sure, strict=True)]
        for row, sure in zip(best.indices, best.values, strict=True)
    ]


def _pretrained(arch: str, wanted: str) -> tuple[nn.Module, tuple[str, ...]]:
    weights = load_weights(wanted, arch)
    recipe = make_recipe("frozen-vgg", {"arch": arch, "head": "last", "width": weights.width or 1.0})
    count = check_fit(recipe, weights, wanted)
    assert count is not None
    net = build_architecture(arch, count, recipe.width)
    net.load_state_dict(dict(weights.state))
    answers = 2 if count == 1 else count
    return net.eval(), weights.categories if len(weights.categories) == answers else _imagenet_categories(answers)


def _imagenet_categories(count: int) -> tuple[str, ...]:
    """ImageNet's class names where there are 1,000 outputs, numbers otherwise."""
    from torchvision.models import VGG16_Weights

    names = tuple(VGG16_Weights.IMAGENET1K_V1.meta["categories"])
    return names if len(names) == count else tuple(f"class {i}" for i in range(count))
