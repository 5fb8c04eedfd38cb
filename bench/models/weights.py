"""Pretrained weights: torchvision's or a file's, their origin, whether they fit a network, and how they are written."""

import json
import re
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError
from urllib.error import URLError
from urllib.parse import urlsplit

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from bench.errors import WeightsError
from bench.models.architectures import build_architecture, classifier_name, last_layer
from bench.models.vgg import VGG_CONFIGS, VGGS
from bench.recipes import Recipe
from collect.datasets import connection_error_text
from collect.manifest import file_sha256

IMAGENET = "ImageNet (torchvision)"
LOADING_ERRORS = (OSError, RuntimeError, EOFError, LookupError, ValueError, TypeError, AttributeError, SafetensorError)
"""What torch and safetensors raise for damaged files, besides UnpicklingError."""
MOST_LETTERS = 200  # of an origin that a file states
VGG_OF_DEPTH = {sum(isinstance(item, int) for item in layers): name for name, layers in VGG_CONFIGS.items()}
POOLED_LAYER = "classifier.1.weight"  # where a VGG's own classifier has a ReLU


@dataclass(frozen=True, slots=True)
class Weights:
    """A state dict with its origin in words, the hash of its file and, if known, the architecture and classes."""

    state: Mapping[str, Tensor]
    origin: str
    sha256: str
    arch: str | None = None
    width: float | None = None
    categories: tuple[str, ...] = ()

    def is_pooled(self, arch: str) -> bool:
        """Whether these are the weights of a VGG with a pooled head."""
        return arch in VGGS and POOLED_LAYER in self.state


def _torchvision_entry(arch: str) -> tuple[str, tuple[str, ...]]:
    from torchvision.models import get_model_weights

    try:
        entry = get_model_weights(arch).IMAGENET1K_V1
    except (ValueError, AttributeError) as err:
        raise WeightsError(f"--weights imagenet: torchvision has no weights for {arch}; pass --weights FILE") from err
    return str(entry.url), tuple(entry.meta["categories"])


def _downloaded(url: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]


def has_imagenet_weights(arch: str) -> bool:
    """Whether torchvision's weights of `arch` are on this machine. Raises WeightsError if there are none."""
    return _downloaded(_torchvision_entry(arch)[0]).is_file()


def _from_torchvision(arch: str) -> Weights:
    url, categories = _torchvision_entry(arch)
    path = _downloaded(url)
    known = path.stem.rsplit("-", 1)[-1]  # the start of its hash
    try:
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), known)
    except (URLError, HTTPException, OSError, RuntimeError) as err:
        reason = connection_error_text(err, urlsplit(url).netloc) or str(getattr(err, "reason", err))
        raise WeightsError(
            f"--weights imagenet: cannot download {url}: {reason}; download it on another machine and pass --weights "
            f"{path.name}, or copy it to {path.parent}; any .safetensors or .pth file of {arch} works too"
        ) from err
    sha256 = file_sha256(path)
    if not sha256.startswith(known):
        raise WeightsError(f"{path}: its SHA-256 does not match its name; delete it and run again")
    return Weights(read_tensors(path, str(path))[0], IMAGENET, sha256, arch, 1.0, categories)


def _origin(path: Path, sha256: str, arch: str, pretrained_on: str | None) -> str:
    """The origin of a file's weights in words; ImageNet only for torchvision's own file, proven by its hash."""
    with suppress(WeightsError):  # torchvision has no weights for this architecture
        official = Path(_torchvision_entry(arch)[0]).stem
        if path.stem == official and sha256.startswith(official.rsplit("-", 1)[-1]):
            return IMAGENET
    if pretrained_on and re.search(r"(?<![\w-])image-?net(?!te)|ilsvrc", pretrained_on, re.IGNORECASE):
        return f"{path.name} (unverified)"
    return pretrained_on or path.name


