"""VGG with torchvision's parameter names, of any width."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

# Simonyan & Zisserman 2014 (arXiv 1409.1556), table 1: channels per convolution, "M" a 2 x 2 max-pool.
VGG_CONFIGS: dict[str, tuple[int | str, ...]] = {
    "vgg11": (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "vgg13": (64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "vgg16": (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"),
    "vgg19": (64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"),
}
VGGS = tuple(name + norm for name in VGG_CONFIGS for norm in ("", "_bn"))


class AveragePool7(nn.Module):
    """AdaptiveAvgPool2d(7) for (n, c, h, w) as two small matrix products: the backward pass of torch's own has no
    deterministic CUDA kernel (pytorch#50198). At 7 x 7 it does nothing.
    """

    def forward(self, maps: Tensor) -> Tensor:
        if maps.shape[-2:] == (7, 7):
            return maps
        high, wide = maps.shape[-2:]
        rows = F.adaptive_avg_pool1d(torch.eye(high, device=maps.device, dtype=maps.dtype), 7)
        columns = F.adaptive_avg_pool1d(torch.eye(wide, device=maps.device, dtype=maps.dtype), 7)
        return torch.einsum("hp,nchw,wq->ncpq", rows, maps, columns)


class VGG(nn.Module):
    """VGG for (n, 3, h, w) float input, (n, outputs) logits; state dicts are torchvision's, name for name.

    A pooled one averages each of the last maps and has one linear layer in place of the 4096-4096 classifier.
    """

    def __init__(self, arch: str, outputs: int, width: float = 1.0, dropout: float = 0.5, pooled: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for item in VGG_CONFIGS[arch.removesuffix("_bn")]:
            if isinstance(item, str):
                layers.append(nn.MaxPool2d(2))
                continue
            wide = max(1, round(item * width))
            layers.append(nn.Conv2d(channels, wide, 3, padding=1))
            layers += [nn.BatchNorm2d(wide)] if arch.endswith("_bn") else []
            layers.append(nn.ReLU(inplace=True))
            channels = wide
        self.features = nn.Sequential(*layers)
        self.avgpool: nn.Module = AveragePool7()
        if pooled:
            self.avgpool = nn.AdaptiveAvgPool2d(1)  # at 1 x 1 it is a mean, whose backward pass is deterministic
            self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, outputs))
            return
        hidden = max(1, round(4096 * width))
        self.classifier = nn.Sequential(
            nn.Linear(channels * 49, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, outputs),
        )

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(images)), 1))
        return out


class VGGTail(nn.Module):
    """The part of a VGG that starts at index `start` of its `features`."""

    def __init__(self, net: VGG, start: int) -> None:
        super().__init__()
        self.features, self.avgpool, self.classifier = net.features[start:], net.avgpool, net.classifier

    forward = VGG.forward


def block_start(arch: str, block: int) -> int:
    """Index in a VGG's `features` where block 1 to 5 starts."""
    index, seen = 0, 1
    for item in VGG_CONFIGS[arch.removesuffix("_bn")]:
        if seen == block:
            return index
        index += 1 if item == "M" else 3 if arch.endswith("_bn") else 2
        seen += item == "M"
    raise ValueError(block)
