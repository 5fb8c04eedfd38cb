"""The dataset: counts, sources, licences, duplicates removed, floors, samples."""

from typing import Any

from bench.records import DatasetFacts
from reports.parts.part import Part
from reports.study import Comparison
from reports.words import clean, listed, percent, plural

COPIES = {
    "exact-duplicate": ("exact duplicate", None),
    "near-duplicate": ("near duplicate", None),
    "bridges-split": ("image that belongs to both splits", "images that belong to both splits"),
}
"""Codes of collect for images removed because they could have leaked from train to test, in words."""
FLOORS = {
    "majority": "always predicting the most common class",
    "trivial": "a rule on size, colour, borders and file size alone",
}


def floor_texts(facts: DatasetFacts) -> list[tuple[str, str]]:
    """(rule, accuracy) of the trivial rules."""
    return [(FLOORS.get(key, clean(key, 40)), percent(share)) for key, share in facts.floors.items()]


def _counts(numbers: dict[str, int]) -> str:
    parts = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{clean(name, 60)} {n:,}" for name, n in parts) or "none"


def _leaks_removed(rejected: dict[str, int]) -> str:
    """What collect removed so that no image is in both splits."""
    copies = [plural(rejected[code], *words) for code, words in COPIES.items() if rejected.get(code)]
    return f"{listed(copies)} removed, so that none is in both splits" if copies else "none; there was no duplicate"


def _leaks_left(facts: DatasetFacts) -> str:
    near = f", {plural(len(facts.nearly_leaked), 'near duplicate')}" if facts.nearly_leaked else ""
    return f"{plural(facts.leaks, 'image')} with the same bytes{near}"


def _fact_rows(facts: DatasetFacts) -> list[tuple[str, str]]:
    rows = [("Sources", _counts(facts.sources)), ("Licences", _counts(facts.licenses))]
    if set(facts.licenses) - {"unknown"}:
        rows.append(("Credits", "CREDITS.md of the dataset lists the author and licence of each image"))
    rows.append(("Photographers", f"{facts.owners:,}" if facts.owners else "not known"))
    if facts.pixels:
        rows.append(("Sides", f"{facts.pixels[0]:,} to {facts.pixels[-1]:,} px"))
    floors = ", ".join(f"{rule} {accuracy}" for rule, accuracy in floor_texts(facts))
    return [
        *rows,
        ("Rejected", _counts(facts.rejected)),
        ("Leaks removed", _leaks_removed(facts.rejected)),
        ("In train and test", _leaks_left(facts)),
        ("Floor", floors or "–"),
    ]


def part(comparison: Comparison) -> Part:
    """What is stored about the dataset; without stored facts, what the runs know."""
    run, facts = comparison.run, comparison.facts
    rows: list[tuple[str, str]] = []
    if run:
        rows = [
            ("Manifest", run.dataset.manifest_sha256[:12]),
            ("Classes", plural(len(run.dataset.classes), "class", "classes")),
            ("Used", f"{run.dataset.train:,} for training, {run.dataset.test:,} for testing"),
        ]
        rows += _fact_rows(facts) if facts else [("Facts", "none stored beside these runs")]
    splits = list(facts.counts) if facts else []
    values: dict[str, Any] = {
        "facts": rows,
        "splits": [clean(s, 20) for s in splits],
        "counts": [(clean(c, 60), [facts.counts[s].get(c, 0) for s in splits]) for c in facts.classes] if facts else [],
        "samples": comparison.gallery.by_class,
    }
    about = "counts, sources, licences, duplicates and sample images"
    return Part("dataset", "Dataset", "The dataset", values, about=about)
