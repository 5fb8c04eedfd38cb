"""How each model is trained: one frozen Recipe and four literal entries that hold every default."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args

from bench.errors import UsageError, name_hint
from collect.datasets import TYPE_WORDS

CHOICES = {
    "head": ("mlp256", "classifier", "last", "pooled"),
    "precision": ("auto", "bf16", "fp32"),
    "optimizer": ("sgd", "adamw"),
    "schedule": ("plateau", "cosine", "constant"),
    "init": ("he", "xavier", "normal", "default"),
    "augment": ("none", "flip", "flip-rotate", "crop"),
    "compile": ("auto", "on", "off"),
    "train_from": ("head", "block1", "block2", "block3", "block4", "block5"),
}

FLAGS_OUTSIDE_RECIPE = ("seeds", "device", "tune", "budget")
VAL_FRACTION = 0.15
AUTO_ONLY = ("patience", "min_steps", "max_steps")  # fields that only epochs=auto uses


def _field(default: Any, meaning: str, least: float | None = None, most: float | None = None) -> Any:
    return field(default=default, metadata={"meaning": meaning, "least": least, "most": most})


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides how a model is trained. `bench run --set KEY=VALUE` sets any field."""

    size: int = _field(224, "side of the square input, px", 32, 4096)
    epochs: int | str = _field("auto", "passes over the training images; auto: until validation is flat", 1)
    batch_size: int = _field(64, "images per optimizer step", 1)
    train_images: int | None = _field(None, "training images per class, nested subsets; none: all", 1)
    augment: str = _field("flip", "none, flip, flip-rotate (15 degrees) or crop (35 to 100 % of the area, then flip)")
    views: int = _field(1, "frozen: cached augmented versions of each image; 1: the image itself", 1)
    arch: str | None = _field(None, "VGG A/B/D/E with or without batch norm, or a torchvision classifier")
    width: float = _field(1.0, "factor on a VGG's channels", 0.01, 8)
    weights: str | None = _field(None, "pretrained weights: imagenet, or a .safetensors or .pth file")
    head: str | None = _field(
        None, "mlp256 (25,088-256-K), classifier (4096-4096-K), last (one layer) or pooled (512-K)"
    )
    dropout: float = _field(0.5, "dropout rate in the fully connected layers", 0, 0.99)
    init: str | None = _field(None, "scratch: he (fan in), xavier, normal (0.01) or default (PyTorch's)")
    train_from: str | None = _field(None, "fine-tuned: first trained block, earlier ones are cached; none: train all")
    freeze_epochs: int = _field(0, "fine-tuned: first epochs, which train only the head", 0)
    optimizer: str = _field("sgd", "sgd (Nesterov, momentum 0.9) or adamw")
    lr: float = _field(0.01, "peak learning rate", 1e-9, 100)
    backbone_lr: float = _field(1.0, "fine-tuned: factor on lr for the first block; it rises to 1 at the head", 0, 10)
    weight_decay: float = _field(5e-4, "weight decay on weights only, not on norms and biases", 0, 10)
    schedule: str | None = _field(None, "plateau (falls at the end), cosine, constant; none: plateau if epochs=auto")
    warmup: float = _field(0.1, "fraction of all (auto: of min_steps) steps over which the learning rate rises", 0, 1)
    patience: int = _field(200, "epochs=auto: steps without a better validation loss or accuracy that count as flat", 1)
    min_steps: int = _field(300, "epochs=auto: fewest optimizer steps", 1)
    max_steps: int = _field(6000, "epochs=auto: most optimizer steps", 1)
    label_smoothing: float = _field(0.0, "label smoothing, 0 to 0.9", 0, 0.9)
    clip_norm: float | None = _field(None, "largest gradient norm; none: no clipping")
    precision: str = _field("auto", "auto (bf16 if it is faster on the device), bf16 or fp32")
    compile: str = _field("auto", "torch.compile: auto (CUDA only, if a trial is faster), on or off")
    deterministic: bool = _field(False, "bit-equal repeated runs; slower on a GPU")
    val_fraction: float | None = _field(
        None, "share of train held out for validation; none: 0.15 if epochs=auto, else 0", 0, 0.9
    )
    holdout_clean: bool = _field(False, "Imagenette, Imagewoof: hold out unseen train images, test on them too")
    overlap_list: str | None = _field(None, "file with SHA-256 sums, one per line, of images used in pretraining")

    @property
    def fixed_epochs(self) -> int | None:
        """The number of epochs, None for auto."""
        return self.epochs if isinstance(self.epochs, int) else None