def read_tensors(path: Path, where: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a .safetensors or .pth file by name, and its metadata.

    Raises WeightsError about `where` for a file that is damaged, holds anything but dense tensors, or values that are
    not finite. Pickled objects are never loaded: they can run code.
    """
    metadata: dict[str, str] = {}
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about what is refused below
                state = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as err:
        raise WeightsError(
            f"{where}: cannot be read as weights: it is damaged, or holds Python objects, which vggbench does not load "
            "because they can run code; save it again with torch.save(model.state_dict(), FILE)"
        ) from err
    except LOADING_ERRORS as err:
        reason = str(err).strip().split("\n")[0][:160] or type(err).__name__
        raise WeightsError(f"{where}: cannot be read as weights ({reason})") from err
    for key in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not state or not all(_is_named_tensor(*item) for item in state.items()):
        raise WeightsError(f"{where}: does not hold a state dict, that is, dense tensors by name")
    if bad := [key for key, value in state.items() if not value.float().isfinite().all()]:
        raise WeightsError(f"{where}: {min(bad)} has values that are not finite numbers")
    return {key.removeprefix("module."): value for key, value in state.items()}, metadata


def _is_named_tensor(key: object, value: object) -> bool:
    if not isinstance(key, str) or not isinstance(value, Tensor):
        return False
    is_dense = value.layout is torch.strided and not value.is_meta
    return key.isprintable() and is_dense and not value.is_quantized and not value.is_complex()


def _from_file(path: Path, arch: str) -> Weights:
    where = f"--weights {path}"
    if not path.is_file():
        raise WeightsError(f"{where}: no such file; pass a .safetensors or .pth file, or imagenet")
    state, metadata = read_tensors(path, where)
    try:
        width = float(metadata["width"]) if "width" in metadata else None
    except ValueError as err:
        raise WeightsError(f"{where}: its metadata gives the width {metadata['width']!r:.40}, not a number") from err
    sha256 = file_sha256(path)
    stated = {key: text for key, text in metadata.items() if text.isprintable() and len(text) <= MOST_LETTERS}
    origin = _origin(path, sha256, arch, stated.get("pretrained_on"))
    categories = tuple(metadata["classes"].split("\n")) if "classes" in metadata else ()
    return Weights(state, origin, sha256, stated.get("arch"), width, categories)


def load_weights(wanted: str, arch: str) -> Weights:
    """torchvision's weights of `arch` for "imagenet", else a .safetensors or .pth file's. Raises WeightsError."""
    return _from_torchvision(arch) if wanted == "imagenet" else _from_file(Path(wanted).expanduser(), arch)


def check_fit(recipe: Recipe, weights: Weights, wanted: str) -> int | None:
    """Number of outputs of the classifier in the weights, None if they have none that the head keeps. Uses no memory.

    `wanted` is what the user asked for. Raises WeightsError that names the first keys that differ if the weights do not
    fit the recipe's architecture and head.
    """
    assert recipe.arch is not None
    pooled = weights.is_pooled(recipe.arch)
    with torch.device("meta"):
        net = build_architecture(recipe.arch, 1, recipe.width, recipe.dropout, pooled)
    weight = weights.state.get(f"{last_layer(net)}.weight")
    count = None if weight is None else max((1, *weight.shape[:1]))  # one without rows does not fit, see below
    if recipe.head == "last" and (count is None or pooled):
        has, use = ("a pooled head and no classifier", "pooled") if pooled else ("no classifier", "mlp256")
        raise WeightsError(f"--weights {wanted}: has {has}, which --head last needs; use --head {use}")
    if count is not None:
        with torch.device("meta"):
            net = build_architecture(recipe.arch, count, recipe.width, recipe.dropout, pooled)
    _require_fit(net, weights, recipe, wanted, count is not None)
    return None if pooled and recipe.head != "pooled" else count


def _require_fit(net: nn.Module, weights: Weights, recipe: Recipe, wanted: str, has_classifier: bool) -> None:
    expected, given = net.state_dict(), weights.state
    classifier = classifier_name(net) + "."
    needed = {k for k in expected if has_classifier or not k.startswith(classifier)}
    needed = {k for k in needed if not k.endswith("num_batches_tracked")}
    missing, unknown = sorted(needed - set(given)), sorted(set(given) - set(expected))
    shapes = [k for k in sorted(needed & set(given)) if expected[k].shape != given[k].shape]
    problems = [f"missing {', '.join(missing[:3])}"] if missing else []
    problems += [f"unknown {', '.join(unknown[:3])}"] if unknown else []
    problems += [f"{k} is {tuple(given[k].shape)}, not {tuple(expected[k].shape)}" for k in shapes[:1]]
    if problems:
        stated = f" (the file says {weights.arch}, width {weights.width or 1:g})" if weights.arch else ""
        fit = f"--arch {recipe.arch} --width {recipe.width:g}"
        advice = _fitting_flags(weights, recipe)
        raise WeightsError(f"--weights {wanted}: does not fit {fit}{stated}; {advice} ({'; '.join(problems)})")


def _fitting_flags(weights: Weights, recipe: Recipe) -> str:
    """Which flags to add for weights that do not fit: as the file says, else as its convolutions are those of a VGG."""
    arch, width = weights.arch, weights.width
    state = {key: value for key, value in weights.state.items() if key.startswith("features.")}
    kernels = [value for value in state.values() if value.ndim == 4]
    if arch is None and (name := VGG_OF_DEPTH.get(len(kernels))):
        arch = name + ("_bn" if any(key.endswith("running_mean") for key in state) else "")
        width = round(max(map(len, kernels)) / 512, 2)
    flags = [f"--arch {arch}"] if arch and arch != recipe.arch else []
    flags += [f"--width {width:g}"] if width and width != recipe.width else []
    if flags:
        return f"add {' '.join(flags)}"
    return "it is changed or incomplete" if arch else "add --arch and --width of the network that it was made for"


def safetensors_bytes(state: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """A safetensors file. The same content gives the same bytes; safetensors itself writes metadata in a random order
    (https://github.com/safetensors/safetensors/issues/584).
    """
    written = save(dict(state), dict(metadata))
    end = 8 + int.from_bytes(written[:8], "little")
    header = json.loads(written[8:end])
    header["__metadata__"] = dict(sorted(metadata.items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format aligns the tensors
    return b"".join((len(text).to_bytes(8, "little"), text, memoryview(written)[end:]))
