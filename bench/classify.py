"""Photos classified by the network of a run, or by a pretrained one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from bench.data import decode_images, read_picture, to_input
from bench.errors import RecordError, UsageError, VggbenchError, WeightsError
from bench.models import (
    VGGS,
    build_architecture,
    check_fit,
    load_weights,
    read_tensors,
    skeleton,
    torchvision_classifiers,
)
from bench.neighbours import quiet_decoders
from bench.recipes import MODELS, Recipe, make_recipe, parse_value, uses
from bench.records import RUN_FILE, WEIGHTS_FILE, Run, check_file, read_run
from bench.training import probabilities
from collect.manifest import parse_values


@dataclass(frozen=True, slots=True)
class Classifier:
    """A network in eval mode, the classes it distinguishes, and how its images are read: as (n, h, w, 3) uint8."""

    network: nn.Module
    classes: tuple[str, ...]
    read_images: Callable[[Sequence[Path]], Tensor]


def is_architecture(name: str) -> bool:
    """Whether a name is that of an architecture, not of a run."""
    # Run names contain a dash and torchvision's names never do, so that torchvision is not imported for a run.
    return name in VGGS or ("-" not in name and name in torchvision_classifiers())


SHAPE = ("size", "arch", "width", "head")
"""The recipe fields that decide the network of a run."""


def classifier_of_run(folder: Path) -> Classifier:
    """The trained network of a run's folder. Raises RecordError or WeightsError if a file of it cannot be used."""
    run = read_run(folder)
    size, network = _network_of(run, f"{folder / RUN_FILE}: recipe")
    path = check_file(folder, run, WEIGHTS_FILE, WeightsError)
    state, _ = read_tensors(path, str(path))
    try:
        network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()}, assign=True)
    except RuntimeError as err:
        raise WeightsError(f"{path}: does not fit its {RUN_FILE}: {str(err).splitlines()[0]}") from err
    classes = tuple(run.dataset.classes)
    return Classifier(network.eval(), classes, lambda paths: torch.from_numpy(decode_images(paths, size)))


def _network_of(run: Run, where: str) -> tuple[int, nn.Module]:
    """The image size of a run, and its network without values. Raises RecordError about `where`."""
    name = run.model.name
    if name not in MODELS:
        raise RecordError(f"{where}: is of model {name!r:.40}; this version knows {', '.join(MODELS)}")
    values = {key: run.recipe.get(key) for key in SHAPE if uses(name, key)}
    if missing := [key for key in values if values[key] is None and (key != "head" or MODELS[name].pretrained)]:
        raise RecordError(f'{where}: key "{missing[0]}" is missing')
    parse_values(Recipe, values, where, RecordError)
    try:
        recipe = make_recipe(name, {key: parse_value(key, value) for key, value in values.items()})
        return recipe.size, skeleton(name, recipe, len(run.dataset.classes)).whole
    except UsageError as err:
        raise RecordError(f"{where}: {err}") from err


def pretrained_classifier(arch: str, wanted: str) -> Classifier:
    """An architecture with the weights `wanted`, "imagenet" or a file, whose own classes it predicts.

    Images are resized to 256 px on the shorter side and cropped to 224, as is usual for ImageNet.
    Raises WeightsError for weights that are not available or do not fit.
    """
    weights = load_weights(wanted, arch)
    pooled = weights.is_pooled(arch)
    head = "pooled" if pooled else "last"
    recipe = make_recipe("frozen-vgg", {"arch": arch, "head": head, "width": weights.width or 1.0})
    outputs = check_fit(recipe, weights, wanted)
    assert outputs is not None
    network = build_architecture(arch, outputs, recipe.width, pooled=pooled)
    network.load_state_dict(dict(weights.state))
    num_classes = 2 if outputs == 1 else outputs
    is_known = len(weights.categories) == num_classes
    classes = weights.categories if is_known else _imagenet_categories(num_classes)
    return Classifier(network.eval(), classes, _resize_256_crop_224)


@torch.inference_mode()
def classify(classifier: Classifier, images: Sequence[Path], top: int) -> list[list[tuple[str, float]]]:
    """The `top` most probable classes of each image with probabilities. Raises VggbenchError for an unreadable file."""
    with quiet_decoders():
        pixels = classifier.read_images(images)
    logits = classifier.network(to_input(pixels))
    if not logits.isfinite().all():
        raise VggbenchError("the network's answer is not a finite number: its weights are damaged, or too large")
    best = probabilities(logits).topk(min(top, len(classifier.classes)), 1)
    return [
        [(classifier.classes[i], p) for i, p in zip(indices, values, strict=True)]
        for indices, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def _resize_256_crop_224(paths: Sequence[Path]) -> Tensor:
    """ImageNet's usual test transform: shorter side to 256 px, the central 224 x 224 px, as (n, 224, 224, 3) uint8."""
    crops = []
    for path in paths:
        picture = read_picture(path)
        scale = 256 / min(picture.size)
        size = (round(picture.width * scale), round(picture.height * scale))
        resized = picture.resize(size, Image.Resampling.BILINEAR)
        left, top = (resized.width - 224) // 2, (resized.height - 224) // 2
        crops.append(np.asarray(resized.crop((left, top, left + 224, top + 224))))
    return torch.from_numpy(np.stack(crops))


def _imagenet_categories(num_classes: int) -> tuple[str, ...]:
    """ImageNet's class names if there are 1,000, else numbers."""
    from torchvision.models import VGG16_Weights

    names = tuple(VGG16_Weights.IMAGENET1K_V1.meta["categories"])
    return names if len(names) == num_classes else tuple(f"class {i}" for i in range(num_classes))
