"""Flickr's licences: what its ids mean, as it says itself or as it said in 2025."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from collect.http import is_address
from collect.sources.api import RefusedCallError, records, text

License = tuple[str, str | None]  # its code, one of `collect.datasets.LICENSES`, and its page
CC = "https://creativecommons.org"
VERSION_2 = ("by-nc-sa", "by-nc", "by-nc-nd", "by", "by-sa", "by-nd")
VERSION_4 = ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd")

# flickr.photos.licenses.getInfo as recorded in June 2025, used if Flickr refuses the call.
KNOWN: dict[str, License] = {
    "0": ("arr", None),
    **{str(i): (code, f"{CC}/licenses/{code}/2.0/") for i, code in enumerate(VERSION_2, 1)},
    "7": ("nkc", "https://www.flickr.com/commons/usage/"),
    "8": ("usgov", "https://www.usa.gov/government-works"),
    "9": ("cc0", f"{CC}/publicdomain/zero/1.0/"),
    "10": ("pdm", f"{CC}/publicdomain/mark/1.0/"),
    **{str(i): (code, f"{CC}/licenses/{code}/4.0/") for i, code in enumerate(VERSION_4, 11)},
}


def read_licenses(ask: Callable[..., dict[str, Any]]) -> dict[str, License]:
    """Licences by id. The page tells what an id means that Flickr has added; ids of unknown pages are left out."""
    try:
        listed = records(ask("flickr.photos.licenses.getInfo"), "licenses", "license")
    except RefusedCallError:
        listed = []
    return KNOWN | {str(item.get("id")): known for item in listed if (known := _license(item))}


def _license(item: dict[str, Any]) -> License | None:
    url = text(item.get("url")) or ""
    parts = [p for p in urlsplit(url).path.split("/") if p] if is_address(url) else []
    if parts[:1] == ["licenses"] and len(parts) > 1:
        return parts[1], url
    if parts[:1] == ["publicdomain"] and len(parts) > 1:
        return {"zero": "cc0", "mark": "pdm"}.get(parts[1], parts[1]), url
    return KNOWN.get(str(item.get("id")))
