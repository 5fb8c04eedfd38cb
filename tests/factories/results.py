"""Builds results folders with invented, seeded runs. Tests of reports and benchmarks share this one factory.

All runs of a dataset see the same test images. An image has a difficulty, a model a skill, and a seed a little luck.
`make_examples` writes the two datasets that the report tests read; `make_run` writes one run for a special case.
"""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

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
    RunStatus,
    StopReason,
    Training,
    Trial,
    TrialStatus,
    Tuning,
    facts_folder,
    write_facts,
    write_pictures,
    write_predictions,
    write_run,
)
from tests.factories.drawing import draw_activations, draw_cam, draw_filters, draw_photo

DEVICE = DeviceInfo(
    "cpu", "AMD EPYC 9575F", "2.15.0", cpu="AMD EPYC 9575F", cores=2, precision="bf16", peak_tflops=0.31
)
WEIGHTS = "vgg16_bn-tinyimagenet (Tiny-ImageNet)"
TWO_CLASSES = ["bicycle", "car"]
TEN_CLASSES = [
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
FULL_TRAIN_IMAGES = 700  # per class


@dataclass(frozen=True)
class Profile:
    """What the invented runs of one model are like.

    `accuracy` is the last epoch's on the full train set, `loss_from_few_images` the accuracy lost with 25 images per
    class, `learning_pace` the rate at which the curve reaches its end. Seconds are for 1,400 images at 64 px.
    """

    model: str
    accuracy: float
    loss_from_few_images: float
    learning_pace: float
    epoch_seconds: float
    feature_seconds: float | None
    parameters_total: int
    parameters_trainable: int
    flops_per_image: int
    peak_memory_bytes: int

    @property
    def is_pretrained(self) -> bool:
        return self.model in ("frozen-vgg", "finetuned-vgg")


SCRATCH = Profile("scratch-vgg", 0.872, 0.50, 0.42, 62.0, None, 134_268_738, 134_268_738, 2_760_000_000, 2_900_000_000)
FROZEN = Profile("frozen-vgg", 0.940, 0.10, 1.90, 0.8, 14.0, 21_137_729, 6_423_041, 2_518_000_000, 640_000_000)
FINETUNED = Profile(
    "finetuned-vgg", 0.962, 0.22, 1.10, 44.0, None, 21_137_729, 21_137_729, 2_518_000_000, 1_750_000_000
)
BASELINE = Profile("baseline-cnn", 0.861, 0.34, 0.60, 9.5, None, 1_714_369, 1_714_369, 481_000_000, 820_000_000)
PROFILES = (SCRATCH, FROZEN, FINETUNED, BASELINE)


@dataclass(frozen=True)
class Variant:
    """What is special about a run: its name and date, recipe fields, how training and tuning went, clean images.

    `stop` makes it a run with epochs=auto: validation figures, and test images measured once. `clean` counts the test
    images that are new to the weights of a pretrained model (None: nothing is known).
    """

    name: str = ""
    created: str = ""
    recipe: dict[str, object] = field(default_factory=dict)
    arch: str = "vgg16_bn"
    stop: StopReason | None = None
    tuning: Tuning | None = None
    clean: int | None = None


def make_examples(results: Path) -> None:
    """car-bicycle with three seeds and learning curves from 25 to 700 images per class, imagenette with one seed."""
    make_dataset(results, "car-bicycle", TWO_CLASSES)
    for profile in PROFILES:
        for train_images in (25, 100, 400):
            for seed in (1, 2, 3):
                make_run(results, "car-bicycle", TWO_CLASSES, profile, seed, train_images=train_images, evidence=False)
    make_dataset(results, "imagenette", TEN_CLASSES, seeds=1, test=400)


def make_dataset(
    results: Path,
    dataset: str,
    classes: list[str],
    *,
    seeds: int = 3,
    test: int = 500,
    epochs: int = 5,
    seeds_with_pictures: int = 1,
) -> None:
    """Four models over several seeds, with predictions and the dataset's facts; the first seeds also have pictures."""
    for profile in PROFILES:
        for seed in range(1, seeds + 1):
            pictures = seed <= seeds_with_pictures
            run = make_run(results, dataset, classes, profile, seed, test=test, epochs=epochs, pictures=pictures)
    make_facts(results, run)


def make_records(results: Path, count: int) -> None:
    """`count` runs of the four models on one dataset, run.json alone."""
    for number in range(count):
        profile, seed = PROFILES[number % len(PROFILES)], number // len(PROFILES) + 1
        make_run(results, "many", TWO_CLASSES, profile, seed, evidence=False)


def make_run(
    results: Path,
    dataset: str,
    classes: list[str],
    profile: Profile,
    seed: int,
    *,
    test: int = 500,
    epochs: int = 5,
    train_images: int = 0,
    evidence: bool = True,
    pictures: bool = True,
    weights: str = WEIGHTS,
    variant: Variant = Variant(),
) -> Run:
    """Write the folder of one run and return its record.

    `test` counts all test images, `train_images` the images per class (0: all 700). `evidence=False` writes run.json
    alone, `pictures=False` leaves out the pictures.
    """
    rng = random.Random(f"{dataset}{profile.model}{seed}{train_images}")
    images_per_class = train_images or FULL_TRAIN_IMAGES
    few_images = profile.loss_from_few_images * (25 / images_per_class) ** 0.5 * (images_per_class < FULL_TRAIN_IMAGES)
    skill = profile.accuracy - 0.02 * (len(classes) > 2) - few_images + rng.gauss(0, 0.005)
    predictions = _predictions(classes, test, skill, seed, profile.model)
    result = _result(classes, predictions)
    train = images_per_class * len(classes)
    share = train / (2 * FULL_TRAIN_IMAGES)
    assert result.accuracy is not None
    history = _epochs(profile, result.accuracy, epochs, train, profile.epoch_seconds * share, rng)
    number = f"-n{train_images}" if train_images else ""
    run = Run(
        run=f"{profile.model}{number}-s{seed}",
        created=f"2026-11-{20 + seed // 20:02}T{10 + seed % 10:02}:{len(profile.model) + seed:02}:00Z",
        dataset=DatasetInfo(dataset, hashlib.sha256(dataset.encode()).hexdigest(), classes, train, test),
        model=_model(profile, weights),
        recipe=_recipe(profile, epochs, train_images, seed),
        seed=seed,
        device=DEVICE,
        code=CodeInfo("0.1.0", "6192ec9", False),
        epochs=history,
        result=result,
        cost=_cost(profile, history, train, share),
        command=f"bench run {profile.model} --dataset {dataset} --size 64 --epochs {epochs} --seeds 3 --arch vgg16_bn",
    )
    run, predictions = _vary(run, predictions, variant)
    folder = results / dataset / run.run
    write_run(folder, run)
    if evidence:
        write_predictions(folder, predictions)
    if evidence and pictures:
        _make_pictures(folder, predictions, profile, seed)
    return run


def _vary(run: Run, predictions: list[Prediction], variant: Variant) -> tuple[Run, list[Prediction]]:
    """The run and its predictions with what is special about them."""
    arch = run.model.arch if run.model.arch == "cnn" else variant.arch
    run = replace(
        run,
        run=f"{run.run}-{variant.name}" if variant.name else run.run,
        created=variant.created or run.created,
        model=replace(run.model, arch=arch),
        recipe=run.recipe | variant.recipe,
        tuning=variant.tuning,
    )
    if variant.stop:
        validation = run.dataset.train * 15 // 100
        epochs = [
            replace(e, test_loss=None, test_accuracy=None, val_loss=e.test_loss, val_accuracy=e.test_accuracy)
            for e in run.epochs
        ]
        run = replace(
            run,
            dataset=replace(run.dataset, validation=validation),
            recipe=run.recipe | {"epochs": "auto", "val_fraction": 0.15},
            epochs=epochs,
            training=Training(len(epochs) * 19, variant.stop, 30),
        )
    if variant.clean is None or run.model.weights is None:
        return run, predictions
    first = len(predictions) // max(variant.clean, 1)
    kept = {i * first for i in range(variant.clean)}
    predictions = [replace(p, clean=i in kept) for i, p in enumerate(predictions)]
    right = sum(p.truth == p.predicted for p in predictions if p.clean)
    clean_accuracy = right / variant.clean if variant.clean else None
    result = replace(run.result, clean_accuracy=clean_accuracy, clean_images=variant.clean or None)
    return replace(run, result=result), predictions


def write_answers(results: Path, run: Run, predictions: list[Prediction]) -> None:
    """Write other predictions of a run, and its record with the figures that follow from them."""
    clean = [p.truth == p.predicted for p in predictions if p.clean]
    result = replace(
        _result(run.dataset.classes, predictions),
        clean_accuracy=sum(clean) / len(clean) if clean else None,
        clean_images=len(clean) or None,
    )
    folder = results / run.dataset.name / run.run
    write_run(folder, replace(run, result=result))
    write_predictions(folder, predictions)


def write_accuracy(results: Path, run: Run, accuracy: float) -> None:
    """Write the record of a run with another accuracy, without all that contradicts it."""
    folder = results / run.dataset.name / run.run
    write_run(folder, replace(run, result=Result(RunStatus.DONE, accuracy)))
    (folder / "predictions.csv").unlink(missing_ok=True)


def make_tuning(accuracies: list[float | None], seconds: float) -> Tuning:
    """A tuning whose trials had these validation accuracies and took `seconds` each; None is a failed trial."""
    tried = []
    for number, accuracy in enumerate(accuracies, 1):
        status = TrialStatus.FAILED if accuracy is None else TrialStatus.COMPLETE
        values: dict[str, object] = {"lr": 0.001 * number, "weight_decay": 0.0005, "augment": "flip", "batch_size": 32}
        tried.append(Trial(number, values, status, accuracy, seconds))
    known = [(t.validation_accuracy, t) for t in tried if t.validation_accuracy is not None]
    accuracy, best = max(known, key=lambda row: row[0])
    return Tuning(len(tried), seconds * len(tried), best.values, accuracy, str(len(tried)), tried)


def make_facts(results: Path, run: Run, floors: dict[str, float] | None = None) -> DatasetFacts:
    """Write the facts of a run's dataset with sample pictures of every class."""
    classes, rng = run.dataset.classes, random.Random(run.dataset.name)
    folder = facts_folder(results, run.dataset.name, run.dataset.manifest_sha256)
    folder.mkdir(parents=True, exist_ok=True)
    samples: list[Picture] = []
    for label in classes:
        for i in range(8 if len(classes) < 5 else 3):
            name = f"sample_{len(samples):02}.webp"
            draw_photo(label, rng).save(folder / name, quality=80)
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
        floors=floors or {"majority": 1 / len(classes), "trivial": 1 / len(classes) + 0.13},
        samples=samples,
    )
    write_facts(folder, facts)
    return facts


