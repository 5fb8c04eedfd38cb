"""Flickr's licence ids, read at run time, and what they mean."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from collect.errors import SourceError


@dataclass(frozen=True, slots=True)
class License:
    """A licence of `collect.datasets.LICENSES` by its code, and its page."""

    code: str
    url: str | None


def _cc(code: str, version: str) -> License:
    return License(code, f"https://creativecommons.org/licenses/{code}/{version}/")


# flickr.photos.licenses.getInfo as recorded in June 2025, for a Flickr that does not answer it.
KNOWN = {
    "0": License("arr", None),
    **{str(i): _cc(c, "2.0") for i, c in enumerate(("by-nc-sa", "by-nc", "by-nc-nd", "by", "by-sa", "by-nd"), 1)},
    "7": License("nkc", "https://www.flickr.com/commons/usage/"),
    "8": License("usgov", "https://www.usa.gov/government-works"),
    "9": License("cc0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "10": License("pdm", "https://creativecommons.org/publicdomain/mark/1.0/"),
    **{str(i): _cc(c, "4.0") for i, c in enumerate(("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd"), 11)},
}


def read_licenses(ask: Callable[..., dict[str, Any]]) -> dict[str, License]:
    """Licences by id. Ids that Flickr adds are understood by their page; unknown ones are left out."""
    try:
        listed = ask("flickr.photos.licenses.getInfo").get("licenses", {}).get("license", [])
    except SourceError as err:
        if "refuses the search" not in str(err):
            raise
        listed = []
    found = {str(item.get("id")): _understood(item) for item in listed}
    return {**KNOWN, **{i: known for i, known in found.items() if known}}


def _understood(item: dict[str, Any]) -> License | None:
    url = str(item.get("url") or "")
    parts = [p for p in urlsplit(url).path.split("/") if p]
    if parts[:1] == ["licenses"] and len(parts) > 1:
        return License(parts[1], url)
    if parts[:1] == ["publicdomain"] and len(parts) > 1:
        return License({"zero": "cc0", "mark": "pdm"}.get(parts[1], parts[1]), url)
    return KNOWN.get(str(item.get("id")))
