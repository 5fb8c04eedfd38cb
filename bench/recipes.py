"""How each of the four models is trained: one frozen Recipe, four literal entries, nothing hidden elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from bench.errors import UsageError

HEADS = ("mlp256", "classifier", "last")
CHOICES = {
    "head": HEADS,
    "precision": ("auto", "bf16", "fp32"),
    "optimizer": ("sgd", "adamw"),
    "schedule": ("cosine", "constant"),
    "init": ("he", "xavier", "normal", "default"),
    "augment": ("none", "flip", "flip-rotate", "crop"),
    "compile": ("auto", "on", "off"),
    "train_from": ("head", "block1", "block2", "block3", "block4", "block5"),
}

CONTROL = ("seeds", "device")  # flags of bench run that are no field of a Recipe


def _doc(default: Any, text: str) -> Any:
    return field(default=default, metadata={"doc": text})


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides how a model is trained. `bench run --set KEY=VALUE` sets any field."""

    size: int = _doc(224, "side of the square input, px")
    epochs: int = _doc(5, "passes over the training images")
    batch_size: int = _doc(64, "images per optimizer step")
    train_images: int | None = _doc(None, "training images per class, nested subsets; none: all")
    augment: str = _doc("flip", "none, flip, flip-rotate (15 degrees) or crop (35 to 100 % of the area, and flip)")
    views: int = _doc(1, "frozen: augmented versions of each image whose features are cached; 1: the image as it is")
    arch: str | None = _doc(None, "VGG A/B/D/E with or without batch norm, or a torchvision classifier")
    width: float = _doc(1.0, "factor on a VGG's channels")
    weights: str | None = _doc(None, "pretrained weights: imagenet, or a .safetensors or .pth file")
    head: str | None = _doc(None, "mlp256 (25,088-256-K), classifier (the whole 4096-4096-K) or last (one layer)")
    dropout: float = _doc(0.5, "dropout in the fully connected layers")
    init: str | None = _doc(None, "scratch: he (fan in), xavier, normal (0.01) or default (PyTorch's)")
    train_from: str | None = _doc(None, "fine-tuned: first block that is trained, those before are cached; none: all")
    freeze_epochs: int = _doc(0, "fine-tuned: epochs at the start that train the head alone")
    optimizer: str = _doc("sgd", "sgd (Nesterov, momentum 0.9) or adamw")
    lr: float = _doc(0.01, "peak learning rate")
    backbone_lr: float = _doc(
        1.0, "fine-tuned: learning rate of the first block as a factor of lr, rising to lr at the head"
    )
    weight_decay: float = _doc(5e-4, "on weights only, never on norms and biases")
    schedule: str = _doc("cosine", "cosine (to zero) or constant, after the warm-up")
    warmup: float = _doc(0.1, "part of all steps over which the learning rate rises from zero")
    label_smoothing: float = _doc(0.0, "0 to 1")
    clip_norm: float | None = _doc(None, "largest gradient norm; none: no clipping")
    precision: str = _doc("auto", "auto (bf16 where the device is fast at it), bf16 or fp32")
    compile: str = _doc("auto", "torch.compile: auto (a trial on CUDA decides, CUDA graphs included), on or off")
    deterministic: bool = _doc(False, "bit-equal repeats; slower on a GPU")
    val_fraction: float = _doc(0.0, "carve this part of train off and measure on it; the test images stay untouched")
    holdout_clean: bool = _doc(
        False, "Imagenette, Imagewoof: withhold train images unseen in pretraining, to test on them"
    )
    overlap_list: str | None = _doc(None, "file of SHA-256 sums, one a line, of images used in pretraining")


@dataclass(frozen=True, slots=True)
class Model:
    """One of the models to choose from: what it is, its recipe, and the fields that mean something to it."""

    title: str
    text: str
    pretrained: bool
    recipe: Recipe
    unused: frozenset[str]


_PRETRAINED_ONLY = frozenset({"weights", "head", "train_from", "freeze_epochs", "backbone_lr", "views", "overlap_list"})
_VGG_ONLY = frozenset({"arch", "width"})

