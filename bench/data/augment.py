"""Augmentation on the device, drawn separately for each image of a batch."""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def augment_images(images: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """Augmented copy of (n, c, h, w) float images. flip: mirrored half the time; flip-rotate: also rotated by up to
    15 degrees; crop: mirrored, and a crop of 35 to 100 % of the area, aspect 3/4 to 4/3 (Szegedy 2014), resized back.
    """
    if kind == "none":
        return images
    n, device = len(images), images.device

    def draw(low: float, high: float) -> Tensor:
        return torch.empty(n, device=device).uniform_(low, high, generator=generator)

    mirror = torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
    if kind == "flip":
        return torch.where((mirror < 0)[:, None, None, None], images.flip(3), images)
    zero = torch.zeros(n, device=device)
    if kind == "flip-rotate":
        angle = draw(-math.pi / 12, math.pi / 12)
        rows = [angle.cos() * mirror, -angle.sin(), zero, angle.sin() * mirror, angle.cos(), zero]
    else:
        area, aspect = draw(0.35, 1), draw(math.log(3 / 4), math.log(4 / 3)).exp()
        wide, high = ((area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1))
        x, y = draw(-1, 1) * (1 - wide), draw(-1, 1) * (1 - high)
        rows = [wide * mirror, zero, x, zero, high, y]
    theta = torch.stack(rows, 1).view(n, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    resampled = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return resampled.contiguous(memory_format=torch.channels_last)
