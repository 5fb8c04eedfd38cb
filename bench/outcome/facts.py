"""The facts of a dataset for readers of its results: counts, licences, leaks, samples, trivial accuracies."""

from collections import Counter
from pathlib import Path

from PIL import Image

from bench.data import Source, image_errors, split_of
from bench.outcome.floors import trivial_accuracies
from bench.outcome.pictures import save_thumbnail
from bench.records import DatasetFacts, Picture, facts_folder, read_facts, write_facts
from collect.manifest import read_rejected

SAMPLES_PER_CLASS = 6


def keep_facts(source: Source, results: Path) -> DatasetFacts:
    """The facts of a dataset's present state, written below `results` unless they are already there.

    Raises VggbenchError that names an image that cannot be read.
    """
    folder = facts_folder(results, source.name, source.sha256)
    if known := read_facts(folder):
        return known
    rows = source.rows
    counts: dict[str, Counter[str]] = {"train": Counter(), "test": Counter()}
    for row in rows:
        counts[split_of(row)][row.class_] += 1
    train_hashes = {r.sha256 for r in rows if split_of(r) == "train"}
    sides = [side for r in rows if r.width and r.height for side in (r.width, r.height)]
    facts = DatasetFacts(
        name=source.name,
        manifest_sha256=source.sha256,
        classes=list(source.classes),
        counts={split: dict(by_class) for split, by_class in counts.items()},
        sources=dict(Counter(r.source or "folder" for r in rows).most_common()),
        licenses=dict(Counter(r.license or "unknown" for r in rows).most_common()),
        owners=len({r.owner for r in rows if r.owner}) or None,
        pixels=[min(sides), max(sides)] if sides else None,
        rejected=dict(Counter(r.reason for r in read_rejected(source.folder)).most_common()),
        leaks=sum(split_of(r) == "test" and r.sha256 in train_hashes for r in rows),
        floors=trivial_accuracies(source),
        samples=_write_samples(source, folder),
    )
    write_facts(folder, facts)
    return facts


def _write_samples(source: Source, folder: Path) -> list[Picture]:
    """Thumbnails of a few images of each class, spread over its rows."""
    samples = []
    for number, name in enumerate(source.classes):
        members = [r for r in source.rows if r.class_ == name]
        for place, row in enumerate(members[:: max(1, len(members) // SAMPLES_PER_CLASS)][:SAMPLES_PER_CLASS]):
            picture, path = f"{number:03}_{place}.webp", source.folder / row.file
            with image_errors(path), Image.open(path) as image:
                save_thumbnail(image, folder / picture)
            samples.append(Picture("sample", picture, row.file, name))
    return samples
