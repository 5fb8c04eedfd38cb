"""How others train the same network: the usual tutorial loop, torchvision's reference script and timm's train.py.

Each follows its documentation and takes a turn after every epoch. All resize images to a square and mirror half of
them. Precision, memory layout, loader and optimizer are their own.
"""

import argparse
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.models import get_model
from torchvision.transforms import v2

from bench.data import MEAN, STD
from bench.machine import clock, cores
from benchmarks.side_by_side import Turn

Batches = Iterable[tuple[Tensor, Tensor]]


def image_folders(job: argparse.Namespace) -> tuple[ImageFolder, ImageFolder]:
    """Train and test photos as float tensors, the usual way."""
    square = v2.Resize((job.size, job.size), antialias=True)
    tensor = (v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD))
    train = v2.Compose([square, v2.RandomHorizontalFlip(), *tensor])
    return ImageFolder(job.photos / "train", train), ImageFolder(job.photos / "test", v2.Compose([square, *tensor]))


def accuracy(forward: Callable[[Tensor], Tensor], loader: Batches, device: torch.device) -> float:
    """Fraction of test photos that are classified correctly."""
    right = count = 0
    with torch.inference_mode():
        for images, labels in loader:
            guess = forward(images.to(device)).argmax(1).cpu()
            right, count = right + int((guess == labels.cpu()).sum()), count + len(labels)
    return right / count


def tutorial(job: argparse.Namespace, turn: Turn) -> None:
    """ImageFolder, DataLoader with four workers, fp32, eager, Adam: PyTorch's "Training a classifier" and "Transfer
    learning for computer vision" with the optimizer that most notebooks use.
    """
    torch.manual_seed(job.seed)
    device = torch.device(job.device)
    train, test = image_folders(job)
    workers = min(4, cores())
    loader = DataLoader(train, job.batch_size, shuffle=True, num_workers=workers)
    test_loader = DataLoader(test, job.batch_size, num_workers=workers)
    net = get_model(job.arch, weights=None, num_classes=len(train.classes)).to(device)
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters(), lr=1e-4)
    for _ in range(job.epochs):
        net.train()
        start, running_loss = clock(device), 0.0
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            optimizer.zero_grad()
            loss = criterion(net(images), labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item() * len(labels)
        rate = len(train) / (clock(device) - start)
        net.eval()
        turn(rate=rate, accuracy=accuracy(net, test_loader, device))


def torchvision_reference(job: argparse.Namespace, turn: Turn) -> None:
    """references/classification/train.py with the options of its README for VGG (`--lr 1e-2`): SGD, weight decay 1e-4,
    step schedule, 16 workers, pinned memory, loss and accuracy read at every step. On CUDA also `--amp` (fp16), which
    exists only there.
    """
    torch.manual_seed(job.seed)
    torch.backends.cudnn.benchmark = True
    device = torch.device(job.device)
    amp, pin = device.type == "cuda", device.type == "cuda"
    train, test = image_folders(job)
    workers = min(16, cores())
    loader = DataLoader(train, job.batch_size, shuffle=True, num_workers=workers, pin_memory=pin)
    test_loader = DataLoader(test, job.batch_size, num_workers=workers, pin_memory=pin)
    net = get_model(job.arch, weights=None, num_classes=len(train.classes)).to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30, gamma=0.1)
    scaler = torch.amp.GradScaler(device.type, enabled=amp)

    def forward(images: Tensor) -> Tensor:
        with torch.autocast(device.type, enabled=amp):
            out: Tensor = net(images)
        return out

    for _ in range(job.epochs):
        net.train()
        start, meters = clock(device), [0.0, 0.0]
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            logits = forward(images)
            loss = criterion(logits.float(), labels)
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            meters[0] += loss.item()
            meters[1] += (logits.argmax(1) == labels).float().mean().item()
        rate = len(train) / (clock(device) - start)
        schedule.step()
        net.eval()
        turn(rate=rate, accuracy=accuracy(forward, test_loader, device))


def timm_best(job: argparse.Namespace, turn: Turn) -> None:
    """timm's train.py with `--amp --amp-dtype bfloat16 --channels-last --opt-kwargs fused=True`, a worker per core, and
    without colour jitter and crops. timm's packages on PyPI do not contain the script, so this is a loop of the same
    public parts (create_loader, create_model, create_optimizer_v2, create_scheduler_v2). Unlike the script it reads no
    loss and writes no log.
    """
    _timm(job, turn, compiled=False)


def timm_compiled(job: argparse.Namespace, turn: Turn) -> None:
    """The same with `--torchcompile`."""
    _timm(job, turn, compiled=True)


def _timm(job: argparse.Namespace, turn: Turn, compiled: bool) -> None:
    from timm.data import create_dataset, create_loader
    from timm.loss import LabelSmoothingCrossEntropy
    from timm.models import create_model
    from timm.optim import create_optimizer_v2
    from timm.scheduler import create_scheduler_v2

    torch.manual_seed(job.seed)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    device = torch.device(job.device)
    common = {"input_size": (3, job.size, job.size), "batch_size": job.batch_size, "num_workers": cores(),
              "device": device, "pin_memory": device.type == "cuda", "interpolation": "bilinear"}  # fmt: skip
    train = create_dataset("", root=job.photos / "train")
    loader = create_loader(train, is_training=True, scale=(1, 1), ratio=(1, 1), color_jitter=None, **common)
    test = create_dataset("", root=job.photos / "test")
    test_loader = create_loader(test, crop_pct=1.0, crop_mode="squash", **common)
    net = create_model(job.arch, num_classes=len(train.reader.class_to_idx))
    net.to(device, memory_format=torch.channels_last)
    optimizer = create_optimizer_v2(net, opt="sgd", lr=0.01, momentum=0.9, weight_decay=2e-5, fused=True)
    schedule, _ = create_scheduler_v2(
        optimizer, num_epochs=job.epochs, warmup_epochs=1, step_on_epochs=False, updates_per_epoch=len(loader)
    )
    criterion = LabelSmoothingCrossEntropy(0.1)
    run, updates = torch.compile(net) if compiled else net, 0

    def forward(images: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            out: Tensor = run(images.contiguous(memory_format=torch.channels_last))
        return out

    for epoch in range(job.epochs):
        net.train()
        start = clock(device)
        for images, labels in loader:
            loss = criterion(forward(images), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            updates += 1
            schedule.step_update(num_updates=updates)
        rate = len(loader) * job.batch_size / (clock(device) - start)
        schedule.step(epoch + 1)
        net.eval()
        turn(rate=rate, accuracy=accuracy(forward, test_loader, device))
