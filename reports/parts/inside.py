"""Filters and activations of the networks."""

from reports.parts.part import Part
from reports.study import Comparison, ReportPhoto
from reports.words import clean


def part(comparison: Comparison) -> Part | None:
    """The sheets of each contender; None without any."""
    rows = []
    for c in comparison.contenders:
        sheets: dict[str, list[tuple[ReportPhoto, str]]] = {"filters": [], "activation": []}
        for picture in comparison.gallery.by_contender[c.name]:
            if picture.entry.kind in sheets:
                sheets[picture.entry.kind].append((picture.photo, clean(picture.entry.layer or "", 60)))
        if any(sheets.values()):
            rows.append((c.name, c.group.origin, sheets))
    about = "filters and activations"
    return Part("inside", "Inside", "Inside the networks", {"rows": rows}, about=about) if rows else None
