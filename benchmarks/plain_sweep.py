"""The sweep of benchmarks.sweep as a plain PyTorch script: features computed once, then one head after the other.

Run by that benchmark: `python -m benchmarks.plain_sweep PHOTOS WEIGHTS ARCH SIZE EPOCHS BATCH LR...`. It prints the
test accuracy of each head and keeps nothing: no pictures, no weights, no record.
"""

import sys
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import get_model
from torchvision.transforms.functional import normalize, pil_to_tensor


def _photos(folder: Path, size: int) -> tuple[Tensor, Tensor]:
    """Normalised photos (n, 3, size, size) and their class indices."""
    images, labels = [], []
    for label, home in enumerate(sorted(path for path in folder.iterdir() if path.is_dir())):
        for path in sorted(home.iterdir()):
            with Image.open(path) as image:
                images.append(pil_to_tensor(image.convert("RGB").resize((size, size))) / 255)
            labels.append(label)
    return normalize(torch.stack(images), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), torch.tensor(labels)


@torch.inference_mode()
def _features(net: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([net.avgpool(net.features(part)).flatten(1) for part in images.split(128)])


def _train_head(train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], epochs: int, batch: int, lr: float) -> float:
    """Train a head and return its test accuracy."""
    features, labels = train
    torch.manual_seed(1)
    width, classes = features.shape[1], int(labels.max()) + 1
    head = nn.Sequential(nn.Linear(width, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, classes))
    optimizer = torch.optim.AdamW(head.parameters(), lr, weight_decay=5e-4)
    steps = epochs * (len(labels) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.1)
    for _ in range(epochs):
        head.train()
        for rows in torch.randperm(len(labels))[: len(labels) // batch * batch].split(batch):
            loss = nn.functional.cross_entropy(head(features[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        head.eval()
        with torch.inference_mode():
            accuracy = float((head(test[0]).argmax(1) == test[1]).float().mean())
    return accuracy


def main() -> None:
    """Compute the features and train all heads."""
    photos, weights, arch, size, epochs, batch, *rates = sys.argv[1:]
    net = get_model(arch, init_weights=False).eval()
    net.load_state_dict(load_file(weights), strict=False)
    sets = [_photos(Path(photos) / split, int(size)) for split in ("train", "test")]
    train, test = ((_features(net, images).clone(), labels) for images, labels in sets)
    for lr in rates:
        print(f"{_train_head(train, test, int(epochs), int(batch), float(lr)):.4f}", flush=True)


if __name__ == "__main__":
    main()
