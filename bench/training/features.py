"""Features of a frozen backbone: computed once and kept in the user's cache."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.cache import ArrayKind, cache_folder, stored_array, write_array
from bench.data import PACK_VERSION, Pack, augment_images, to_input
from bench.events import Emit, ImagesDone, Note
from bench.machine import autocast, clock, kernel_search
from bench.recipes import Recipe

BATCH = 128
FEATURES_FORMAT = "vggbench.features/1"


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
    path = cache_folder() / "features" / f"{_cache_key(backbone, pack, numbers, view_seed)}.features"
    is_bf16 = backbone.recipe.precision == "bf16"
    stored, about, _ = stored_array(
        path,
        FEATURES_FORMAT,
        ArrayKind(np.int16 if is_bf16 else np.float32, len(numbers)),
        lambda: _write_features(path, backbone, pack, numbers, view_seed, emit),
        lambda line: emit(Note(line)),
    )
    values = torch.from_numpy(stored)
    return values.view(torch.bfloat16) if is_bf16 else values, float(about["seconds"])


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


def _write_features(
    path: Path, backbone: Backbone, pack: Pack, numbers: Sequence[int], view_seed: int | None, emit: Emit
) -> None:
    """Compute features and write them to `path`, bf16 as int16, with the seconds that it took."""
    start, done, about = clock(backbone.device), 0, dict[str, Any]()
    with kernel_search():
        batches = _compute_features(backbone, pack, numbers, view_seed)
        first = next(batches)
        shape = (len(numbers), *first.shape[1:])
        with write_array(path, FEATURES_FORMAT, first.dtype.type, shape, about) as out:
            for values in chain([first], batches):
                out.write(values.data)  # not through a memory map: on a full disk that kills the process
                done += len(values)
                emit(ImagesDone("backbone features", done, len(numbers)))
            about["seconds"] = clock(backbone.device) - start


@torch.inference_mode()
def _compute_features(
    backbone: Backbone, pack: Pack, numbers: Sequence[int], view_seed: int | None
) -> Iterator[NDArray[Any]]:
    """Forward the images in batches of one shape; bf16 as int16."""
    recipe, device = backbone.recipe, backbone.device
    generator = torch.Generator(device).manual_seed(view_seed or 0)
    dtype = torch.bfloat16 if recipe.precision == "bf16" else torch.float32
    for start in range(0, len(numbers), BATCH):
        part = list(numbers[start : start + BATCH])
        padded = part + [part[-1]] * (BATCH - len(part))
        inputs = to_input(torch.from_numpy(pack.images[np.asarray(padded)]).to(device))
        if view_seed is not None:
            inputs = augment_images(inputs, recipe.augment, generator)
        with autocast(device, recipe.precision):
            features = backbone.module(inputs)
        features = features[: len(part)].to(dtype).contiguous().cpu()
        yield features.view(torch.int16).numpy() if dtype == torch.bfloat16 else features.numpy()
