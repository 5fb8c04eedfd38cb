"""A local Flickr: it answers searches and serves photos, with the faults that the real one has."""

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from tests.servers.local import LocalServer, send
from tests.servers.photos import encode, jpeg, picture, png_bomb, rotated_jpeg

KEY, SECRET = "c0ffee5ec2e7c0ffee5ec2e7c0ffee01", "5ec2e75ec2e75ec2"
EPOCH = 1_500_000_000
UNAVAILABLE_PAGE = b"<!DOCTYPE html><html><body>Photo unavailable</body></html>"
# A photo's `fault` is one of these, a status code, or a key of BODIES. The first never give a usable photo; the others
# fail on the first request and work on the second.
PERMANENT = ("missing-url", "404", "410", "placeholder", "html", "truncated-file", "empty", "garbage", "bomb", "noai")
PASSING = ("503-once", "429-once", "reset-once", "short-once")


@dataclass
class Photo:
    """One photo of the server. `shows` is the seed of its picture: two photos with the same seed show the same."""

    id: str
    tag: str
    owner: str
    shows: int
    fault: str = ""
    license: str = "4"
    uploaded: int = EPOCH


@dataclass
class FlickrServer(LocalServer):
    """What the server serves, the faults it shows, and the requests it has received."""

    photos: list[Photo]
    api_faults: list[str] = field(default_factory=list)  # the first calls get one each
    repeat_page: int = 0  # this page is served twice, and later pages move back by one
    overclaim: bool = False  # `total` and `pages` are too high
    latency_seconds: float = 0.0
    redirects: dict[str, str] = field(default_factory=dict)  # path -> target
    withdrawn: set[str] = field(default_factory=set)  # ids of photos that were taken down
    requests: Counter[str] = field(default_factory=Counter)
    api_calls: list[dict[str, str]] = field(default_factory=list)
    peak: int = 0  # the most requests in flight at once

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._in_flight = 0
        self._by_id = {p.id: p for p in self.photos}
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                server.answer(self, {k: v[0] for k, v in parse_qs(form).items()})

            def do_GET(self) -> None:
                with server._lock:
                    server.requests[self.path] += 1
                    server._in_flight += 1
                    server.peak = max(server.peak, server._in_flight)
                try:
                    time.sleep(server.latency_seconds)
                    server.serve(self)
                finally:
                    with server._lock:
                        server._in_flight -= 1

            def log_message(self, *_: object) -> None:
                pass

        self.start(Handler)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that make `collect` use this server."""
        return {"FLICKR_API_URL": f"{self.url}/services/rest/", "FLICKR_API_KEY": KEY, "FLICKR_API_SECRET": SECRET}

    def answer(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        """Answer one API call."""
        with self._lock:
            self.api_calls.append(form)
            fault = self.api_faults.pop(0) if self.api_faults else ""
        key = handler.headers.get("Authorization", "").partition('oauth_consumer_key="')[2].partition('"')[0]
        if key != KEY:
            reply = {"stat": "fail", "code": 100, "message": f"Invalid API Key (Key has invalid format: {key})"}
        elif fault in ("503", "429"):
            send(handler, int(fault), b"busy", {"Retry-After": "1"} if fault == "429" else {})
            return
        elif fault == "garbled":
            send(handler, 200, b"<html>oops</html>")
            return
        elif fault:
            reply = {"stat": "fail", "code": int(fault), "message": "Service currently unavailable"}
        elif form["method"] == "flickr.photos.licenses.getInfo":
            names = {"4": "by/2.0", "5": "by-sa/2.0", "11": "by/4.0", "3": "by-nc-nd/2.0"}
            listed = [{"id": i, "url": f"https://creativecommons.org/licenses/{n}/"} for i, n in names.items()]
            reply = {"stat": "ok", "licenses": {"license": listed}}
        elif form["method"] == "flickr.photos.getInfo":
            photo = self._by_id.get(form["photo_id"])
            if photo is None or photo.id in self.withdrawn:
                reply = {"stat": "fail", "code": 1, "message": "Photo not found"}
            else:
                reply = {"stat": "ok", "photo": {"id": photo.id, "license": photo.license}}
        else:
            reply = {"stat": "ok", "photos": self._page(form)}
        send(handler, 200, json.dumps(reply).encode(), {"Content-Type": "application/json"})

    def _page(self, form: dict[str, str]) -> dict[str, object]:
        low, high = int(form.get("min_upload_date", 0)), int(form.get("max_upload_date", 2**40))
        words = form.get("text", form.get("tags", "")).split()
        licenses = form.get("license", "").split(",")
        matches = [
            p
            for p in self.photos
            if p.id not in self.withdrawn and p.tag in words and p.license in licenses and low <= p.uploaded <= high
        ]
        if form.get("sort") == "date-posted-asc":
            matches.sort(key=lambda p: (p.uploaded, p.id))
        per_page, page = int(form["per_page"]), int(form["page"])
        real_pages = -(-len(matches) // per_page)
        if self.repeat_page and page > self.repeat_page:
            page -= 1
        page = min(page, 4000 // per_page)  # like Flickr: beyond 4,000 photos the last page repeats
        shown = matches[(page - 1) * per_page : page * per_page]
        return {
            "page": page,
            "pages": real_pages + bool(self.repeat_page) + (50 if self.overclaim else 0),
            "perpage": per_page,
            "total": len(matches) + (25_000 if self.overclaim else 0),
            "photo": [self._listed(p) for p in shown],
        }

    def _listed(self, photo: Photo) -> dict[str, object]:
        listed: dict[str, object] = {
            "id": photo.id,
            "owner": photo.owner,
            "ownername": f"Owner {photo.owner}",
            "title": f"Photo {photo.id}",
            "license": photo.license,
            "dateupload": str(photo.uploaded),
            "datetaken": "2015-05-05 12:00:00",
        }
        if photo.fault != "missing-url":
            listed["url_z"] = f"{self.url}/photo/{photo.id}.jpg"
        return listed

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Send one photo, or its fault."""
        if target := self.redirects.get(handler.path):
            send(handler, 301, b"", {"Location": target})
            return
        photo = self._by_id.get(urlsplit(handler.path).path.rpartition("/")[2].removesuffix(".jpg"))
        if photo is None:
            send(handler, 200, UNAVAILABLE_PAGE)
            return
        first = self.requests[handler.path] == 1
        fault, body = photo.fault, body_of(photo.shows, photo.fault)
        if fault in ("404", "410"):
            send(handler, int(fault), b"gone")
        elif fault == "placeholder":
            target = "/pw/images/en-us/photo_unavailable.png"
            send(handler, 302, b"", {"Location": f"{self.url}{target}"})
        elif fault == "html":
            send(handler, 200, UNAVAILABLE_PAGE, {"Content-Type": "text/html; charset=utf-8"})
        elif fault == "noai":
            send(handler, 200, body, {"X-Robots-Tag": "noai, noimageai"})
        elif fault in ("503-once", "503") and (first or fault == "503"):
            send(handler, 503, b"busy")
        elif fault == "429-once" and first:
            send(handler, 429, b"slow down", {"Retry-After": "1"})
        elif fault == "reset-once" and first:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
        elif fault == "short-once" and first:
            send(handler, 200, body[: len(body) // 2], {"Content-Length": str(len(body))})
            handler.close_connection = True
        else:
            send(handler, 200, body, {"Content-Type": "image/jpeg"})


@cache
def body_of(shows: int, fault: str) -> bytes:
    """The bytes of a photo's file."""
    if fault in BODIES:
        return BODIES[fault](shows)
    return jpeg(shows)


BOMB = png_bomb()
BODIES: dict[str, Callable[[int], bytes]] = {
    "truncated-file": lambda shows: jpeg(shows)[:-800],
    "empty": lambda shows: b"",
    "garbage": lambda shows: jpeg(shows)[:700] + bytes(range(255, 0, -1)) * 12,
    "bomb": lambda shows: BOMB,
    "png": lambda shows: encode(picture(shows), "PNG"),
    "exif6": rotated_jpeg,
    "near": lambda shows: jpeg(shows, quality=45),
}
