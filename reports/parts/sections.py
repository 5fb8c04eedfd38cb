"""Parts of the page as plain values for its template: pairs, confidence, history, dataset."""

from typing import Any

from reports.parts import confusion, pictures, trust
from reports.parts.verdict import against, pair_anchor
from reports.study import Comparison, Pair, changes, within
from reports.words import clean, duration, listed, percent, plural, signed, times

FEWEST = 10
"""Answers below which a share right says nothing."""
COPIES = {
    "exact-duplicate": ("exact duplicate", None),
    "near-duplicate": ("near duplicate", None),
    "bridges-split": ("image that belongs to both sides", "images that belong to both sides"),
}
"""Reasons of collect for dropping what could have leaked, in words."""


def pair_part(comparison: Comparison, pair: Pair, found: pictures.Gallery) -> dict[str, Any]:
    """Two contenders against each other: differences, their doubts, and the images on which they part."""
    fixed, broken = pictures.flips(found, comparison, pair)
    index = {c.name: i for i, c in enumerate(comparison.contenders)}
    low, high = pair.images
    ratio = pair.b.group.training_seconds / max(pair.a.group.training_seconds, 1e-9)
    factor = times(ratio) if ratio >= 0.95 else f"1/{1 / ratio:.1f}"
    return {
        "id": pair_anchor(pair.a, pair.b),
        "a_index": index[pair.b.name],
        "b_index": index[pair.a.name],
        "b_name": pair.b.name,
        "sentence": against(comparison, pair.a, pair.b),
        "difference": signed(pair.difference),
        "seeds": f"{signed(pair.seeds[0])} to {signed(pair.seeds[1])}" if pair.seeds else None,
        "seed_count": pair.seed_count,
        "images": f"{signed(low)} to {signed(high)}",
        "images_how": "paired, image by image" if pair.raw_p is not None else "Newcombe, unpaired",
        "p": None if pair.p is None else "p < 0.001" if pair.p < 0.001 else f"p = {pair.p:.3f}",
        "fixed": len(pair.fixed),
        "broken": len(pair.broken),
        "time": f"{duration(pair.a.group.training_seconds)} and {duration(pair.b.group.training_seconds)} ({factor})",
        "fixed_shots": fixed,
        "broken_shots": broken,
    }


def equal_time(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """For the training time of each contender, shortest first, what every contender had reached by then."""
    if len(comparison.contenders) < 2:
        return []
    rows: list[tuple[str, list[str]]] = []
    last = 0.0
    for c in sorted(comparison.contenders, key=lambda c: c.group.training_seconds):
        if c.group.training_seconds < 1.1 * last:
            continue
        last = c.group.training_seconds
        # A seed may take a little longer than the mean of its group.
        seconds = 1.1 * c.group.training_seconds
        reached = [within(other.group, seconds) for other in comparison.contenders]
        cells = [percent(r) if r is not None else "no epoch yet" for r in reached]
        rows.append((f"{duration(c.group.training_seconds)}, what {c.name} took", cells))
    return rows if len(rows) > 1 else []


def trust_rows(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """(confidence, a cell per contender): share answered from there on and share of those right, by class last."""
    told = trust.told(comparison)
    classes = comparison.contenders[0].group.any.dataset.classes if told else []

    def cells(threshold: float, label: int | None = None) -> list[str]:
        made = []
        for _, answers in told:
            share, right, number = trust.accepted(answers, threshold, label)
            few = "none" if number == 0 else f"only {number}"
            made.append(f"{percent(share, 0)} at {percent(right)}" if number >= FEWEST else few)
        return made

    rows = [(f"{100 * t:.0f}%", cells(t)) for t in (0.5, 0.7, 0.9, 0.95, 0.99)]
    if len(classes) <= confusion.MOST_OPEN:
        rows += [(f"90%, {clean(name, 40)}", cells(0.9, k)) for k, name in enumerate(classes)]
    return rows


def history_rows(comparison: Comparison) -> list[dict[str, str]]:
    """The changes against earlier runs as rows of a table."""
    rows = []
    for c in changes(comparison.study):
        show = duration if c.kind in ("slower", "faster") else percent
        what = {"slower": "slower per epoch", "faster": "faster per epoch"}.get(c.kind, c.kind)
        names = {id(x.group): x.name for x in comparison.contenders}
        run = c.group.any
        rows.append(
            {
                "name": names.get(id(c.group), f"{clean(run.model.name, 60)}, {clean(run.model.arch, 40)}"),
                "kind": what,
                "level": "unfair" if c.kind in ("worse", "slower") else "ok",
                "before": f"{show(c.before)} ({clean(c.commit_before, 20)})",
                "after": f"{show(c.after)} ({clean(c.commit_after, 20)})",
                "runs": f"{c.runs_after} against {c.runs_before}",
            }
        )
    return rows


def _leaks_removed(rejected: dict[str, int]) -> str:
    """What was dropped lest it stand on both sides of the split."""
    told = [plural(rejected[reason], *words) for reason, words in COPIES.items() if rejected.get(reason)]
    return f"{listed(told)} dropped, so that none stands on both sides" if told else "none; no duplicate was dropped"


def dataset_part(comparison: Comparison) -> dict[str, Any]:
    """What the dataset part shows; without stored facts, what the runs know."""
    groups = comparison.study.groups
    if not groups:
        return {"counts": [], "splits": [], "facts": []}
    run = (comparison.contenders[0].group if comparison.contenders else groups[0]).any
    found = comparison.study.facts.get(run.dataset.manifest_sha256)
    rows = [
        ("Manifest", run.dataset.manifest_sha256[:12]),
        ("Classes", plural(len(run.dataset.classes), "class", "classes")),
    ]
    rows += [("Used", f"{run.dataset.train:,} for training, {run.dataset.test:,} for testing")]
    if not found:
        return {"counts": [], "splits": [], "facts": [*rows, ("Facts", "none stored beside these runs")]}
    facts = found[0]

    def told(numbers: dict[str, int]) -> str:
        parts = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(f"{clean(name, 60)} {n:,}" for name, n in parts) or "none"

    rows += [("Sources", told(facts.sources)), ("Licences", told(facts.licenses))]
    if set(facts.licenses) - {"unknown"}:
        rows.append(("Credits", "each image's author and licence stand in CREDITS.md of the dataset"))
    rows += [("Photographers", f"{facts.owners:,}" if facts.owners else "not known")]
    if facts.pixels:
        rows.append(("Sides", f"{facts.pixels[0]:,} to {facts.pixels[-1]:,} px"))
    rows += [("Rejected", told(facts.rejected)), ("Leaks removed", _leaks_removed(facts.rejected))]
    rows += [("In train and test", f"{plural(facts.leaks, 'image')} with the same bytes")]
    names = {"majority": "always the commonest class", "trivial": "size, colour, borders and file size only"}
    rows += [("Floor", ", ".join(f"{names.get(k, clean(k, 40))} {percent(v)}" for k, v in facts.floors.items()) or "–")]
    splits = list(facts.counts)
    counts = [(clean(c, 60), [facts.counts[s].get(c, 0) for s in splits]) for c in facts.classes]
    return {"counts": counts, "splits": [clean(s, 20) for s in splits], "facts": rows}