MODELS: dict[str, Model] = {
    "scratch-vgg": Model(
        "Scratch VGG",
        "the paper's network, trained from random weights",
        False,
        Recipe(
            arch="vgg16", init="he", optimizer="adamw", lr=1e-4, weight_decay=0.01, label_smoothing=0.1, clip_norm=1.0
        ),
        _PRETRAINED_ONLY,
    ),
    "frozen-vgg": Model(
        "Frozen VGG",
        "a pretrained backbone as it is, a new head trained on its features, computed once",
        True,
        Recipe(arch="vgg16", weights="imagenet", head="mlp256", optimizer="adamw", lr=1e-3, augment="none"),
        frozenset({"init", "train_from", "freeze_epochs", "backbone_lr"}),
    ),
    "finetuned-vgg": Model(
        "Fine-tuned VGG",
        "a pretrained backbone trained on, with a new head",
        True,
        Recipe(arch="vgg16", weights="imagenet", head="mlp256", lr=0.02, backbone_lr=0.3, clip_norm=1.0),
        frozenset({"init", "views"}),
    ),
    "baseline-cnn": Model(
        "Baseline CNN",
        "the small network of the Keras tutorials: three convolutions, one dense layer",
        False,
        Recipe(init="he", lr=0.01, dropout=0.25, clip_norm=1.0),
        _PRETRAINED_ONLY | _VGG_ONLY,
    ),
}


def uses(model: str, key: str) -> bool:
    """Whether a field of the Recipe means something to a model."""
    return key not in MODELS[model].unused


def field_table() -> str:
    """One line per field: name, each model's default ("-" where it means nothing to the model), meaning."""
    lines = [f"  {'':16} {''.join(f'{name:15}' for name in MODELS)}"]
    for f in fields(Recipe):
        defaults = [str(getattr(m.recipe, f.name)) if uses(name, f.name) else "-" for name, m in MODELS.items()]
        lines.append(f"  {f.name:16} {''.join(f'{d.lower():15}' for d in defaults)}{f.metadata['doc']}")
    return "\n".join(lines)


def _convert(key: str, text: str, hint: Any) -> Any:
    kinds = hint.__args__ if hasattr(hint, "__args__") else (hint,)
    if type(None) in kinds and text.lower() == "none":
        return None
    if bool in kinds:
        if text.lower() not in ("true", "false"):
            raise ValueError("true or false")
        return text.lower() == "true"
    for kind in (int, float):
        if kind in kinds:
            return kind(text)
    return text


def parse_value(key: str, value: Any) -> Any:
    """The value of a Recipe field from a command line's text or a TOML value.

    Raises UsageError for an unknown key (with all fields, their meaning and default) or a value that does not fit.
    """
    known = {f.name: f for f in fields(Recipe)}
    if key not in known:
        raise UsageError(f"--set: unknown key {key!r}; the fields are\n{field_table()}")
    hint = known[key].type
    try:
        made = _convert(key, str(value), hint)
    except ValueError as err:
        raise UsageError(f"--set {key}={value}: {getattr(hint, '__name__', hint)} is needed") from err
    if key in CHOICES and made is not None and made not in CHOICES[key]:
        raise UsageError(f"--set {key}={value}: must be one of {', '.join(CHOICES[key])}")
    return made


_LEAST = {"size": 32, "epochs": 1, "batch_size": 1, "train_images": 1, "views": 1, "freeze_epochs": 0}
_RANGES = {
    "width": (0.01, 8.0),
    "dropout": (0.0, 0.99),
    "val_fraction": (0.0, 0.9),
    "label_smoothing": (0.0, 0.9),
    "warmup": (0.0, 1.0),
    "lr": (1e-9, 100.0),
    "backbone_lr": (0.0, 10.0),
    "weight_decay": (0.0, 10.0),
}


def make_recipe(model: str, values: Mapping[str, Any]) -> Recipe:
    """The recipe of a model with `values` laid over its defaults, those it does not use left out.

    Raises UsageError for a value outside its range or fields that contradict each other.
    """
    recipe = replace(MODELS[model].recipe, **{k: v for k, v in values.items() if uses(model, k)})
    for key, least in _LEAST.items():
        value = getattr(recipe, key)
        if value is not None and value < least:
            raise UsageError(f"{key} must be at least {least}, not {value}")
    for key, (low, high) in _RANGES.items():
        if not low <= getattr(recipe, key) <= high:
            raise UsageError(f"{key} must be from {low:g} to {high:g}, not {getattr(recipe, key)}")
    if MODELS[model].pretrained and recipe.weights is None:
        raise UsageError(f"weights=none: {model} needs some; scratch-vgg starts from random values")
    if recipe.views > 1 and recipe.augment == "none":
        raise UsageError("views: more than one view needs augment=flip, flip-rotate or crop")
    if model == "frozen-vgg" and recipe.views == 1 and recipe.augment != "none":
        raise UsageError(
            f"augment={recipe.augment}: a frozen backbone caches its features; add --set views=4 to augment"
        )
    if recipe.train_from not in (None, "block1") and recipe.augment != "none":
        raise UsageError("train_from: the blocks before it are cached, which needs --set augment=none")
    if recipe.freeze_epochs >= recipe.epochs:
        raise UsageError(f"freeze_epochs={recipe.freeze_epochs} leaves none of {recipe.epochs} epochs to fine-tune")
    return recipe