def _predictions(classes: list[str], test: int, accuracy: float, seed: int, model: str) -> list[Prediction]:
    difficulty = np.random.default_rng(5).normal(0, 1, test)
    luck = np.random.default_rng([seed, *model.encode()])
    strength = -difficulty * 0.9 + luck.normal(0, 0.55, test)
    threshold = np.quantile(strength, 1 - accuracy) if accuracy < 1 else strength.min() - 0.1
    margin = (strength - threshold) * 1.9
    noise, wrong_class = luck.normal(0, 0.35, test), luck.integers(1, len(classes), test)
    rows = []
    for i in range(test):
        truth = i * len(classes) // test
        is_right = bool(margin[i] > 0)
        probability = 1 / (1 + (len(classes) - 1) * math.exp(-abs(float(margin[i])) * 1.35 - abs(float(noise[i]))))
        label = classes[truth if is_right else (truth + int(wrong_class[i])) % len(classes)]
        loss = -math.log(max(probability if is_right else 1 - probability, 1e-6))
        file = f"test/{classes[truth]}/{classes[truth]}_{i % (test // len(classes)):04}.jpg"
        rows.append(Prediction(file, classes[truth], label, probability, loss))
    return rows


def _result(classes: list[str], predictions: list[Prediction]) -> Result:
    right, test = sum(p.truth == p.predicted for p in predictions), len(predictions)
    low, high = _wilson(right, test)
    confusion = [[0] * len(classes) for _ in classes]
    for p in predictions:
        confusion[classes.index(p.truth)][classes.index(p.predicted)] += 1
    f1 = [2 * confusion[k][k] / (sum(confusion[k]) + sum(row[k] for row in confusion)) for k in range(len(classes))]
    return Result(RunStatus.DONE, right / test, low, high, None, sum(f1) / len(f1), confusion)


