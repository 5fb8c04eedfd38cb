"""Features of a frozen backbone: computed once and kept in the user's cache."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.data import PACK_VERSION, Pack, augment_images, to_input
from bench.events import Emit, ImagesDone
from bench.machine import autocast, cache_folder, clock, kernel_search
from bench.recipes import Recipe
from collect.manifest import atomic_write

BATCH = 128


@dataclass(frozen=True, slots=True)
class Backbone:
    """The frozen part of a network, and what its features depend on besides the images."""

    module: nn.Module
    weights_sha256: str
    recipe: Recipe
    device: torch.device


def cached_features(
    backbone: Backbone, pack: Pack, numbers: Sequence[int], view_seed: int | None, emit: Emit
) -> tuple[Tensor, float]:
    """Features (n, ...) of these images, bf16 or fp32, and the seconds to compute them, now or when they were cached.

    With a `view_seed` the images are augmented. The backbone stays in eval mode: batch norms keep their statistics.
    """
    device = backbone.device
    backbone.module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    backbone.module.eval().requires_grad_(False)
    path = cache_folder() / "features" / f"{_cache_key(backbone, pack, numbers, view_seed)}.npy"
    seconds_path = path.with_suffix(".json")
    if not (path.is_file() and seconds_path.is_file()):
        start = clock(device)
        with atomic_write(path, "wb") as out, kernel_search():
            _compute_features(backbone, pack, numbers, view_seed, Path(out.name), emit)
        with atomic_write(seconds_path) as out:
            json.dump({"seconds": clock(device) - start}, out)
    stored = torch.from_numpy(np.load(path, mmap_mode="c"))
    values = stored.view(torch.bfloat16) if stored.dtype == torch.int16 else stored
    return values, float(json.loads(seconds_path.read_text())["seconds"])


def _cache_key(backbone: Backbone, pack: Pack, numbers: Sequence[int], view_seed: int | None) -> str:
    """Hash of everything that decides the features: weights, cut, images, transform, dtype and device."""
    recipe = backbone.recipe
    whole_backbone = recipe.train_from in (None, "head")
    own_cut = recipe.head in ("last", "pooled")  # the other heads train on the maps before the average pool
    cut = (recipe.head if own_cut else "features") if whole_backbone else recipe.train_from
    images = hashlib.sha256(np.asarray(numbers, dtype=np.int64).tobytes()).hexdigest()
    augmentation = "none" if view_seed is None else recipe.augment
    network = (recipe.size, recipe.arch, recipe.width, backbone.weights_sha256, cut)
    parts = (pack.source_sha256, PACK_VERSION, *network, backbone.device.type, recipe.precision)
    return hashlib.sha256("|".join(map(str, (*parts, images, augmentation, view_seed))).encode()).hexdigest()[:24]


@torch.inference_mode()
def _compute_features(
    backbone: Backbone, pack: Pack, numbers: Sequence[int], view_seed: int | None, path: Path, emit: Emit
) -> None:
    """Forward the images in batches of one shape and write the features to `path`, bf16 as int16."""
    recipe, device = backbone.recipe, backbone.device
    generator = torch.Generator(device).manual_seed(view_seed or 0)
    dtype = torch.bfloat16 if recipe.precision == "bf16" else torch.float32
    out: NDArray[np.generic] | None = None
    for start in range(0, len(numbers), BATCH):
        part = list(numbers[start : start + BATCH])
        padded = part + [part[-1]] * (BATCH - len(part))
        inputs = to_input(torch.from_numpy(pack.images[np.asarray(padded)]).to(device))
        if view_seed is not None:
            inputs = augment_images(inputs, recipe.augment, generator)
        with autocast(device, recipe.precision):
            features = backbone.module(inputs)
        features = features[: len(part)].to(dtype).contiguous().cpu()
        values = features.view(torch.int16).numpy() if dtype == torch.bfloat16 else features.numpy()
        if out is None:
            out = np.lib.format.open_memmap(path, "w+", values.dtype, (len(numbers), *values.shape[1:]))
        out[start : start + len(part)] = values
        emit(ImagesDone("features of the frozen backbone", start + len(part), len(numbers)))