@dataclass(frozen=True, slots=True)
class Model:
    """One of the models to choose from: what it is, its recipe, and the Recipe fields that it does not use."""

    summary: str
    pretrained: bool
    recipe: Recipe
    unused: frozenset[str]


_PRETRAINED_ONLY = frozenset({"weights", "head", "train_from", "freeze_epochs", "backbone_lr", "views", "overlap_list"})
_VGG_ONLY = frozenset({"arch", "width"})

MODELS: dict[str, Model] = {
    "scratch-vgg": Model(
        "the paper's network, trained from random weights",
        False,
        Recipe(
            arch="vgg16", init="he", optimizer="adamw", lr=1e-4, weight_decay=0.01, label_smoothing=0.1, clip_norm=1.0
        ),
        _PRETRAINED_ONLY - {"head"},
    ),
    "frozen-vgg": Model(
        "a fixed pretrained backbone; only a new head is trained",
        True,
        Recipe(arch="vgg16", weights="imagenet", head="mlp256", optimizer="adamw", lr=1e-3, augment="none"),
        frozenset({"init", "train_from", "freeze_epochs", "backbone_lr"}),
    ),
    "finetuned-vgg": Model(
        "a pretrained backbone that is trained further, new head",
        True,
        Recipe(arch="vgg16", weights="imagenet", head="mlp256", lr=0.02, backbone_lr=0.3, clip_norm=1.0),
        frozenset({"init", "views"}),
    ),
    "baseline-cnn": Model(
        "the small network of the Keras tutorials",
        False,
        Recipe(init="he", lr=0.01, dropout=0.25, clip_norm=1.0),
        _PRETRAINED_ONLY | _VGG_ONLY,
    ),
}


def uses(model: str, key: str) -> bool:
    """Whether a model uses a Recipe field."""
    return key not in MODELS[model].unused


def takes(model: str, key: str, value: Any) -> bool:
    """Whether a model uses this value of a Recipe field: from scratch, the head is the paper's or pooled."""
    is_new_head = key == "head" and value in ("mlp256", "last")
    return uses(model, key) and (MODELS[model].pretrained or not is_new_head)


def shown(recipe: Recipe, key: str) -> str:
    """The value of a field for a reader. Without a new head, a VGG has the paper's classifier."""
    value = getattr(recipe, key)
    return "classifier" if key == "head" and value is None else str(value)


def field_table() -> str:
    """One line per Recipe field: its name, each model's default ("-" if the model does not use it), its meaning."""
    lines = [f"  {'':16} {''.join(f'{name:15}' for name in MODELS)}"]
    for f in fields(Recipe):
        defaults = [str(getattr(m.recipe, f.name)) if uses(name, f.name) else "-" for name, m in MODELS.items()]
        lines.append(f"  {f.name:16} {''.join(f'{d.lower():15}' for d in defaults)}{f.metadata['meaning']}")
    return "\n".join(lines)