def _wilson(right: float, n: int) -> tuple[float, float]:
    z, p = 1.959964, right / n
    middle, half = (p + z * z / 2 / n), z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))


def _epochs(
    profile: Profile, accuracy: float, epochs: int, images: int, seconds: float, rng: random.Random
) -> list[Epoch]:
    rows, start = [], 0.5
    for e in range(1, epochs + 1):
        progress = (1 - math.exp(-profile.learning_pace * e)) / (1 - math.exp(-profile.learning_pace * epochs))
        test = accuracy if e == epochs else min(1.0, start + (accuracy - start) * progress + rng.gauss(0, 0.008))
        train = min(0.999, test + 0.035 * progress + rng.gauss(0, 0.004))
        duration = seconds * rng.uniform(0.97, 1.04)
        train_loss, test_loss = 1.1 * (1.02 - train) ** 0.8, 1.15 * (1.03 - test) ** 0.8
        rows.append(Epoch(e, train_loss, train, test_loss, test, duration, images / duration))
    return rows


def _model(profile: Profile, weights: str) -> ModelInfo:
    return ModelInfo(
        name=profile.model,
        arch="cnn" if profile.model == "baseline-cnn" else "vgg16_bn",
        weights=weights if profile.is_pretrained else None,
        weights_sha256=hashlib.sha256(weights.encode()).hexdigest() if profile.is_pretrained else None,
        head="mlp256" if profile.is_pretrained else None,
        parameters_total=profile.parameters_total,
        parameters_trainable=profile.parameters_trainable,
        flops_per_image=profile.flops_per_image,
    )


