"""Matplotlib's SVG made fit for a page: no inline style (a strict CSP would drop it), small, themed, allow-listed."""

import io
import re
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib.figure import Figure

INK, PAPER, FAINT = "#000000", "#fefefe", "#010101"
"""Colours that the page replaces: text and axes, the page's own background, the grid."""

TAGS = {"svg", "g", "path", "use", "defs", "clipPath", "rect", "text", "image"}
ATTRIBUTES = {
    "d", "x", "y", "width", "height", "points", "transform", "viewBox", "id", "href", "class", "clip-path", "opacity",
    "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-dashoffset",
    "stroke-linecap", "stroke-linejoin", "font-size", "font-weight", "text-anchor",
}  # fmt: skip
SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
NUMBER = re.compile(r"-?\d+\.\d+")


def _styles(element: ElementTree.Element) -> None:
    """Turn `style=` into presentation attributes, which a CSP without inline style lets through."""
    for part in (element.attrib.pop("style", "")).split(";"):
        key, _, value = (s.strip() for s in part.partition(":"))
        if key == "font":
            element.set("font-size", value.split("px")[0].split()[-1])
            if "bold" in value or re.match(r"[67]00", value):
                element.set("font-weight", "600")
        elif key:
            element.set(key, value)


def _colours(element: ElementTree.Element) -> None:
    if element.get("stroke") == FAINT:
        element.set("stroke-opacity", "0.16")
    for key in ("fill", "stroke"):
        value = element.get(key)
        if value in (INK, FAINT):
            element.set(key, "currentColor")
        elif value == PAPER:
            element.attrib.pop(key)
            element.set("class", (element.get("class", "") + f" paper-{key}").strip())


def _walk(element: ElementTree.Element, prefix: str, used: set[str]) -> None:
    for child in list(element):
        tag = str(child.tag).removeprefix(SVG)
        if tag in ("metadata", "style", "title"):
            element.remove(child)
            continue
        if tag not in TAGS:
            raise ValueError(f"unexpected <{tag}> in a chart")
        _styles(child)
        _colours(child)
        for key in list(child.attrib):
            plain = key.removeprefix(XLINK)
            value = child.attrib.pop(key)
            if plain == "id" and value not in used:
                continue
            if plain == "href":
                if not value.startswith(("#", "data:image/png;base64,")):
                    raise ValueError(f"a chart refers to {value:.40}")
                value = f"#{prefix}{value[1:]}" if value[0] == "#" else value
            elif plain == "id":
                value = prefix + value
            elif plain == "clip-path":
                value = value.replace("url(#", f"url(#{prefix}")
            elif plain in ("d", "transform", "x", "y", "width", "height", "stroke-width", "stroke-dasharray"):
                value = NUMBER.sub(lambda m: f"{float(m[0]):.1f}".removesuffix(".0"), value).replace("\n", "")
            if plain in ATTRIBUTES:
                child.set(plain, value)
        if tag == "text" and child.get("fill") is None:
            child.set("fill", "currentColor")
        child.tag = tag
        _walk(child, prefix, used)
        if tag == "g" and not child.attrib:
            place = list(element).index(child)
            element[place : place + 1] = list(child)


def to_svg(figure: Figure, name: str) -> Markup:
    """The figure as `<svg>`, ids beginning with `name`; hidden from screen readers, for the page describes it."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(buffer.getvalue())
    used = set(re.findall(r"(?:url\(|href=\")#([\w.-]+)", buffer.getvalue()))
    _walk(root, f"{name}-", used)
    root.attrib = {"viewBox": root.get("viewBox", ""), "aria-hidden": "true", "stroke-linejoin": "round"}
    root.tag = "svg"
    text = ElementTree.tostring(root, encoding="unicode")
    return Markup(re.sub(r">\s+<", "><", text))
