"""From results to pages: load, compare, judge, draw, write. Read `page` to see what a report is made of."""

import hashlib
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

from bench.records import UsageError, atomic_write
from reports.charts import select as charts
from reports.parts import conditions, confusion, judge, pictures, sections, tables, trust
from reports.study import Comparison, chosen, compare, load
from reports.words import clean, listed, percent

TEMPLATES = Path(__file__).parent / "templates"
MOST_BYTES = 2_000_000
SIDES = (96, 72, 48)
"""Photo sizes in pixels, tried in turn until a report is under MOST_BYTES."""
PARTS = {
    "verdict": "Verdict",
    "table": "Comparison",
    "curves": "Learning",
    "cost": "Cost",
    "learning": "How many images",
    "pairs": "Side by side",
    "confusion": "Confusion",
    "trust": "Confidence",
    "images": "Images",
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


def _page(comparison: Comparison, drawn: dict[str, Any], side: int, shrunk: str) -> str:
    cs, left_out = comparison.contenders, [*comparison.study.left_out]
    album = pictures.Album(side, left_out)
    found, samples = pictures.gallery(comparison, album), pictures.class_samples(comparison, album)
    rows = tables.all_measures(comparison)
    shown = tables.columns(rows)
    keys = [c.key for c in shown]
    judged = next((k for k in ("clean_accuracy", "accuracy")[not comparison.clean_images :] if k in keys), None)
    per_class = confusion.per_class(comparison)
    differ, same = conditions.recipes(comparison)
    runs = [r for g in comparison.study.groups for r in (*g.runs, *g.lost)]
    context: dict[str, Any] = {
        **drawn,
        **sections.dataset_part(comparison),
        "title": clean(runs[0].dataset.name if runs else comparison.study.name),
        "classes": clean(listed([clean(c, 30) for c in runs[0].dataset.classes]) if runs else "", 160),
        "newest": clean(max(r.created for r in runs)[:10]) if runs else "",
        "weights": charts.weights_line(cs),
        "verdict": judge(comparison),
        "clean_images": comparison.clean_images,
        "tied": listed([c.name for c in comparison.tied]) if comparison.tied else "",
        "names": [c.name for c in cs],
        "origins": {c.name: c.origin for c in cs},
        "columns": shown,
        "judged": 1 + keys.index(judged) if judged else None,
        "lines": tables.lines(comparison, rows, shown),
        "differ": differ,
        "same": same,
        "pairs": [sections.pair_part(comparison, p, found) for p in comparison.pairs.values()],
        "seeds_many": any(len(c.by_seed) > 1 for c in cs),
        "equal_time": sections.equal_time(comparison),
        "matrices": confusion.matrices(comparison),
        "many": bool(cs) and len(cs[0].group.any.dataset.classes) > confusion.MOST_OPEN,
        "per_class": per_class[: confusion.MOST_OPEN],
        "classes_hidden": max(0, len(per_class) - confusion.MOST_OPEN),
        "accept": sections.trust_rows(comparison) if drawn["trust"] else [],
        "trust_names": [c.name for c, _ in trust.told(comparison)],
        "gallery": found,
        "first_seed": next((c.answers.seeds[0] for c in cs if c.answers), 0),
        "class_samples": samples,
        "checks": conditions.fairness(comparison),
        "history": sections.history_rows(comparison),
        "device": conditions.device(cs[0].group.any) if cs else [],
        "left_out": [conditions.redact(text, 400) for text in sorted(set(left_out))],
        "receipts": conditions.receipts(comparison),
        "results_data": rows,
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
