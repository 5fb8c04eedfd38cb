"""Makes stored results that look like real ones: seeded numbers, drawn pictures. `python tests/example_results/make.py`

Every run of a dataset sees the same test images; an image has a difficulty, a model a skill, a seed a little luck.
"""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from bench.records import (
    CodeInfo,
    Cost,
    DatasetFacts,
    DatasetInfo,
    DeviceInfo,
    Epoch,
    ModelInfo,
    Picture,
    Prediction,
    Result,
    Run,
    facts_folder,
    write_facts,
    write_pictures,
    write_predictions,
    write_run,
)

HERE = Path(__file__).parent
DEVICE = DeviceInfo(
    "cpu", "AMD EPYC 9575F", "2.15.0", cpu="AMD EPYC 9575F", cores=2, precision="bf16", peak_tflops=0.31
)
WEIGHTS = "vgg16_bn-tinyimagenet (Tiny-ImageNet)"
NETTE = [
    "tench",
    "English_springer",
    "cassette_player",
    "chain_saw",
    "church",
    "French_horn",
    "garbage_truck",
    "gas_pump",
    "golf_ball",
    "parachute",
]


@dataclass(frozen=True)
class Kind:
    """What one model is like: final accuracy, its loss from few images, and its price at 64 px."""

    name: str
    accuracy: float
    few: float
    pace: float
    epoch_seconds: float
    feature_seconds: float | None
    parameters: int
    trainable: int
    flops: int
    memory: int


KINDS = [
    Kind("scratch-vgg", 0.872, 0.50, 0.42, 62.0, None, 134_268_738, 134_268_738, 2_760_000_000, 2_900_000_000),
    Kind("frozen-vgg", 0.940, 0.10, 1.90, 0.8, 14.0, 21_137_729, 6_423_041, 2_518_000_000, 640_000_000),
    Kind("finetuned-vgg", 0.962, 0.22, 1.10, 44.0, None, 21_137_729, 21_137_729, 2_518_000_000, 1_750_000_000),
    Kind("baseline-cnn", 0.861, 0.34, 0.60, 9.5, None, 1_714_369, 1_714_369, 481_000_000, 820_000_000),
]


