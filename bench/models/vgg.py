"""The networks: our own VGG builder with torchvision's names, the small CNN, and torchvision's other classifiers."""

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from bench.errors import UsageError
from bench.recipes import Recipe

# Simonyan & Zisserman 2014 (arXiv 1409.1556), table 1: channels per convolution, "M" a 2 x 2 max-pool.
VGG_CONFIGS: dict[str, tuple[int | str, ...]] = {
    "vgg11": (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "vgg13": (64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "vgg16": (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"),
    "vgg19": (64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"),
}
VGGS = tuple(name + norm for name in VGG_CONFIGS for norm in ("", "_bn"))
# Of torchvision's classifiers these have more than one output, no linear layer on plain features, or (regnet) cannot be
# counted on the meta device; its VGGs are built here.
UNFIT = ("googlenet", "inception_v3", "maxvit", "regnet", "squeezenet", "vgg")
CLASSIFIERS = ("classifier", "fc", "heads", "head")


class AveragePool7(nn.Module):
    """AdaptiveAvgPool2d(7) for (n, c, h, w), written as two small products: its own backward pass has no
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
    """VGG for (n, 3, h, w) float input, (n, outputs) logits; state dicts are torchvision's, name for name."""

    def __init__(self, arch: str, outputs: int, width: float = 1.0, dropout: float = 0.5) -> None:
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
        hidden = max(1, round(4096 * width))
        self.features = nn.Sequential(*layers)
        self.avgpool = AveragePool7()
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


def baseline_cnn(outputs: int, size: int, dropout: float = 0.25) -> nn.Sequential:
    """The small network of the Keras tutorials: 3 x 3 convolutions without padding, for (n, 3, size, size) input."""
    side = (((size - 4) // 2) - 2) // 2
    return nn.Sequential(
        nn.Conv2d(3, 64, 3),
        nn.ReLU(inplace=True),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Dropout(dropout),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * side * side, 128),
        nn.ReLU(inplace=True),
        nn.Linear(128, outputs),
    )


def outputs_for(num_classes: int) -> int:
    """Logits of a network: one for two classes (binary cross-entropy), else one per class."""
    return 1 if num_classes == 2 else num_classes


def torchvision_classifiers() -> list[str]:
    """Names of torchvision's classifiers that can be frozen and given a new head."""
    from torchvision import models

    return [name for name in models.list_models(module=models) if not name.startswith(UNFIT)]


def bare(arch: str, outputs: int, width: float = 1.0, dropout: float = 0.5) -> nn.Module:
    """A network by name with random weights. Raises UsageError for an unknown name or a width it does not have."""
    if arch in VGGS:
        return VGG(arch, outputs, width, dropout)
    if arch not in torchvision_classifiers():
        raise UsageError(f"--arch {arch}: unknown; choose from {', '.join((*VGGS, *torchvision_classifiers()))}")
    if width != 1.0:
        raise UsageError(f"--width {width:g}: only a VGG has a width, not {arch}")
    from torchvision.models import get_model

    net: nn.Module = get_model(arch, weights=None, num_classes=outputs)
    return net


def last_layer(net: nn.Module) -> str:
    """Name of the layer that makes the logits, such as `classifier.6` or `fc`."""
    names: list[str] = [name for name, module in net.named_modules() if isinstance(module, nn.Linear)]
    return names[-1]


def classifier_name(net: nn.Module) -> str:
    """Name of the module that follows the backbone."""
    return next(name for name in CLASSIFIERS if isinstance(getattr(net, name, None), nn.Module))


def without(module: nn.Module, path: str) -> nn.Module:
    """`module` with the submodule at `path` replaced by nothing; all parameters are shared, `module` is untouched."""
    name, _, rest = path.partition(".")
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    twin._modules[name] = without(getattr(module, name), rest) if rest else nn.Identity()
    return twin


def new_head(net: nn.Module, head: str, outputs: int, dropout: float) -> str:
    """Give `net` a new head for `outputs` logits; the name of the part of `net` that is then to be trained.

    mlp256 replaces the whole classifier; classifier and last replace its last layer, and last trains that alone.
    """
    name, path = classifier_name(net), last_layer(net)
    classifier = net.get_submodule(name)
    if head == "mlp256":
        count = next(m.in_features for m in classifier.modules() if isinstance(m, nn.Linear))
        flatten = [nn.Flatten()] if any(isinstance(m, nn.Flatten) for m in classifier.modules()) else []
        layers = (nn.Linear(count, 256), nn.ReLU(inplace=True), nn.Dropout(dropout), nn.Linear(256, outputs))
        setattr(net, name, nn.Sequential(*flatten, *layers))
        return name
    parent, _, child = path.rpartition(".")
    old = net.get_submodule(path)
    assert isinstance(old, nn.Linear)
    setattr(net.get_submodule(parent), child, nn.Linear(old.in_features, outputs))
    for module in classifier.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
    return path if head == "last" else name


@dataclass(frozen=True, slots=True)
class Network:
    """A network split in two: `prefix` is frozen and its output cached, `trunk` is trained; without a prefix the trunk
    is the whole. `whole` shares the parameters of both. `head` names the new part of `whole`, None for scratch.
    """

    whole: nn.Module
    trunk: nn.Module
    prefix: nn.Module | None = None
    head: str | None = None


class _Tail(nn.Module):
    """A VGG from one of its blocks on."""

    def __init__(self, net: VGG, start: int) -> None:
        super().__init__()
        self.features, self.avgpool, self.classifier = net.features[start:], net.avgpool, net.classifier

    forward = VGG.forward


def block_start(arch: str, block: int) -> int:
    """Index in a VGG's `features` where block 1 to 5 begins."""
    index, seen = 0, 1
    for item in VGG_CONFIGS[arch.removesuffix("_bn")]:
        if seen == block:
            return index
        index += 1 if item == "M" else 3 if arch.endswith("_bn") else 2
        seen += item == "M"
    raise ValueError(block)


def split(model: str, net: nn.Module, head: str | None, recipe: Recipe) -> Network:
    """Split a network into what a model freezes and what it trains; `head` names the new part of `net`.

    Raises UsageError when `train_from` names a block and the network is no VGG.
    """
    frozen = model == "frozen-vgg" or recipe.train_from == "head"
    if not frozen and recipe.train_from in (None, "block1"):
        return Network(net, net, None, head)
    assert head is not None and recipe.arch is not None
    if frozen and not (isinstance(net, VGG) and head == "classifier"):
        return Network(net, net.get_submodule(head), without(net, head), head)
    if not isinstance(net, VGG):
        raise UsageError(f"train_from={recipe.train_from}: {recipe.arch} has no such blocks; only a VGG has")
    # A frozen VGG caches its maps before the average pool: 12 times smaller than after it at 64 px.
    start = len(net.features) if frozen else block_start(recipe.arch, int(str(recipe.train_from)[-1]))
    return Network(net, _Tail(net, start), net.features[:start], head)
