"""The comparison table, and the recipes where they differ."""

from typing import Any

from reports.columns import ACCURACIES, Column, cell, shown_columns
from reports.parts.part import Part
from reports.study import Comparison, Measures, all_measures, recipe_of
from reports.words import clean, listed, redact


def _line(row: Measures, tables: list[list[Column]], style: int | None) -> dict[str, Any]:
    """A row as shown; `cells` holds for each table (text, number to sort by) in the order of its columns."""
    origin = clean(row["weights"]) if row["weights"] else None
    cells = [[cell(c, row) for c in columns] for columns in tables]
    seeds = row["status"], float(row["seeds"])
    values = {"origin": origin, "style": style, "seeds": seeds, "cells": cells}
    return {key: row[key] for key in ("name", "note", "ties_best")} | values


def _recipes(comparison: Comparison) -> tuple[list[tuple[str, list[str]]], list[tuple[str, str]]]:
    """Recipe fields that differ between contenders, a value for each, and those that are the same for all."""
    runs = [c.group.example for c in comparison.contenders]
    values: list[dict[str, Any]] = [{"arch": r.model.arch, "head": r.model.head, **recipe_of(r)} for r in runs]
    differing, same = [], []
    for key in dict.fromkeys(k for v in values for k in v):
        shown = ["–" if v.get(key) is None else redact(v[key], 60) for v in values]
        if len(set(shown)) > 1:
            differing.append((redact(key, 40), shown))
        else:
            same.append((redact(key, 40), shown[0]))
    return differing, same


def part(comparison: Comparison) -> Part:
    """The measures of the contenders, and of every other group."""
    rows, contenders = all_measures(comparison), comparison.contenders
    shown = shown_columns(rows)
    tables = [[c for c in shown if (c.key in ACCURACIES) is is_accuracy] for is_accuracy in (True, False)]
    differing, same = _recipes(comparison)
    values: dict[str, Any] = {
        "names": [c.name for c in contenders],
        "tables": tables,
        "judged_by": "clean_accuracy" if comparison.clean_images else "accuracy",
        "lines": [_line(row, tables, c.style) for row, c in zip(rows, contenders, strict=False)],
        "other_lines": [_line(row, tables, None) for row in rows[len(contenders) :]],
        "tied": listed([c.name for c in comparison.tied]) if comparison.tied else "",
        "clean_images": comparison.clean_images,
        "few_clean": comparison.few_clean is not None,
        "differing": differing,
        "same": same,
    }
    return Part("table", "Comparison", "Comparison", values)
