"""Templates into sealed pages: everything but our own SVG, style and script is escaped, nothing is fetched."""

import hashlib
from base64 import b64encode
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.parts import Part

TEMPLATES = Path(__file__).parent / "templates"


def _source(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "'sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _policy(css: str, js: str) -> str:
    """The content security policy: only this file's own style, script and embedded pictures."""
    script = f"script-src {_hash(js)}; " if js else ""
    return f"default-src 'none'; {script}style-src {_hash(css)}; img-src data:; base-uri 'none'; form-action 'none'"


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(TEMPLATES)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def render_parts(parts: list[Part], photo_side: int) -> list[tuple[Part, Markup]]:
    """The parts with their HTML, photos at most `photo_side` pixels wide."""
    embedded = cache(lambda photo: photo.embedded(photo_side))
    environment = _environment()
    return [(p, Markup(environment.get_template(p.template).render(**p.values, embedded=embedded))) for p in parts]


def render_page(template: str, has_script: bool, **values: object) -> str:
    """A page with its style, policy and, if it has charts, its script."""
    css, js = _source("page.css"), _source("page.js") if has_script else ""
    page = _environment().get_template(template)
    return page.render(css=Markup(css), js=Markup(js), csp=_policy(css, js), **values)
