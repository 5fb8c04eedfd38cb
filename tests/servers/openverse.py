"""A local Openverse: it serves pages of results and enforces the limits of the real one."""

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from tests.servers.local import LocalServer, send
from tests.servers.photos import jpeg

CLIENT_ID, CLIENT_SECRET, TOKEN = "0penver5e-1d", "0penver5e-5ecret", "0penver5e-t0ken"


@dataclass
class OpenverseServer(LocalServer):
    """Has `number` photos for every search word, by many authors, with each of `licenses` in turn."""

    number: int
    licenses: tuple[str, ...] = ("by", "by-sa", "cc0", "pdm")
    throttled: int = 0  # the number of first calls that get status 429
    calls: list[dict[str, str]] = field(default_factory=list)
    registered_calls: int = 0

    def __post_init__(self) -> None:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.answer(self)

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                known = form.get("client_id") == [CLIENT_ID] and form.get("client_secret") == [CLIENT_SECRET]
                answer = {"access_token": TOKEN} if known else {"error": "invalid_client"}
                send(self, 200 if known else 401, json.dumps(answer).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.start(Handler)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Send a photo or a page of results."""
        address = urlsplit(handler.path)
        if address.path.endswith(".jpg"):
            send(handler, 200, jpeg(int(address.path.rpartition("/")[2].removesuffix(".jpg"))))
            return
        query = {k: v[0] for k, v in parse_qs(address.query).items()}
        self.calls.append(query)
        self.registered_calls += handler.headers.get("Authorization") == f"Bearer {TOKEN}"
        if self.throttled:
            self.throttled -= 1
            send(handler, 429, b"{}", {"Retry-After": "1"})
        elif address.path == "/v1/images/stats/":
            send(handler, 200, json.dumps([{"source_name": "flickr", "media_count": 1}]).encode())
        elif int(query["page_size"]) > 20 and not self.registered_calls:
            send(handler, 401, b"{}")
        elif int(query["page"]) > 12:
            send(handler, 400, b"{}")
        else:
            send(handler, 200, json.dumps(self._page(query)).encode())

    def _page(self, query: dict[str, str]) -> dict[str, object]:
        first = sum(query["q"].encode()) * 10_000
        wanted = query.get("license", "").split(",")
        matches = [i for i in range(self.number) if self.licenses[i % len(self.licenses)] in wanted]
        if "size" in query:
            matches = [i for i in matches if (i // 8) % 2 == ("medium", "large").index(query["size"])]
        page, size = int(query["page"]), int(query["page_size"])
        shown = matches[(page - 1) * size : page * size]
        return {
            "result_count": len(matches),
            "page_count": min(12, -(-len(matches) // size)),
            "results": [self._result(first + i, self.licenses[i % len(self.licenses)]) for i in shown],
        }

    def _result(self, number: int, license_: str) -> dict[str, object]:
        return {
            "id": f"id-{number}",
            "title": f"Photo {number}",
            "url": f"{self.url}/files/{number}.jpg",
            "foreign_landing_url": f"https://photos.example/{number}",
            "creator": f"Author {number % 97}",
            "creator_url": f"https://photos.example/people/{number % 97}",
            "license": license_,
            "license_version": "2.0",
            "license_url": f"https://creativecommons.org/licenses/{license_}/2.0/",
            "source": "flickr",
        }
