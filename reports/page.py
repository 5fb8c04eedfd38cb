"""From results to pages: load, compare, judge, draw, write. Read `page` to see what a report is made of."""

import hashlib
import math
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

from bench.records import UsageError, atomic_write
from reports import charts, conditions, confusion, pictures, tables, trust
from reports.compare import Comparison, Pair, compare
from reports.history import changes
from reports.load import chosen, load
from reports.verdict import against, judge, pair_anchor
from reports.words import clean, duration, listed, percent, plural, signed, times

TEMPLATES = Path(__file__).parent / "templates"
MOST_BYTES = 2_000_000
SIDES = (96, 72, 48)
"""Photo sizes in pixels, tried in turn until a report is under MOST_BYTES."""
PARTS = {
    "verdict": "Verdict",
    "table": "Comparison",
    "curves": "Learning",
    "cost": "Cost",
    "learning": "How many photos",
    "pairs": "Side by side",
    "confusion": "Confusion",
    "trust": "Confidence",
    "images": "Photos",
    "inside": "Inside",
    "dataset": "Dataset",
    "fairness": "Fairness",
    "history": "History",
    "conditions": "Conditions",
}


def _source(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "'sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


@cache
def _csp(css: str, js: str) -> str:
    """The policy: nothing from anywhere but this file's own style, script and embedded pictures."""
    script = f"script-src {_hash(js)}; " if js else ""
    return f"default-src 'none'; {script}style-src {_hash(css)}; img-src data:; base-uri 'none'; form-action 'none'"


def render(template: str, **context: Any) -> str:
    """A page of a template with style, script and policy. Everything but our own SVG, style and script is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    css, js = _source("page.css"), _source("page.js") if context.get("charts_data") is not None else ""
    page = environment.get_template(template)
    return page.render(css=Markup(css), js=Markup(js), csp=_csp(css, js), **context)


def _finite(value: Any) -> Any:
    """JSON has no NaN: numbers that are none become null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _pair(comparison: Comparison, pair: Pair, found: pictures.Gallery) -> dict[str, Any]:
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


def _trust_rows(comparison: Comparison) -> list[tuple[str, list[str]]]:
    told = trust.told(comparison)
    classes = comparison.contenders[0].group.any.dataset.classes if told else []

    def cells(threshold: float, label: int | None = None) -> list[str]:
        made = []
        for _, answers in told:
            share, right = trust.accepted(answers, threshold, label)
            made.append(f"{percent(share, 0)} at {percent(right)}" if right is not None else "none")
        return made

    rows = [(f"{100 * t:.0f}%", cells(t)) for t in (0.5, 0.7, 0.9, 0.95, 0.99)]
    if len(classes) <= confusion.MOST_OPEN:
        rows += [(f"90%, {clean(name, 40)}", cells(0.9, k)) for k, name in enumerate(classes)]
    return rows


def _history(comparison: Comparison) -> list[dict[str, str]]:
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
                "before": f"{show(c.before)} ({clean(c.commit_before, 20)})",
                "after": f"{show(c.after)} ({clean(c.commit_after, 20)})",
                "runs": f"{c.runs_after} against {c.runs_before}",
            }
        )
    return rows


def _dataset(comparison: Comparison) -> dict[str, Any]:
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
    rows += [("Credits", "each photo's author and licence stand in the dataset's CREDITS.md")]
    rows += [("Photographers", f"{facts.owners:,}" if facts.owners else "not known")]
    if facts.pixels:
        rows.append(("Sides", f"{facts.pixels[0]:,} to {facts.pixels[-1]:,} px"))
    rows += [("Rejected", told(facts.rejected)), ("In train and test", plural(facts.leaks, "image"))]
    names = {"majority": "always the commonest class", "trivial": "size, colour, borders and file size only"}
    rows += [("Floor", ", ".join(f"{names.get(k, clean(k, 40))} {percent(v)}" for k, v in facts.floors.items()) or "–")]
    splits = list(facts.counts)
    counts = [(clean(c, 60), [facts.counts[s].get(c, 0) for s in splits]) for c in facts.classes]
    return {"counts": counts, "splits": [clean(s, 20) for s in splits], "facts": rows}


