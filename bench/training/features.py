"""Features of a frozen backbone: computed once, kept in the user's cache, trained on ever after."""

import hashlib
import json
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.data import PACK_VERSION, Source, augment, to_input
from bench.machine import autocast, cache_folder, clock, kernel_search
from bench.recipes import Recipe
from collect.manifest import atomic_write

BATCH = 128


def _key(source: Source, recipe: Recipe, weights_sha256: str, device: str, precision: str, kind: str) -> str:
    """Hash of all that decides the features: weights, cut, dataset, transform, dtype and device."""
    whole_backbone = recipe.train_from in (None, "head")
    cut = ("last" if recipe.head == "last" else "features") if whole_backbone else recipe.train_from
    parts = (
        source.sha256,
        PACK_VERSION,
        recipe.size,
        recipe.arch,
        recipe.width,
        weights_sha256,
        cut,
        device,
        precision,
    )
    return hashlib.sha256("|".join(map(str, (*parts, kind))).encode()).hexdigest()[:24]


@torch.inference_mode()
def _pass(
    prefix: nn.Module,
    images: NDArray[np.uint8],
    numbers: Sequence[int],
    out: NDArray[np.generic] | None,
    device: torch.device,
    precision: str,
    change: Callable[[Tensor], Tensor],
    progress: Callable[[int, int], None],
) -> tuple[int, ...]:
    """Forward `numbers` of the pack in batches of one shape and write the features to `out`; their shape per image.

    Without `out` the first images alone are forwarded, unpadded, for the shape.
    """
    shape: tuple[int, ...] = ()
    for start in range(0, len(numbers), BATCH):
        part = list(numbers[start : start + BATCH])
        padded = part + [part[-1]] * (BATCH - len(part) if out is not None else 0)
        stored = torch.from_numpy(images[np.asarray(padded)]).to(device)
        with autocast(device, precision):
            made = prefix(change(to_input(stored)))
        shape = tuple(made.shape[1:])
        if out is None:
            return shape
        kind = torch.bfloat16 if precision == "bf16" else torch.float32
        made = made[: len(part)].to(kind).contiguous().cpu()
        out[start : start + len(part)] = made.view(torch.int16).numpy() if kind == torch.bfloat16 else made.numpy()
        progress(start + len(part), len(numbers))
    return shape


def cached_features(
    prefix: nn.Module,
    images: NDArray[np.uint8],
    numbers: Sequence[int],
    source: Source,
    recipe: Recipe,
    weights_sha256: str,
    device: torch.device,
    precision: str,
    seed: int | None,
    progress: Callable[[int, int], None],
) -> tuple[Tensor, float]:
    """Features (len(numbers), ...) of these images of the pack, bf16 or fp32, from the cache or computed now, and the
    seconds it took to compute them, then or now: a run that finds them cached still owes their cost to its reader.

    With a `seed` the images are augmented as the recipe says. The prefix stays in eval mode: batch norm statistics too.
    """
    prefix.eval().requires_grad_(False)
    chosen = hashlib.sha256(np.asarray(numbers, dtype=np.int64).tobytes()).hexdigest()
    kind = f"{chosen}|{recipe.augment if seed is not None else 'none'}|{seed}"
    key = _key(source, recipe, weights_sha256, device.type, precision, kind)
    path = cache_folder() / "features" / f"{key}.npy"
    cost = path.with_suffix(".json")
    generator = torch.Generator(device)

    def change(inputs: Tensor) -> Tensor:
        return inputs if seed is None else augment(inputs, recipe.augment, generator)

    if not (path.is_file() and cost.is_file()):
        start = clock(device)
        generator.manual_seed(seed or 0)
        shape = _pass(prefix, images, numbers[:1], None, device, precision, change, progress)
        generator.manual_seed(seed or 0)
        dtype = np.int16 if precision == "bf16" else np.float32
        with atomic_write(path, "wb") as handle, kernel_search():
            out = np.lib.format.open_memmap(handle.name, "w+", dtype, (len(numbers), *shape))
            _pass(prefix, images, numbers, out, device, precision, change, progress)
            out.flush()
        with atomic_write(cost) as handle:
            json.dump({"seconds": clock(device) - start}, handle)
    stored = torch.from_numpy(np.load(path, mmap_mode="c"))
    features = stored.view(torch.bfloat16) if stored.dtype == torch.int16 else stored
    return features, float(json.loads(cost.read_text())["seconds"])
