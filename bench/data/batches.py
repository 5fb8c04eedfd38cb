"""Images or cached features with their labels, and batches of them on the device."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


@dataclass(frozen=True, slots=True)
class LabelledInputs:
    """Inputs and labels to draw batches from. `views` holds uint8 images (n, h, w, 3) or cached features (n, ...), one
    tensor per view; row `index[i]` of them belongs to label i. `labels` are int64 class indices on the device.
    """

    views: Sequence[Tensor]
    index: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a run trains on and is measured on, `extra` separately; `test` may hold features of `test_images`.

    `validation` is held out of the train images and decides when training stops; None if nothing is held out.
    """

    train: LabelledInputs
    validation: LabelledInputs | None
    test: LabelledInputs
    extra: LabelledInputs | None
    test_images: LabelledInputs


def labelled_inputs(
    views: Sequence[Tensor], numbers: Sequence[int], labels: Sequence[int], device: torch.device
) -> LabelledInputs:
    """The rows with these numbers of each view, on the device if they fill at most half of its free memory."""
    index, on_device = torch.tensor(numbers, dtype=torch.int64), torch.tensor(labels, dtype=torch.int64, device=device)
    size = sum(len(numbers) * v[0].nbytes for v in views)
    fits = device.type != "cuda" or size < torch.cuda.mem_get_info()[0] / 2
    if device.type != "cpu" and fits:
        copies = tuple(v[index].to(device) for v in views)
        return LabelledInputs(copies, torch.arange(len(numbers), device=device), on_device)
    return LabelledInputs(tuple(views), index, on_device)


def iterate_batches(
    data: LabelledInputs, order: Tensor, batch_size: int, view: int = 0
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of stored inputs and labels on the device, in this order. Inputs that are not on the device are fetched
    one step ahead. Every batch is full: a rest smaller than `batch_size` is dropped.
    """
    stored, device = data.views[view % len(data.views)], data.labels.device
    steps = len(order) // batch_size
    parts = order[: steps * batch_size].view(steps, batch_size)
    if stored.device.type == device.type:
        for part in parts:
            yield stored[data.index[part]], data.labels[part]
        return

    def fetch(step: int) -> Tensor:
        return stored[data.index[parts[step].cpu()]].pin_memory()

    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(fetch, 0)
        for step, part in enumerate(parts):
            ready = ahead.result()
            if step + 1 < steps:
                ahead = pool.submit(fetch, step + 1)
            yield ready.to(device, non_blocking=True), data.labels[part]


@cache
@torch.inference_mode(False)
def _mean_and_std(device: torch.device) -> tuple[Tensor, Tensor]:
    """For pixels from 0 to 255. They stay on the device: to send them in every step would make a GPU wait."""
    return torch.tensor(MEAN, device=device) * 255, torch.tensor(STD, device=device) * 255


def to_input(stored: Tensor) -> Tensor:
    """Stored uint8 images (n, h, w, 3) as normalised float (n, 3, h, w), channels last; features as they are."""
    if stored.dtype != torch.uint8:
        return stored
    mean, std = _mean_and_std(stored.device)
    return ((stored.float() - mean) / std).permute(0, 3, 1, 2)
