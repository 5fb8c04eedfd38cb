"""Which images a run trains on and which it is measured on."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from bench.data.source import Source, split_of
from bench.data.validation import carve_validation
from bench.errors import UsageError
from bench.recipes import Recipe
from collect.manifest import Row

_IMAGENET_TRAIN, _IMAGENET_VAL = re.compile(r"n\d{8}_\d+\."), re.compile(r"ILSVRC2012_val_\d+\.")


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of a source to train on, to stop by, to measure on, and (`extra`) to measure on separately as no pretraining
    saw them.

    `clean` covers `test`, then `extra`: True if the image is known to be unseen in pretraining, None if unknown.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    extra: tuple[int, ...]
    clean: tuple[bool | None, ...]


def in_imagenet_train(row: Row) -> bool | None:
    """Whether an image's name says that it is in ImageNet's training set; None if the name does not say."""
    name = Path(row.source_id or row.file).name
    return False if _IMAGENET_VAL.match(name) else True if _IMAGENET_TRAIN.match(name) else None


def read_overlap_list(recipe: Recipe) -> frozenset[str]:
    """The SHA-256 sums in the recipe's `overlap_list`, one per line. Raises UsageError if it cannot be read."""
    if recipe.overlap_list is None:
        return frozenset()
    try:
        lines = Path(recipe.overlap_list).expanduser().read_text(encoding="utf-8").split()
    except (OSError, ValueError, RuntimeError) as err:  # also for the home of an unknown user, and NUL in a path
        raise UsageError(f"overlap_list={recipe.overlap_list}: cannot be read ({err})") from err
    sums = frozenset(line.lower() for line in lines if re.fullmatch(r"[0-9a-fA-F]{64}", line))
    if not sums:
        raise UsageError(f"overlap_list={recipe.overlap_list}: has no SHA-256 sums; it needs one of 64 digits per line")
    return sums


def select_images(source: Source, recipe: Recipe, seed: int, pretrained_on: frozenset[str] = frozenset()) -> Selection:
    """Choose images by recipe; `pretrained_on` holds SHA-256 sums. Subsets are nested: 50 per class are among 100 per
    class of the same seed. Raises UsageError if a class has too few images.
    """
    rows = source.rows
    test = [i for i, r in enumerate(rows) if split_of(r) == "test"]
    extra: list[int] = []
    by_class: dict[str, list[int]] = {name: [] for name in source.classes}
    for i, row in enumerate(rows):
        if split_of(row) == "train":
            held_out = recipe.holdout_clean and in_imagenet_train(row) is False
            (extra if held_out else by_class[row.class_]).append(i)
    if recipe.holdout_clean and not extra:
        raise UsageError("holdout_clean: no train image's name says that it is from ImageNet's validation set")
    chosen: list[int] = []
    for name, members in by_class.items():
        members.sort(key=lambda i: _rank(rows[i], seed))
        if recipe.train_images is not None and recipe.train_images > len(members):
            raise UsageError(
                f"--train-images {recipe.train_images}: class {name!r} has only {len(members)} to train on"
            )
        chosen += members[: recipe.train_images]
    validation = carve_validation(source, chosen, recipe.val_fraction or 0.0, seed)
    train = set(chosen) - validation
    clean = tuple(_is_clean(rows[i], pretrained_on) for i in (*test, *extra))
    return Selection(tuple(sorted(train)), tuple(sorted(validation)), tuple(test), tuple(extra), clean)


def _rank(row: Row, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{row.sha256}:{row.file}".encode()).hexdigest()


def _is_clean(row: Row, pretrained_on: frozenset[str]) -> bool | None:
    if row.sha256 in pretrained_on or row.source_sha256 in pretrained_on:
        return False
    by_name = in_imagenet_train(row)
    return (True if pretrained_on else None) if by_name is None else not by_name
