"""CREDITS.md: who made the photos, under which licence, and what that allows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from collect.manifest import Row, atomic_write

CREDITS = "CREDITS.md"
FLICKR_NOTICE = "This product uses the Flickr API but is not endorsed or certified by SmugMug, Inc."

# Name and conditions of each licence code of `collect.datasets.LICENSES`.
LICENSE_NAMES = {
    "by": "CC BY",
    "by-sa": "CC BY-SA",
    "by-nd": "CC BY-ND",
    "by-nc": "CC BY-NC",
    "by-nc-sa": "CC BY-NC-SA",
    "by-nc-nd": "CC BY-NC-ND",
    "cc0": "CC0 (public domain dedication)",
    "pdm": "Public Domain Mark",
    "nkc": "No known copyright restrictions",
    "usgov": "United States Government Work",
    "arr": "All rights reserved",
    None: "Licence unknown",
}
LICENSE_PAGES = {
    "cc0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "pdm": "https://creativecommons.org/publicdomain/mark/1.0/",
    "nkc": "https://www.flickr.com/commons/usage/",
    "usgov": "https://www.usa.gov/government-works",
}
CONDITIONS = {
    "by": "credit the author",
    "by-sa": "credit the author; share changed versions alike",
    "by-nd": "credit the author; no changed versions may be passed on",
    "by-nc": "credit the author; no commercial use",
    "by-nc-sa": "credit the author; no commercial use; share changed versions alike",
    "by-nc-nd": "credit the author; no commercial use; no changed versions may be passed on",
    "cc0": "none",
    "pdm": "none known",
    "nkc": "see the institution's page",
    "usgov": "none in the United States",
    "arr": "ask the author",
    None: "ask whoever made the source",
}


def license_warnings(rows: Iterable[Row]) -> list[str]:
    """What the mix of licences forbids, one line each."""
    found = Counter(r.license for r in rows)
    lines = []
    if closed := found["arr"]:
        lines.append(f"{closed:,} photos are all rights reserved: the dataset must not be passed on")
    if nd := sum(n for code, n in found.items() if code in ("by-nd", "by-nc-nd")):
        lines.append(f"{nd:,} photos allow no changed versions (ND): pass on no cropped or resized copies of them")
    if nc := sum(n for code, n in found.items() if code and "nc" in code.split("-")):
        lines.append(f"{nc:,} photos allow no commercial use (NC)")
    if found["by-sa"] and found["by-nc-sa"]:
        lines.append("BY-SA and BY-NC-SA ask for different licences: no one licence fits a work made of both")
    return lines


def write_credits(folder: Path, name: str, rows: list[Row], license_urls: Mapping[tuple[str, str], str]) -> None:
    """Write `folder`/CREDITS.md, by licence. `license_urls` gives the licence's page by class and source id."""
    counts = Counter(r.license for r in rows)
    order = sorted(counts, key=lambda code: (-counts[code], code or ""))
    lines = [f"# Credits for {name}", ""]
    lines += ["| Licence | Photos | Conditions |", "|---|---|---|"]
    lines += [f"| {LICENSE_NAMES.get(c, c)} | {counts[c]:,} | {CONDITIONS.get(c, 'see its text')} |" for c in order]
    lines += [f"\nNote: {warning}." for warning in license_warnings(rows)]
    if any(r.source == "flickr" for r in rows):
        lines += ["", FLICKR_NOTICE]
    for code in order:
        lines += ["", f"## {LICENSE_NAMES.get(code, code)}", ""]
        of_code = [r for r in rows if r.license == code]
        for row in of_code:
            if _names_someone(row):
                url = license_urls.get((row.class_, row.source_id or "")) or LICENSE_PAGES.get(code or "")
                lines.append(_line(row, url))
        rest = Counter(r.source or "an unknown source" for r in of_code if not _names_someone(r))
        lines += [f"- {n:,} images from {source}, which names no author" for source, n in sorted(rest.items())]
    with atomic_write(folder / CREDITS) as out:
        out.write("\n".join(lines) + "\n")


def _names_someone(row: Row) -> bool:
    return bool(row.page_url or row.owner_name or row.owner)


def _line(row: Row, license_url: str | None) -> str:
    title = _escape(row.title or "Untitled")
    photo = f"[{title}]({row.page_url})" if row.page_url else title
    license_name = LICENSE_NAMES.get(row.license, row.license)
    license_link = f"[{license_name}]({license_url})" if license_url else license_name
    return f"- `{row.file}`: {photo} by {_escape(row.owner_name or row.owner or 'unknown')}, {license_link}"


def _escape(text: str) -> str:
    """Text that cannot break out of a line of Markdown."""
    for sign in "\\`*_[]<>|":
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())