def _page(comparison: Comparison, drawn: dict[str, Any], side: int, shrunk: str) -> str:
    cs, left_out = comparison.contenders, [*comparison.study.left_out]
    album = pictures.Album(side, left_out)
    found, samples = pictures.gallery(comparison, album), pictures.class_samples(comparison, album)
    rows = tables.all_measures(comparison)
    shown = tables.columns(rows)
    per_class = confusion.per_class(comparison)
    differ, same = conditions.recipes(comparison)
    runs = [r for g in comparison.study.groups for r in (*g.runs, *g.lost)]
    context: dict[str, Any] = {
        **drawn,
        **_dataset(comparison),
        "title": clean(runs[0].dataset.name if runs else comparison.study.name),
        "classes": clean(listed([clean(c, 30) for c in runs[0].dataset.classes]) if runs else "", 160),
        "newest": clean(max(r.created for r in runs)[:10]) if runs else "",
        "weights": charts.weights_line(cs),
        "verdict": judge(comparison),
        "tied": listed([c.name for c in comparison.tied]) if comparison.tied else "",
        "names": [c.name for c in cs],
        "origins": {c.name: c.origin for c in cs},
        "columns": shown,
        "lines": tables.lines(comparison, rows, shown),
        "differ": differ,
        "same": same,
        "pairs": [_pair(comparison, p, found) for p in comparison.pairs.values()],
        "seeds_many": any(len(c.by_seed) > 1 for c in cs),
        "matrices": confusion.matrices(comparison),
        "many": bool(cs) and len(cs[0].group.any.dataset.classes) > confusion.MOST_OPEN,
        "per_class": per_class[: confusion.MOST_OPEN],
        "classes_hidden": max(0, len(per_class) - confusion.MOST_OPEN),
        "accept": _trust_rows(comparison) if drawn["trust"] else [],
        "trust_names": [c.name for c, _ in trust.told(comparison)],
        "gallery": found,
        "first_seed": next((c.answers.seeds[0] for c in cs if c.answers), 0),
        "class_samples": samples,
        "checks": conditions.fairness(comparison),
        "history": _history(comparison),
        "device": conditions.device(cs[0].group.any) if cs else [],
        "left_out": [conditions.redact(text, 400) for text in sorted(set(left_out))],
        "receipts": conditions.receipts(comparison),
        "results_data": [{k: _finite(v) for k, v in row.items()} for row in rows],
        "shrunk": shrunk,
    }
    there = {"verdict", "table", "dataset", "history", "conditions"} | {
        k for k in ("cost", "pairs", "trust") if context[k]
    }
    there |= {"curves"} if context["learning"] else set()
    there |= {"learning"} if context["images_chart"] else set()
    there |= {"confusion"} if context["matrices"] else set()
    there |= {"images"} if found.samples or found.worst else set()
    there |= {"inside"} if found.activations or found.filters else set()
    there |= {"fairness"} if context["checks"] else set()
    return render("report.html.j2", parts=[(k, v) for k, v in PARTS.items() if k in there], **context)


def page(comparison: Comparison) -> str:
    """The report of a comparison as one HTML document; photos shrink until it is under MOST_BYTES."""
    learning, more = charts.learning_charts(comparison) if comparison.contenders else ([], [])
    cost = charts.cost_charts(comparison) if comparison.contenders else []
    hero = cost[0] if cost and cost[0].id == "accuracy-by-seconds" else None
    drawn: dict[str, Any] = {
        "learning": learning,
        "more_learning": more,
        "cost": cost[1:] if hero else cost,
        "hero": hero,
        "images_chart": charts.images_chart(comparison),
        "trust": charts.trust_charts(comparison),
    }
    single = [chart for chart in (drawn["images_chart"],) if chart]
    every = [*learning, *more, *cost, *drawn["trust"], *single]
    drawn["charts_data"] = {chart.id: chart.data for chart in every}
    text = ""
    for side in SIDES:
        shrunk = f"Photos are {side} pixels wide to keep this file small." if side != SIDES[0] else ""
        text = _page(comparison, drawn, side, shrunk)
        if len(text.encode()) <= MOST_BYTES:
            break
    return text


def _write(path: Path, text: str) -> Path:
    with atomic_write(path) as out:
        out.write(text)
    return path


def build(results: Path, dataset: str | None = None, out: Path | None = None) -> list[Path]:
    """Write the report of one dataset, or of every one below `results` with an index when there are several.

    Gives the paths written, the index first. `out` is for a single report. Raises UsageError and RecordError.
    """
    results = Path(results)
    names = chosen(results, dataset)
    if out is not None and len(names) > 1:
        raise UsageError(f"--out names one file, but {results} holds {len(names)} datasets; add --dataset NAME")
    written, summaries = [], []
    for name in names:
        comparison = compare(load(results, name))
        path = _write(out or results / name / "report.html", page(comparison))
        written.append(path)
        summaries.append((name, comparison))
    if len(names) > 1:
        written.insert(0, _write(results / "index.html", _index(summaries)))
    return written


def _index(summaries: list[tuple[str, Comparison]]) -> str:
    from urllib.parse import quote

    cards = []
    for name, comparison in summaries:
        rows = [(c.name, c.style, c.origin, percent(c.accuracy), c in comparison.tied) for c in comparison.contenders]
        cards.append(
            {
                "name": clean(name, 100),
                "href": f"{quote(name)}/report.html",
                "title": judge(comparison).title,
                "rows": rows,
                "line": tables.summary_line(comparison),
            }
        )
    return render("index.html.j2", cards=cards)
