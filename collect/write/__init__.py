"""collect.write."""

from collect.write.credits import license_warnings
from collect.write.images import DATASET_FILE, Collected, describe, name_files, read_dataset, remove_files, write_images
from collect.write.recipe import remember_recipe
from collect.write.shortfall import check_classes, shortfall
from collect.write.summary import Summary, as_lines, as_values, duplicate_notes, summarise

__all__ = [
    "DATASET_FILE",
    "Collected",
    "Summary",
    "as_lines",
    "as_values",
    "check_classes",
    "describe",
    "duplicate_notes",
    "license_warnings",
    "name_files",
    "read_dataset",
    "remember_recipe",
    "remove_files",
    "shortfall",
    "summarise",
    "write_images",
]
