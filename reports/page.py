"""From results to pages: load, compare, parts, file. All but our own SVG, style and script is escaped."""

import hashlib
import os
from base64 import b64encode
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.records import UsageError, atomic_write
from reports.export import summary_line
from reports.parts import FOLDED, PARTS, Part, verdict_title, would_change
from reports.study import Comparison, all_measures, compare_study, load_study, select_datasets, weights_line
from reports.words import clean, listed, percent

TEMPLATES = Path(__file__).parent / "templates"
JINJA = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
MOST_BYTES = 2_000_000
PHOTO_SIDES = (96, 72, 48)  # in pixels, tried in turn until a report is under MOST_BYTES


def page(comparison: Comparison) -> str:
    """The report of a comparison as one HTML document; photos shrink until it is under MOST_BYTES."""
    rows = [(p, part in FOLDED) for part in PARTS if (p := part(comparison))]
    parts = [p for p, _ in rows]
    runs = [r for g in comparison.study.groups for r in (*g.runs, *g.unfinished)]
    values: dict[str, object] = {
        "dataset": clean(runs[0].dataset.name if runs else comparison.study.name),
        "classes": clean(listed([clean(c, 30) for c in runs[0].dataset.classes]), 160) if runs else "",
        "newest": clean(max(r.created for r in runs)[:10]) if runs else "",
        "title": verdict_title(comparison),
        "weights": weights_line(comparison.contenders),
        "charts_data": {chart.id: chart.data for part in parts for chart in part.charts},
        "results_data": all_measures(comparison),
        "folded": [p.id for p, is_folded in rows if is_folded],
    }
    text = ""
    for side in PHOTO_SIDES:
        shrunk_to = side if side != PHOTO_SIDES[0] else None
        sections = _render_parts(parts, side)
        text = _render_page("report.html.j2", has_script=True, sections=sections, shrunk_to=shrunk_to, **values)
        if len(text.encode()) <= MOST_BYTES:
            break
    return text


def build(results: Path, dataset: str | None = None, out: Path | None = None) -> list[Path]:
    """Write the report of one dataset, or of all below `results` and their index; returns the paths, the index first.

    `out` is for a single report. Raises UsageError and RecordError.
    """
    results = Path(results)
    names = select_datasets(results, dataset)
    if out is not None and len(names) > 1:
        raise UsageError(f"--out names one file, but {results} holds {len(names)} datasets; add --dataset NAME")
    paths, cards = [], []
    for name in names:
        comparison = compare_study(load_study(results, name))
        paths.append(_write(out or results / name / "report.html", page(comparison)))
        card = {
            "name": clean(name, 100),
            "href": f"{quote(os.fsencode(name))}/report.html",
            "title": verdict_title(comparison),
        }
        accuracies = [(c, percent(c.accuracy), c in comparison.tied) for c in comparison.contenders]
        cards.append(card | {"rows": accuracies, "line": summary_line(comparison)})
    if len(names) > 1:
        paths.insert(0, _write(results / "index.html", _render_page("index.html.j2", has_script=False, cards=cards)))
    return paths


def read_verdict(results: Path, dataset: str) -> tuple[list[str], Path | None]:
    """The title of a dataset's report and the next step that it advises, as plain text, and the folder of a run of the
    model that the title recommends, None if it recommends none. Raises UsageError.
    """
    comparison = compare_study(load_study(Path(results), *select_datasets(Path(results), dataset)))
    lines = [verdict_title(comparison), *would_change(comparison)[:1]]
    choice = comparison.decision.choice
    folder = choice.group.folders[choice.group.example.run] if choice else None
    return [line.replace("\u00a0", " ") for line in lines], folder


def _write(path: Path, text: str) -> Path:
    with atomic_write(path) as out:
        out.write(text)
    return path


def _hash(text: str) -> str:
    return "'sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _policy(css: str, js: str) -> str:
    """The content security policy: only this file's own style, script and embedded pictures."""
    script = f"script-src {_hash(js)}; " if js else ""
    return f"default-src 'none'; {script}style-src {_hash(css)}; img-src data:; base-uri 'none'; form-action 'none'"


def _render_parts(parts: list[Part], photo_side: int) -> list[tuple[Part, Markup]]:
    """The parts with their HTML, photos at most `photo_side` pixels wide."""
    embedded = cache(lambda photo: photo.embedded(photo_side))
    templates = [JINJA.get_template(f"parts/{p.id}.html.j2") for p in parts]
    return [(p, Markup(t.render(**p.values, embedded=embedded))) for p, t in zip(parts, templates, strict=True)]


def _render_page(template: str, has_script: bool, **values: object) -> str:
    """A page with its style, policy and, if it has charts, its script."""
    css = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    js = (TEMPLATES / "page.js").read_text(encoding="utf-8") if has_script else ""
    return JINJA.get_template(template).render(css=Markup(css), js=Markup(js), csp=_policy(css, js), **values)