def _recipe(profile: Profile, epochs: int, train_images: int, seed: int) -> dict[str, object]:
    return {
        "size": 64,
        "epochs": epochs,
        "batch_size": 64,
        "optimizer": "adamw" if profile.is_pretrained else "sgd",
        "lr": 0.001 if profile.is_pretrained else 0.05,
        "augment": "none" if profile.model == "frozen-vgg" else "flip",
        "dropout": 0.5,
        "train_images": train_images,
        "val_fraction": 0.0,
        "seed": seed,
    }


def _cost(profile: Profile, history: list[Epoch], train: int, share: float) -> Cost:
    """The cost of a run on `train` images; `share` is their number relative to that of the profile's seconds."""
    epochs, training = len(history), sum(e.seconds for e in history)
    features = profile.feature_seconds * share if profile.feature_seconds else None
    return Cost(
        total_seconds=training + (features or 0) + 6.0 + 1.1 * epochs,
        epoch_seconds=sorted(e.seconds for e in history)[epochs // 2],
        pack_seconds=2.1,
        feature_seconds=features,
        compile_seconds=None,
        peak_memory_bytes=profile.peak_memory_bytes,
        energy_joules=None,
        tflops=round(3 * profile.flops_per_image * train / history[0].seconds / 1e12, 3),
        mfu=0.22 if profile.model == "baseline-cnn" else 0.41,
        breakdown={
            "pack": 2.1,
            **({"features": features} if features else {}),
            "warm-up": 0.7,
            "loader": 0.02 * training,
            "forward and backward": 0.85 * training,
            "optimizer": 0.12 * training,
            "evaluate": 1.1 * epochs,
            "checkpoint": 1.4,
            "pictures": 0.6,
        },
    )


def _make_pictures(folder: Path, predictions: list[Prediction], profile: Profile, seed: int) -> None:
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    pictures: list[Picture] = []

    def add(image: Image.Image, kind: str, p: Prediction | None = None, layer: str | None = None) -> None:
        name = f"{kind}_{sum(q.kind == kind for q in pictures):02}.webp"
        image.save(folder / "pictures" / name, quality=80)
        picture = Picture(kind, name, layer=layer)
        if p:
            picture = replace(picture, file=p.file, truth=p.truth, predicted=p.predicted, probability=p.probability)
        pictures.append(picture)

    def photo(p: Prediction) -> Image.Image:
        return draw_photo(p.truth, random.Random(p.file))

    worst = sorted((p for p in predictions if p.predicted != p.truth), key=lambda p: -p.loss)[:12]
    for p in random.Random(7).sample(predictions, 12):
        add(photo(p), "sample", p)
    for p in worst:
        add(photo(p), "worst", p)
    for p in worst[:6]:
        add(draw_cam(photo(p), random.Random(p.file)), "cam", p)
    first_layer, last_layer = ("conv1", "conv3") if profile.model == "baseline-cnn" else ("features.0", "features.40")
    first = photo(predictions[0])
    add(draw_activations(first, 24, seed), "activation", layer=first_layer)
    add(draw_activations(first, 6, seed + 1), "activation", layer=last_layer)
    add(draw_filters(seed), "filters", layer=first_layer)
    write_pictures(folder, pictures)
