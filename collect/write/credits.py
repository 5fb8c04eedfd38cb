"""CREDITS.md: who made the photos, under which licence, and what that allows."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from collect.files import atomic_write
from collect.manifest import Key, Row
from collect.terminal import printable
from collect.wording import counted

CREDITS = "CREDITS.md"
FLICKR_NOTICE = "This product uses the Flickr API but is not endorsed or certified by SmugMug, Inc."
MARKUP = re.compile(r"([\\`*_\[\]<>|&~$#])")  # what Markdown, HTML and GitHub's additions give a meaning
URL_SIGNS = ":/?#@!$&'*+,;=%~"

# Name, conditions and page of each licence code of `collect.datasets.LICENSES`; CC licences have a page per version.
LICENSE_FACTS: dict[str | None, tuple[str, str, str]] = {
    "by": ("CC BY", "credit the author", ""),
    "by-sa": ("CC BY-SA", "credit the author; share changed versions alike", ""),
    "by-nd": ("CC BY-ND", "credit the author; no changed versions may be passed on", ""),
    "by-nc": ("CC BY-NC", "credit the author; no commercial use", ""),
    "by-nc-sa": ("CC BY-NC-SA", "credit the author; no commercial use; share changed versions alike", ""),
    "by-nc-nd": ("CC BY-NC-ND", "credit the author; no commercial use; no changed versions may be passed on", ""),
    "cc0": ("CC0 (public domain dedication)", "none", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "pdm": ("Public Domain Mark", "none known", "https://creativecommons.org/publicdomain/mark/1.0/"),
    "nkc": ("No known copyright restrictions", "see the institution's page", "https://www.flickr.com/commons/usage/"),
    "usgov": ("United States Government Work", "none in the United States", "https://www.usa.gov/government-works"),
    "arr": ("All rights reserved", "ask the author", ""),
    None: ("Licence unknown", "ask whoever made the source", ""),
}


def license_warnings(rows: Iterable[Row]) -> list[str]:
    """What the mix of licences forbids, one line each."""
    codes = Counter(r.license for r in rows)
    lines = []
    if closed := codes["arr"]:
        lines.append(f"{counted(closed, 'photo')} with all rights reserved: do not pass the dataset on")
    if nd := sum(n for code, n in codes.items() if code in ("by-nd", "by-nc-nd")):
        lines.append(f"{counted(nd, 'photo')} without changed versions (ND): do not pass on cropped or resized copies")
    if nc := sum(n for code, n in codes.items() if code and "nc" in code.split("-")):
        lines.append(f"{counted(nc, 'photo')} without commercial use (NC)")
    if codes["by-sa"] and codes["by-nc-sa"]:
        lines.append("BY-SA and BY-NC-SA require different licences: no single licence fits a work made of both")
    return lines


def write_credits(folder: Path, rows: Sequence[Row], license_urls: Mapping[Key, str]) -> None:
    """Write `folder`/CREDITS.md, by licence. `license_urls` has the page of a photo's licence, by the row's key."""
    counts = Counter(r.license for r in rows)
    order = sorted(counts, key=lambda code: (-counts[code], code or ""))
    facts = {code: LICENSE_FACTS.get(code, (_escape(str(code)), "see its text", "")) for code in order}
    lines = [f"# Credits for {_escape(folder.name)}", "", "| Licence | Photos | Conditions |", "|---|---|---|"]
    lines += [f"| {name} | {counts[code]:,} | {conditions} |" for code, (name, conditions, _) in facts.items()]
    lines += [f"\nNote: {warning}." for warning in license_warnings(rows)]
    if any(r.source == "flickr" for r in rows):
        lines += ["", FLICKR_NOTICE]
    for code, (name, _, page) in facts.items():
        lines += ["", f"## {name}", ""]
        of_code = [r for r in rows if r.license == code]
        lines += [_credit(row, name, license_urls.get(row.key, page)) for row in of_code if _is_credited(row)]
        rest = Counter(r.source or "an unknown source" for r in of_code if not _is_credited(r))
        for source, number in sorted(rest.items()):
            lines.append(f"- {counted(number, 'image')} from {_escape(source)}, which names no author")
    with atomic_write(folder / CREDITS) as out:
        out.write("\n".join(lines) + "\n")


def _is_credited(row: Row) -> bool:
    return bool(row.page_url or row.owner_name or row.owner)


def _credit(row: Row, license_name: str, license_url: str) -> str:
    photo = _link(_escape(row.title or "Untitled"), row.page_url)
    owner = _escape(row.owner_name or row.owner or "unknown")
    return f"- {_code(row.file)}: {photo} by {owner}, {_link(license_name, license_url)}"


def _link(text: str, url: str | None) -> str:
    """Text that links to a web page; without a link if the address is none, such as `javascript:`."""
    return f"[{text}]({quote(url, URL_SIGNS, errors='replace')})" if url and re.match("https?://", url, re.I) else text


def _code(text: str) -> str:
    """Text in a code span of Markdown, whose fence is longer than any backticks in it."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{printable(text)}{pad}{fence}"


def _escape(text: str) -> str:
    """Text that stays literal in a line of Markdown."""
    return MARKUP.sub(r"\\\1", printable(" ".join(text.split())))
