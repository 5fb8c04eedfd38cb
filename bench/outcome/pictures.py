"""Pictures of a run: sample and worst predictions, activations of the first and last convolution, filters."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from bench.data import LabelledInputs, read_picture, to_input
from bench.models import Network
from bench.outcome.record import RunInputs
from bench.records import PICTURES, Picture, Prediction
from collect.manifest import atomic_write

THUMBNAIL = 96
SAMPLES, WORST, CAMS, CHANNELS = 16, 24, 6, 16


def save_thumbnail(image: Image.Image, path: Path) -> None:
    """Encode an RGB image as a WebP of at most 96 px, without metadata."""
    small = image.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    with atomic_write(path, "wb") as out:
        Image.fromarray(np.asarray(small)).save(out, "WEBP", quality=75)


def _to_bytes(values: Tensor) -> NDArray[np.uint8]:
    """Each of (n, ...) maps stretched to 0-255."""
    flat = values.flatten(1)
    low, high = flat.min(1, keepdim=True).values, flat.max(1, keepdim=True).values
    scaled = (flat - low) / (high - low).clamp(min=1e-12) * 255
    return scaled.round().to(torch.uint8).view(values.shape).numpy()


def _write_grid(tiles: NDArray[np.uint8], columns: int, side: int, path: Path) -> None:
    """Write (n, h, w) or (n, h, w, 3) tiles as one WebP, each enlarged to `side` px without smoothing."""
    rows = -(-len(tiles) // columns)
    mode = "RGB" if tiles.ndim == 4 else "L"
    canvas = Image.new(mode, (columns * (side + 2) - 2, rows * (side + 2) - 2), 128 if mode == "L" else (128, 128, 128))
    for i, tile in enumerate(tiles):
        small = Image.fromarray(tile).resize((side, side), Image.Resampling.NEAREST)
        canvas.paste(small, (i % columns * (side + 2), i // columns * (side + 2)))
    with atomic_write(path, "wb") as out:
        canvas.save(out, "WEBP", quality=80)


def _layer_output(net: nn.Module, layer: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Output maps (n, c, h, w) of a layer for normalised images, and the logits; both attached to the graph."""
    outputs: list[Tensor] = []

    def hook(_module: nn.Module, _inputs: tuple[Tensor, ...], out: Tensor) -> Tensor:
        outputs.append(out)
        return out.clone()

    handle = layer.register_forward_hook(hook)
    logits: Tensor = net(images.requires_grad_())
    handle.remove()
    return outputs[0], logits


def class_activation(net: nn.Module, layer: nn.Module, images: Tensor) -> Tensor:
    """Grad-CAM (Selvaraju 2017, eq. 1 and 2) of the predicted class for (n, 3, h, w): (n, h', w'), 0 to 1."""
    maps, logits = _layer_output(net, layer, images)
    score = logits[:, 0].abs() if logits.shape[1] == 1 else logits.max(1).values
    (gradient,) = torch.autograd.grad(score.sum(), maps)
    cam = (gradient.mean((2, 3), keepdim=True) * maps).sum(1).clamp(min=0)
    return (cam / cam.amax((1, 2), keepdim=True).clamp(min=1e-12)).detach()


def _overlay(pixels: NDArray[np.uint8], cam: Tensor) -> NDArray[np.uint8]:
    """A photo with its class activation: the regions that counted stay bright, the rest is darkened."""
    size = (pixels.shape[1], pixels.shape[0])
    heat = Image.fromarray(_to_bytes(cam[None])[0]).resize(size, Image.Resampling.BICUBIC)
    weight = 0.25 + 0.75 * np.asarray(heat, dtype=np.float32)[..., None] / 255
    return np.asarray((pixels * weight).round(), dtype=np.uint8)


def make_pictures(
    inputs: RunInputs, network: Network, images: LabelledInputs, predictions: Sequence[Prediction]
) -> list[Picture]:
    """Write the pictures of a run to its folder and list them. `predictions` answer to the test images `images`."""
    folder = Path(inputs.plan.folder) / PICTURES
    by_loss = sorted(range(len(images)), key=lambda i: -predictions[i].loss)
    wrong = [i for i in by_loss if predictions[i].predicted != predictions[i].truth][:WORST]
    sample = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:SAMPLES].tolist()

    def picture(kind: str, name: str, i: int, layer: str | None = None) -> Picture:
        p = predictions[i]
        return Picture(kind, name, p.file, p.truth, p.predicted, p.probability, layer)

    pictures: list[Picture] = []
    for kind, numbers in (("sample", sample), ("worst", wrong)):
        for place, i in enumerate(numbers):
            name = f"{kind}_{place:02}.webp"
            save_thumbnail(read_picture(inputs.source.folder / predictions[i].file), folder / name)
            pictures.append(picture(kind, name, i))

    net = network.whole.eval()
    shown = (wrong[:CAMS] or sample[:CAMS]) + sample[:1]
    stored = images.views[0][images.index[torch.tensor(shown, device=images.index.device)]].to(images.labels.device)
    pixels = to_input(stored).contiguous(memory_format=torch.channels_last)
    layers = [(name, module) for name, module in net.named_modules() if isinstance(module, nn.Conv2d)]
    (first_name, first), (last_name, last) = layers[0], layers[-1]
    for layer, module in ((first_name, first), (last_name, last)):
        maps = _layer_output(net, module, pixels[-1:])[0][0, :CHANNELS].detach().float().cpu()
        _write_grid(_to_bytes(maps), 8, 48, folder / f"activation_{layer}.webp")
        pictures.append(picture("activation", f"activation_{layer}.webp", shown[-1], layer))
    filters = first.weight.detach().float().cpu()[:64]
    _write_grid(_to_bytes(filters).transpose(0, 2, 3, 1), 16, 24, folder / "filters.webp")
    pictures.append(Picture("filters", "filters.webp", layer=first_name))
    if wrong:
        cams = class_activation(net, last, pixels[:-1]).float().cpu()
        for place, i in enumerate(wrong[:CAMS]):
            overlay = _overlay(stored[place].cpu().numpy(), cams[place])
            save_thumbnail(Image.fromarray(overlay), folder / f"cam_{place:02}.webp")
            pictures.append(picture("cam", f"cam_{place:02}.webp", i, last_name))
    return pictures
