"""The settings of a dataset in datasets.toml: flags for all models, and recipe values for a single one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import reduce
from operator import or_
from types import NoneType
from typing import Any, get_args

from bench.errors import UsageError, name_hint
from bench.plans import expand_recipes
from bench.recipes import FLAGS_OUTSIDE_RECIPE, MODELS, Recipe, uses
from collect.datasets import BENCH_FLAGS, Dataset, check_value, file_of

FIELDS = {f.name: f.type for f in fields(Recipe)}


@dataclass(frozen=True, slots=True)
class Settings:
    """`flags` holds flags of `bench run` and recipe values for all models, `by_model` recipe values for single ones."""

    flags: Mapping[str, Any] = field(default_factory=dict)
    by_model: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def dataset_settings(entry: Dataset) -> Settings:
    """The settings of a dataset. Raises UsageError that names file, table and key for those that no run could have."""
    where = f"{file_of(entry.name)}: [{entry.name}.bench"
    by_model = {key: value for key, value in entry.bench.items() if key in MODELS}
    given = {key: value for key, value in entry.bench.items() if key not in MODELS}
    values = given.pop("set", {})
    _check_known(values, f"{where}.set]")
    flags = {**given, **values}
    for model, table in by_model.items():
        _check_table(model, table, f"{where}.{model}]")
        _check_recipe(model, table, flags, where)
    return Settings(flags, by_model)


def _check_known(values: Mapping[str, Any], where: str) -> None:
    for key in values:
        if key not in FIELDS:
            raise UsageError(f'{where}: unknown key "{key}"; {name_hint(key, FIELDS)}')


def _check_table(model: str, table: Mapping[str, Any], where: str) -> None:
    """Names and types; collect has checked the types of those values that are also flags of `bench run`."""
    _check_known(table, where)
    for key, value in table.items():
        if not uses(model, key):
            raise UsageError(f'{where}: key "{key}" has no effect on {model}; leave it out')
        kinds = get_args(FIELDS[key]) or (FIELDS[key],)
        if key not in BENCH_FLAGS and not (value == "none" and NoneType in kinds):
            kind = reduce(or_, (k for k in kinds if k is not NoneType))
            check_value(value, kind, key, where, UsageError)


def _check_recipe(model: str, table: Mapping[str, Any], flags: Mapping[str, Any], where: str) -> None:
    """Ranges, choices and conflicts, with the dataset's flags for all models."""
    shared = {key: value for key, value in flags.items() if key not in FLAGS_OUTSIDE_RECIPE and key not in table}
    try:
        expand_recipes([model], {**shared, **table}, table)
    except UsageError as err:
        problem = re.sub("^--(set )?", "", str(err))
        key = re.split(r"\W", problem)[0]
        own = f".{model}" if key.replace("-", "_") in table else ""
        raise UsageError(f"{where}{own}]: {problem}") from err
