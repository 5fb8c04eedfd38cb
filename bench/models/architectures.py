"""Networks by name: our VGGs and torchvision's classifiers, and the names of their parts."""

from torch import nn

from bench.errors import UsageError, name_hint
from bench.models.vgg import VGG, VGGS

# torchvision's classifiers with more than one output, without a linear layer on plain features, or (regnet) that cannot
# be counted on the meta device; its VGGs are replaced by ours.
UNSUPPORTED = ("googlenet", "inception_v3", "maxvit", "regnet", "squeezenet", "vgg")
CLASSIFIER_NAMES = ("classifier", "fc", "heads", "head")


def torchvision_classifiers() -> list[str]:
    """Names of torchvision's classifiers that can be frozen and given a new head."""
    from torchvision import models

    return [name for name in models.list_models(module=models) if not name.startswith(UNSUPPORTED)]


def build_architecture(
    arch: str, outputs: int, width: float = 1.0, dropout: float = 0.5, pooled: bool = False
) -> nn.Module:
    """A network by name with random weights. Raises UsageError for an unknown name, or for a width or a pooled head
    that only a VGG can have.
    """
    if arch in VGGS:
        return VGG(arch, outputs, width, dropout, pooled)
    if arch not in torchvision_classifiers():
        raise UsageError(f"--arch {arch}: no such network; {name_hint(arch, (*VGGS, *torchvision_classifiers()))}")
    if width != 1.0:
        raise UsageError(f"--width {width:g}: only a VGG has a width, {arch} does not")
    if pooled:
        raise UsageError(f"--head pooled: only for a VGG; {arch} has its own pooling, use --head last or leave it out")
    from torchvision.models import get_model

    net: nn.Module = get_model(arch, weights=None, num_classes=outputs)
    return net


def last_layer(net: nn.Module) -> str:
    """Name of the layer that computes the logits, such as `classifier.6` or `fc`."""
    names: list[str] = [name for name, module in net.named_modules() if isinstance(module, nn.Linear)]
    return names[-1]


def classifier_name(net: nn.Module) -> str:
    """Name of the module that follows the backbone."""
    return next(name for name in CLASSIFIER_NAMES if isinstance(getattr(net, name, None), nn.Module))