def draw(label: str, rng: random.Random, side: int = 72) -> Image.Image:
    """A small picture that a person could take for a photograph's thumbnail."""
    sky, ground = ([rng.randint(60, 220) for _ in range(3)] for _ in range(2))
    horizon = rng.randint(side // 3, 2 * side // 3)
    ramp = np.linspace(1.15, 0.75, side)[:, None, None]
    pixels = np.where((np.arange(side) < horizon)[:, None, None], sky, ground) * ramp
    pixels = pixels + np.random.default_rng(rng.randrange(2**32)).normal(0, 9, (side, side, 1))
    image = Image.fromarray(np.broadcast_to(pixels, (side, side, 3)).clip(0, 255).astype("uint8"))
    pen, colour = ImageDraw.Draw(image), tuple(rng.randint(20, 235) for _ in range(3))
    left, width, base = rng.randint(4, 14), rng.randint(40, 54), rng.randint(46, 60)
    dark = tuple(c // 4 for c in colour)
    if label == "car":
        pen.rounded_rectangle((left, base - 16, left + width, base), 5, colour)
        roof = (left + 9, base - 16, left + 16, base - 27, left + width - 18, base - 27, left + width - 8, base - 16)
        pen.polygon(roof, tuple(min(255, c + 40) for c in colour))
        for x in (left + 10, left + width - 10):
            pen.ellipse((x - 6, base - 6, x + 6, base + 6), (25, 25, 28), (150, 150, 150))
    elif label == "bicycle":
        hubs = (left + 11, left + width - 11)
        for x in hubs:
            pen.ellipse((x - 11, base - 11, x + 11, base + 11), None, dark, 2)
        top = base - 20
        pen.line((hubs[0], base, hubs[0] + 8, top, hubs[1] - 4, top, hubs[1], base), colour, 2)
        pen.line((hubs[0], base, (hubs[0] + hubs[1]) // 2, base, hubs[1] - 4, top), colour, 2)
        pen.line((hubs[1] - 9, top - 5, hubs[1] - 1, top - 5), dark, 2)
    else:
        kind = int(hashlib.sha256(label.encode()).hexdigest(), 16) % 5 + 3
        points = [
            (
                side / 2 + width / 2 * math.cos(2 * math.pi * k / kind),
                base - 18 + width / 2 * math.sin(2 * math.pi * k / kind),
            )
            for k in range(kind)
        ]
        pen.polygon(points, colour, dark)
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))


def _tiles(tiles: list[np.ndarray], columns: int, scale: int) -> Image.Image:
    side = tiles[0].shape[0]
    sheet = np.full((-(-len(tiles) // columns) * (side + 1) + 1, columns * (side + 1) + 1, 3), 255, "uint8")
    for i, tile in enumerate(tiles):
        y, x = 1 + i // columns * (side + 1), 1 + i % columns * (side + 1)
        sheet[y : y + side, x : x + side] = tile
    image = Image.fromarray(sheet)
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


def _maps(photo: Image.Image, side: int, number: int, seed: int) -> Image.Image:
    grey = np.asarray(photo.convert("L").resize((side, side)), float)
    rng, tiles = np.random.default_rng(seed), []
    for _ in range(number):
        kernel = rng.normal(0, 1, (3, 3))
        padded = np.pad(grey, 1, "edge")
        found = sum(kernel[i, j] * padded[i : i + side, j : j + side] for i in range(3) for j in range(3))
        found = np.maximum(found - np.median(found), 0)
        tiles.append(np.repeat((255 * found / (found.max() + 1e-9))[..., None], 3, 2).astype("uint8"))
    return _tiles(tiles, 8, max(1, 24 // side))


def _cam(photo: Image.Image, rng: random.Random) -> Image.Image:
    y, x = np.mgrid[0 : photo.height, 0 : photo.width]
    heat = np.exp(-((x - rng.randint(15, 55)) ** 2 + (y - rng.randint(15, 55)) ** 2) / 300)[..., None]
    return Image.fromarray((np.asarray(photo) * (1 - 0.6 * heat) + np.array([255, 40, 0]) * 0.6 * heat).astype("uint8"))


def _pictures(folder: Path, predictions: list[Prediction], kind: Kind, seed: int) -> None:
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    pictures: list[Picture] = []

    def add(image: Image.Image, kind: str, p: Prediction | None = None, layer: str | None = None) -> None:
        name = f"{kind}_{sum(q.kind == kind for q in pictures):02}.{'jpg' if p else 'png'}"
        image.save(folder / "pictures" / name, quality=80)
        said = (p.file, p.truth, p.predicted, p.probability) if p else (None, None, None, None)
        pictures.append(Picture(kind, name, *said, layer))

    def photo(p: Prediction) -> Image.Image:
        return draw(p.truth, random.Random(p.file))

    worst = sorted((p for p in predictions if p.predicted != p.truth), key=lambda p: -p.loss)[:12]
    for p in random.Random(7).sample(predictions, 12):
        add(photo(p), "sample", p)
    for p in worst:
        add(photo(p), "worst", p)
    for p in worst[:6]:
        add(_cam(photo(p), random.Random(p.file)), "cam", p)
    layers = ("conv1", "conv3") if kind.name == "baseline-cnn" else ("features.0", "features.40")
    first = photo(predictions[0])
    add(_maps(first, 24, 16, seed), "activation", layer=layers[0])
    add(_maps(first, 6, 16, seed + 1), "activation", layer=layers[1])
    filters = np.random.default_rng(seed).normal(128, 60, (64, 3, 3, 3)).clip(0, 255).astype("uint8")
    add(_tiles(list(filters), 16, 5), "filters", layer=layers[0])
    write_pictures(folder, pictures)


def _predictions(classes: list[str], test: int, accuracy: float, seed: int, name: str) -> list[Prediction]:
    hard = np.random.default_rng(5).normal(0, 1, test)
    own = np.random.default_rng([seed, *name.encode()])
    strength = -hard * 0.9 + own.normal(0, 0.55, test)
    margin = (strength - np.quantile(strength, 1 - accuracy)) * 1.9
    noise, guess = own.normal(0, 0.35, test), own.integers(1, len(classes), test)
    rows = []
    for i in range(test):
        truth = i * len(classes) // test
        right = bool(margin[i] > 0)
        probability = 1 / (1 + (len(classes) - 1) * math.exp(-abs(float(margin[i])) * 1.35 - abs(float(noise[i]))))
        label = classes[truth if right else (truth + int(guess[i])) % len(classes)]
        loss = -math.log(max(probability if right else 1 - probability, 1e-6))
        file = f"test/{classes[truth]}/{classes[truth]}_{i % (test // len(classes)):04}.jpg"
        rows.append(Prediction(file, classes[truth], label, probability, loss))
    return rows


def _wilson(right: float, n: int) -> tuple[float, float]:
    z, p = 1.959964, right / n
    middle, half = (p + z * z / 2 / n), z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def _epochs(kind: Kind, accuracy: float, epochs: int, images: int, seconds: float, rng: random.Random) -> list[Epoch]:
    rows, floor = [], 0.5
    for e in range(1, epochs + 1):
        reached = (1 - math.exp(-kind.pace * e)) / (1 - math.exp(-kind.pace * epochs))
        at = accuracy if e == epochs else floor + (accuracy - floor) * reached + rng.gauss(0, 0.008)
        train = min(0.999, at + 0.035 * reached + rng.gauss(0, 0.004))
        took = seconds * rng.uniform(0.97, 1.04)
        rows.append(Epoch(e, 1.1 * (1.02 - train) ** 0.8, train, 1.15 * (1.03 - at) ** 0.8, at, took, images / took))
    return rows


def _breakdown(feature: float | None, training: float, epochs: int) -> dict[str, float]:
    """Seconds by part, under the names that bench gives them."""
    made = {"features": feature} if feature else {}
    step = {"loader": 0.02 * training, "forward and backward": 0.85 * training, "optimizer": 0.12 * training}
    ends = {"evaluate": 1.1 * epochs, "checkpoint": 1.4, "pictures": 0.6}
    return {"pack": 2.1, **made, "warm-up": 0.7, **step, **ends}


def make_run(
    results: Path,
    dataset: str,
    classes: list[str],
    kind: Kind,
    seed: int,
    *,
    test: int = 500,
    epochs: int = 5,
    train_images: int = 0,
    train_each: int = 700,
    evidence: bool = True,
    pictures: bool = True,
    weights: str = WEIGHTS,
) -> Run:
    """Write one run's folder and give its record; `train_images` and `train_each` are images per class."""
    rng = random.Random(f"{dataset}{kind.name}{seed}{train_images}")
    each = train_images or train_each
    skill = (
        kind.accuracy
        - 0.02 * (len(classes) > 2)
        - kind.few * (25 / each) ** 0.5 * (each < train_each)
        + rng.gauss(0, 0.005)
    )
    predictions = _predictions(classes, test, skill, seed, kind.name)
    right = sum(p.truth == p.predicted for p in predictions)
    low, high = _wilson(right, test)
    confusion = [[0] * len(classes) for _ in classes]
    for p in predictions:
        confusion[classes.index(p.truth)][classes.index(p.predicted)] += 1
    share = each / 700 * len(classes) / 2
    took = _epochs(kind, right / test, epochs, each * len(classes), kind.epoch_seconds * share, rng)
    feature = kind.feature_seconds * share if kind.feature_seconds else None
    training = sum(e.seconds for e in took)
    pretrained = kind.name in ("frozen-vgg", "finetuned-vgg")
    per_class = [confusion[k][k] for k in range(len(classes))]
    f1 = [2 * c / (sum(confusion[k]) + sum(r[k] for r in confusion)) for k, c in enumerate(per_class)]
    number = f"-n{train_images}" if train_images else ""
    run = Run(
        run=f"{kind.name}{number}-s{seed}",
        created=f"2026-11-{20 + seed // 20:02}T{10 + seed % 10:02}:{len(kind.name) + seed:02}:00Z",
        dataset=DatasetInfo(dataset, hashlib.sha256(dataset.encode()).hexdigest(), classes, each * len(classes), test),
        model=ModelInfo(
            kind.name,
            "cnn" if kind.name == "baseline-cnn" else "vgg16_bn",
            weights if pretrained else None,
            hashlib.sha256(weights.encode()).hexdigest() if pretrained else None,
            "mlp256" if pretrained else None,
            kind.parameters,
            kind.trainable,
            kind.flops,
        ),
        recipe={
            "size": 64,
            "epochs": epochs,
            "batch_size": 64,
            "optimizer": "adamw" if pretrained else "sgd",
            "lr": 0.001 if pretrained else 0.05,
            "augment": "none" if kind.name == "frozen-vgg" else "flip",
            "dropout": 0.5,
            "train_images": train_images,
            "val_fraction": 0.0,
            "seed": seed,
        },
        seed=seed,
        device=DEVICE,
        code=CodeInfo("0.1.0", "6192ec9", False),
        epochs=took,
        result=Result("done", right / test, low, high, None, sum(f1) / len(f1), confusion),
        cost=Cost(
            total_seconds=training + (feature or 0) + 6.0 + 1.1 * epochs,
            epoch_seconds=sorted(e.seconds for e in took)[epochs // 2],
            pack_seconds=2.1,
            feature_seconds=feature,
            compile_seconds=None,
            peak_memory_bytes=kind.memory,
            energy_joules=None,
            tflops=round(3 * kind.flops * each * len(classes) / took[0].seconds / 1e12, 3),
            mfu=0.41 if kind.name != "baseline-cnn" else 0.22,
            breakdown=_breakdown(feature, training, epochs),
        ),
        command=f"bench run {kind.name} --dataset {dataset} --size 64 --epochs {epochs} --seeds 3 --arch vgg16_bn",
    )
    folder = results / dataset / run.run
    write_run(folder, run)
    if evidence:
        write_predictions(folder, predictions)
    if evidence and pictures:
        _pictures(folder, predictions, kind, seed)
    return run


def make_facts(results: Path, run: Run) -> DatasetFacts:
    """Write the facts of a run's dataset with two sample pictures per class."""
    classes, rng = run.dataset.classes, random.Random(run.dataset.name)
    folder = facts_folder(results, run.dataset.name, run.dataset.manifest_sha256)
    folder.mkdir(parents=True, exist_ok=True)
    samples = []
    for label in classes:
        for i in range(8 if len(classes) < 5 else 3):
            name = f"sample_{len(samples):02}.jpg"
            draw(label, rng).save(folder / name, quality=80)
            samples.append(Picture("sample", name, f"train/{label}/{label}_{i:04}.jpg", label))
    total = run.dataset.train + run.dataset.test
    facts = DatasetFacts(
        name=run.dataset.name,
        manifest_sha256=run.dataset.manifest_sha256,
        classes=classes,
        counts={
            "train": {c: run.dataset.train // len(classes) for c in classes},
            "test": {c: run.dataset.test // len(classes) for c in classes},
        },
        sources={"archive": total},
        licenses={"by": total // 2, "by-sa": total // 4, "cc0": total - total // 2 - total // 4},
        owners=total // 3,
        pixels=[75, 1024],
        rejected={"exact-duplicate": 313, "near-duplicate": 41, "too-small": 6, "unreadable": 2},
        leaks=0,
        floors={"majority": 1 / len(classes), "trivial": 1 / len(classes) + 0.13},
        samples=samples,
    )
    write_facts(folder, facts)
    return facts


def make_dataset(results: Path, dataset: str, classes: list[str], seeds: int = 3, test: int = 500) -> None:
    """Four models over several seeds with all their evidence; pictures for the first seed only."""
    for kind in KINDS:
        for seed in range(1, seeds + 1):
            run = make_run(results, dataset, classes, kind, seed, test=test, pictures=seed == 1)
    make_facts(results, run)


if __name__ == "__main__":
    make_dataset(HERE, "car-bicycle", ["bicycle", "car"])
    for kind in KINDS:
        for number in (25, 100, 400):
            for seed in (1, 2, 3):
                make_run(HERE, "car-bicycle", ["bicycle", "car"], kind, seed, train_images=number, evidence=False)
    make_dataset(HERE, "imagenette", NETTE, seeds=1, test=400)
