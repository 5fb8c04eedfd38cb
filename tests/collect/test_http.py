"""One request: its guards, caps and deadlines."""

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import collect.http.request
from collect.candidate import RejectError
from collect.http import MovedError, fetch, guard, is_public, open_session, retry_after, user_agent
from tests.servers.flickr import send
from tests.servers.photos import jpeg


@contextmanager
def serving(respond: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A local server that answers every GET with `respond`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            respond(self)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def session() -> Iterator:
    """A session that may ask loopback."""
    with open_session(guard(allow_private=True)) as opened:
        yield opened


def reason_of(session, url: str) -> RejectError:
    """Why a fetch is rejected."""
    with pytest.raises(RejectError) as caught:
        fetch(session, url)
    return caught.value


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("fd00::1", False),
        ("ff0e::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("::127.0.0.1", False),
        ("2002:7f00:1::", False),
        ("2002:a9fe:a9fe::", False),
        ("64:ff9b::169.254.169.254", False),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::93.184.216.34", True),
        ("64:ff9b:1::a9fe:a9fe", False),
        ("2001:0:5db8:d822::f5ff:fffe", False),
        ("2606:2800:220:1:0:5efe:10.0.0.1", False),
        ("2606:2800:220:1::", True),
    ],
)
def test_only_addresses_on_the_open_internet_are_public(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:1", "[::1]:1", "0.0.0.0:1", "2130706433:1"])
def test_private_addresses_are_refused_before_anything_is_sent(host: str) -> None:
    with open_session(guard(allow_private=False)) as session:
        assert reason_of(session, f"http://{host}/x.jpg").reason == "private-address"


@pytest.mark.parametrize(
    ("endpoint", "opened"),
    [
        ("http://127.0.0.1:99/rest/", {"127.0.0.1", "::1", "64:ff9b::7f00:1"}),
        ("http://10.9.9.9/rest/", {"10.0.0.1", "fd00::1"}),
        ("http://93.184.216.34/rest/", set()),
        ("http://[2606:2800:220:1::]/rest/", set()),
        ("http://169.254.9.9/rest/", set()),
        ("http://224.0.0.9/rest/", set()),
        ("http://0.0.0.0/rest/", set()),
    ],
)
def test_an_endpoint_opens_addresses_of_its_own_kind_and_nothing_else(endpoint: str, opened: set[str]) -> None:
    may_contact = guard(False, endpoint)
    closed = ("127.0.0.1", "::1", "64:ff9b::7f00:1", "10.0.0.1", "fd00::1", "0.0.0.0", "169.254.169.254")
    closed += ("fe80::1", "64:ff9b::a9fe:a9fe", "224.0.0.1", "ff02::1", "240.0.0.1", "100.64.0.1")
    assert {a for a in closed if may_contact(ipaddress.ip_address(a))} == opened
    assert may_contact(ipaddress.ip_address("93.184.216.34"))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/x.jpg", "x.jpg", "http://", "http://[::1"])
def test_only_http_and_https_urls_are_fetched(session, url: str) -> None:
    assert reason_of(session, url).reason == "bad-url"


def test_a_redirect_is_returned_not_followed(session) -> None:
    with serving(lambda h: send(h, 302, b"", {"Location": "/there.jpg"})) as url:
        with pytest.raises(MovedError) as caught:
            fetch(session, f"{url}/here.jpg")
        assert caught.value.url == f"{url}/there.jpg"


@pytest.mark.parametrize(
    ("status", "headers", "reason", "transient"),
    [
        (404, {}, "gone", False),
        (410, {}, "gone", False),
        (403, {}, "forbidden", False),
        (418, {}, "http-error", False),
        (503, {"Retry-After": "7"}, "server-error", True),
        (429, {"Retry-After": "7"}, "throttled", True),
        (302, {"Location": "https://s.yimg.com/pw/images/en-us/photo_unavailable.png"}, "placeholder", False),
        (200, {"X-Robots-Tag": "noimageai"}, "opted-out", False),
        (200, {"X-Robots-Tag": "somebot: noindex"}, "opted-out", False),
        (200, {"Content-Type": "text/html"}, "html", False),
        (200, {"Content-Length": "999999999"}, "too-large", False),
    ],
)
def test_a_status_or_header_that_forbids_the_photo_is_its_reason(
    session, status: int, headers: dict[str, str], reason: str, transient: bool
) -> None:
    with serving(lambda h: send(h, status, b"x", headers)) as url:
        err = reason_of(session, f"{url}/x.jpg")
    assert (err.reason, err.transient) == (reason, transient)
    assert err.retry_after == (7.0 if "Retry-After" in headers else None)


def test_a_photo_is_requested_under_an_honest_user_agent(session) -> None:
    names = []

    def respond(handler: BaseHTTPRequestHandler) -> None:
        names.append(handler.headers["User-Agent"])
        send(handler, 200, jpeg(1))

    with serving(respond) as url:
        assert fetch(session, f"{url}/x.jpg") == jpeg(1)
    assert names == [user_agent()]
    assert names[0].startswith("vggbench/")


def test_a_body_that_never_ends_is_cut_off(session, monkeypatch) -> None:
    monkeypatch.setattr(collect.http.request, "MAX_BYTES", 300_000)

    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100_000):
            handler.wfile.write(bytes(10_000))

    with serving(respond) as url:
        assert reason_of(session, f"{url}/x.jpg").reason == "too-large"


def test_a_body_that_arrives_too_slowly_is_given_up(session, monkeypatch) -> None:
    monkeypatch.setattr(collect.http.request, "SLOW_AFTER_SECONDS", 0.3)
    stop = threading.Event()

    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "50000")
        handler.end_headers()
        while not stop.wait(0.02):
            handler.wfile.write(b"x")

    started = time.monotonic()
    with serving(respond) as url:
        err = reason_of(session, f"{url}/x.jpg")
        stop.set()
    assert (err.reason, err.transient) == ("too-slow", True)
    assert time.monotonic() - started < 5


def test_a_body_that_is_cut_short_may_be_tried_again(session) -> None:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        send(handler, 200, b"x" * 10, {"Content-Length": "100"})
        handler.close_connection = True

    with serving(respond) as url:
        assert reason_of(session, f"{url}/x.jpg").transient


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("12", 12),
        (" 12 ", 12),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2015 07:28:00", 0),
        *((other, None) for other in (None, "", "soon", "-5", "1.5")),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_anything_else_is_ignored(header: str | None, seconds: int | None) -> None:
    assert retry_after(header) == seconds


@pytest.mark.parametrize(
    "header", ["9" * 400, "9" * 5000, "Wed, 99 Oct 2015 07:28:00 GMT", "Wed, 1 Oct 99999 07:28:00"]
)
def test_a_retry_after_out_of_range_is_no_error(header: str) -> None:
    assert (retry_after(header) or 0) >= 0
