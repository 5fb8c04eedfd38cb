"""Flickr's licence ids, read at run time, and what they mean."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from collect.sources.api import RefusedCallError


@dataclass(frozen=True, slots=True)
class FlickrLicense:
    """A licence: its code, one of `collect.datasets.LICENSES`, and its page."""

    code: str
    url: str | None


def _cc(code: str, version: str) -> FlickrLicense:
    return FlickrLicense(code, f"https://creativecommons.org/licenses/{code}/{version}/")


# flickr.photos.licenses.getInfo as recorded in June 2025, used if Flickr refuses the call.
KNOWN = {
    "0": FlickrLicense("arr", None),
    **{str(i): _cc(c, "2.0") for i, c in enumerate(("by-nc-sa", "by-nc", "by-nc-nd", "by", "by-sa", "by-nd"), 1)},
    "7": FlickrLicense("nkc", "https://www.flickr.com/commons/usage/"),
    "8": FlickrLicense("usgov", "https://www.usa.gov/government-works"),
    "9": FlickrLicense("cc0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "10": FlickrLicense("pdm", "https://creativecommons.org/publicdomain/mark/1.0/"),
    **{str(i): _cc(c, "4.0") for i, c in enumerate(("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd"), 11)},
}


def read_licenses(ask: Callable[..., dict[str, Any]]) -> dict[str, FlickrLicense]:
    """Licences by id. The page tells what an id means that Flickr has added; ids of unknown pages are left out."""
    try:
        listed = ask("flickr.photos.licenses.getInfo").get("licenses", {}).get("license", [])
    except RefusedCallError:
        listed = []
    return KNOWN | {str(item.get("id")): known for item in listed if (known := _license(item))}


def _license(item: dict[str, Any]) -> FlickrLicense | None:
    url = str(item.get("url") or "")
    parts = [p for p in urlsplit(url).path.split("/") if p]
    if parts[:1] == ["licenses"] and len(parts) > 1:
        return FlickrLicense(parts[1], url)
    if parts[:1] == ["publicdomain"] and len(parts) > 1:
        return FlickrLicense({"zero": "cc0", "mark": "pdm"}.get(parts[1], parts[1]), url)
    return KNOWN.get(str(item.get("id")))