def parse_value(key: str, value: Any) -> Any:
    """The value of a Recipe field from text or TOML. Raises UsageError for an unknown key or an unfit value."""
    known = {f.name: f for f in fields(Recipe)}
    if key not in known:
        raise UsageError(f"--set {key}: no such field; {name_hint(key, known)} (bench run --set help lists all)")
    hint = known[key].type
    try:
        parsed = _convert(str(value), hint)
    except ValueError as err:
        raise UsageError(f"--set {key}={value}: must be {_type_words(hint)}") from err
    if key in CHOICES and parsed is not None and parsed not in CHOICES[key]:
        raise UsageError(f"--set {key}={value}: {name_hint(str(value), CHOICES[key])}")
    return parsed


def _type_words(hint: Any) -> str:
    kinds = get_args(hint) or (hint,)
    words = [TYPE_WORDS[kind] for kind in kinds if kind in (bool, int, float)]
    words += ["auto"] if str in kinds else []
    return " or ".join(words + (["none"] if type(None) in kinds else []))


def _convert(text: str, hint: Any) -> Any:
    kinds = get_args(hint) or (hint,)
    if type(None) in kinds and text.lower() == "none":
        return None
    if bool in kinds:
        if text.lower() not in ("true", "false"):
            raise ValueError("true or false")
        return text.lower() == "true"
    if text == "auto" and str in kinds:
        return text
    for kind in (int, float):
        if kind in kinds:
            return kind(text)
    return text


def make_recipe(model: str, values: Mapping[str, Any]) -> Recipe:
    """A model's recipe with those `values` that it uses. Raises UsageError for values out of range or in conflict."""
    recipe = replace(MODELS[model].recipe, **{k: v for k, v in values.items() if takes(model, k, v)})
    if recipe.head == "classifier" and not MODELS[model].pretrained:
        recipe = replace(recipe, head=None)
    auto = recipe.fixed_epochs is None
    recipe = replace(
        recipe,
        val_fraction=(VAL_FRACTION if auto else 0.0) if recipe.val_fraction is None else recipe.val_fraction,
        schedule=recipe.schedule or ("plateau" if auto else "cosine"),
    )
    for f in fields(Recipe):
        value, least, most = getattr(recipe, f.name), f.metadata["least"], f.metadata["most"]
        if value is None or isinstance(value, str):
            continue
        if most is not None and not least <= value <= most:
            raise UsageError(f"{f.name} must be from {least:g} to {most:g}, not {value}")
        if most is None and least is not None and value < least:
            raise UsageError(f"{f.name} must be at least {least}, not {value}")
    if MODELS[model].pretrained and recipe.weights is None:
        raise UsageError(f"weights=none: {model} needs pretrained weights; scratch-vgg starts from random values")
    if MODELS[model].pretrained and recipe.head is None:
        raise UsageError(f"head=none: {model} needs a new head; choose from {', '.join(CHOICES['head'])}")
    if recipe.views > 1 and recipe.augment == "none":
        raise UsageError(f"views={recipe.views}: several views need augment=flip, flip-rotate or crop")
    if model == "frozen-vgg" and recipe.views == 1 and recipe.augment != "none":
        raise UsageError(f"augment={recipe.augment}: frozen features are cached; add --set views=4 to augment them")
    if recipe.train_from not in (None, "block1") and recipe.augment != "none":
        raise UsageError(f"train_from={recipe.train_from}: earlier blocks are cached; add --set augment=none")
    if auto and not recipe.val_fraction:
        raise UsageError("val_fraction=0: epochs=auto stops by validation images; give --epochs N or a val_fraction")
    if auto and recipe.schedule == "cosine":
        raise UsageError("schedule=cosine: needs a known length; give --epochs N, or leave the schedule out")
    if recipe.min_steps > recipe.max_steps:
        raise UsageError(f"min_steps={recipe.min_steps}: must not be more than max_steps={recipe.max_steps}")
    if recipe.fixed_epochs is not None and recipe.freeze_epochs >= recipe.fixed_epochs:
        raise UsageError(f"freeze_epochs={recipe.freeze_epochs}: must be less than epochs={recipe.epochs}")
    return recipe
