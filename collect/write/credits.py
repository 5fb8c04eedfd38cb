"""CREDITS.md: who made the photos, under which licence, and what that allows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from collect.files import atomic_write
from collect.manifest import Key, Row
from collect.wording import counted

CREDITS = "CREDITS.md"
FLICKR_NOTICE = "This product uses the Flickr API but is not endorsed or certified by SmugMug, Inc."

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
    facts = {code: LICENSE_FACTS.get(code, (str(code), "see its text", "")) for code in order}
    lines = [f"# Credits for {folder.name}", "", "| Licence | Photos | Conditions |", "|---|---|---|"]
    lines += [f"| {name} | {counts[code]:,} | {conditions} |" for code, (name, conditions, _) in facts.items()]
    lines += [f"\nNote: {warning}." for warning in license_warnings(rows)]
    if any(r.source == "flickr" for r in rows):
        lines += ["", FLICKR_NOTICE]
    for code, (name, _, page) in facts.items():
        lines += ["", f"## {name}", ""]
        of_code = [r for r in rows if r.license == code]
        lines += [_credit(row, name, license_urls.get(row.key, page)) for row in of_code if _is_credited(row)]
        rest = Counter(r.source or "an unknown source" for r in of_code if not _is_credited(r))
        lines += [f"- {counted(n, 'image')} from {source}, which names no author" for source, n in sorted(rest.items())]
    with atomic_write(folder / CREDITS) as out:
        out.write("\n".join(lines) + "\n")


def _is_credited(row: Row) -> bool:
    return bool(row.page_url or row.owner_name or row.owner)


def _credit(row: Row, license_name: str, license_url: str) -> str:
    title = _escape(row.title or "Untitled")
    photo = f"[{title}]({row.page_url})" if row.page_url else title
    license_link = f"[{license_name}]({license_url})" if license_url else license_name
    return f"- `{row.file}`: {photo} by {_escape(row.owner_name or row.owner or 'unknown')}, {license_link}"


def _escape(text: str) -> str:
    """Text that stays literal in a line of Markdown."""
    for sign in "\\`*_[]<>|":
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())
