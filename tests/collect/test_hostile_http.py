"""Hostile servers, proxies and names: one deadline for a request, no way around the guard, no header that escapes."""

import ipaddress
import os
import random
import socket
import time

import pytest

from collect.candidate import RejectError
from collect.errors import UsageError
from collect.http import (
    PHOTO_LIMITS,
    Limits,
    MovedError,
    fetch,
    guard,
    host_of,
    is_address,
    open_session,
    retry_after,
)
from collect.redact import redact
from tests.collect.test_http import reason_of
from tests.servers.photos import jpeg
from tests.servers.raw import RawServer, drips, sends

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SHORT = Limits(seconds=0.25, bytes=2**20)


def is_loopback(address) -> bool:
    """The guard of these tests: they leave this machine in no case."""
    return address.is_loopback


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 ", b"O"),
        (OK, b"x"),
        (OK, b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 100 Continue\r\n", b"x"),
        (CHUNKED, b"0"),
        (CHUNKED + b"5;", b"x"),
        (CHUNKED + b"5\r\nhello\r\n0\r\n", b"X: y\r\n"),
        (CHUNKED + b"5\r\nhello\r\n0\r\n", b"x"),
        (CHUNKED + b"5\r\nhello\r\n", b"1\r\nx\r\n"),
        (OK + b"Content-Length: 1000000\r\n\r\n", b"x"),
        (OK + b"\r\n", b"x"),
        (b"HTTP/1.1 302 Found\r\nLocation: ", b"x"),
    ],
)
def test_one_deadline_covers_a_request_of_which_every_part_comes_byte_by_byte(head: bytes, drop: bytes) -> None:
    started = time.monotonic()
    with RawServer(drips(head, drop, 0.02)) as server, open_session(is_loopback, limits=SHORT) as session:
        err = reason_of(session, f"{server.url}/x.jpg")
    assert (err.reason, err.transient) == ("timeout", True)
    assert 0.2 < time.monotonic() - started < 4
    assert PHOTO_LIMITS.seconds == 30


@pytest.mark.parametrize(
    ("head", "drop"),
    [(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), (CHUNKED + b"5\r\nhello\r\n0\r\n", b"X: y\r\n" * 1000)],
)
def test_framing_that_never_ends_is_cut_off(head: bytes, drop: bytes) -> None:
    limits = Limits(seconds=20, bytes=2**20)
    with RawServer(drips(head, drop, 0)) as server, open_session(is_loopback, limits=limits) as session:
        err = reason_of(session, f"{server.url}/x.jpg")
    assert err.reason == "connection"


def test_the_body_of_a_redirect_is_not_read() -> None:
    answer = drips(b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n", b"x" * 1000, 0.01)
    with RawServer(answer) as server, open_session(is_loopback) as session:
        started = time.monotonic()
        with pytest.raises(MovedError):
            fetch(session, f"{server.url}/x.jpg")
    assert time.monotonic() - started < 5


def test_a_server_that_accepts_and_says_nothing_during_a_tls_handshake_is_given_up(monkeypatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, open_session(is_loopback, limits=SHORT) as session:
        started = time.monotonic()
        err = reason_of(session, f"https://127.0.0.1:{silent.getsockname()[1]}/x.jpg")
    assert err.transient
    assert time.monotonic() - started < 4


@pytest.fixture
def proxy(monkeypatch):
    """A proxy for everything, named in the environment, that answers every request with a photo."""
    with RawServer(sends(OK + b"Content-Type: image/jpeg\r\n\r\n" + jpeg(1))) as server:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, server.url)
        for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield server


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "10.0.0.1", "127.0.0.1:1", "localhost:1", "[::1]:1", "[64:ff9b::a9fe:a9fe]", "2130706433:1"],
)
def test_private_addresses_do_not_reach_a_proxy(proxy, scheme: str, host: str) -> None:
    with open_session(guard(False)) as session:
        assert reason_of(session, f"{scheme}://{host}/x.jpg").reason == "private-address"
    assert proxy.requests == []


def test_a_public_address_is_requested_through_a_proxy_on_a_private_one(proxy) -> None:
    with open_session(guard(False)) as session:
        assert fetch(session, "http://93.184.216.34/x.jpg") == jpeg(1)
    assert proxy.requests[0].startswith(b"GET http://93.184.216.34/x.jpg HTTP/1.1\r\n")


def test_a_name_that_cannot_be_checked_does_not_reach_a_proxy_without_leave(proxy) -> None:
    with open_session(guard(False)) as session:
        err = reason_of(session, "http://nowhere.invalid/x.jpg")
    assert err.reason == "private-address"
    assert "--allow-private" in err.detail
    assert proxy.requests == []
    with open_session(guard(True)) as session:
        assert fetch(session, "http://nowhere.invalid/x.jpg") == jpeg(1)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_deadline_covers_a_request_through_a_proxy(monkeypatch, scheme: str) -> None:
    started = time.monotonic()
    with RawServer(drips(OK, b"x", 0.02)) as server:
        monkeypatch.setenv(f"{scheme}_proxy", server.url)
        with open_session(guard(False), limits=SHORT) as session:
            assert reason_of(session, f"{scheme}://93.184.216.34/x.jpg").transient
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("proxy_url", ["socks5://127.0.0.1:1080", "http://user:hunter2@[::1", "http://:80", "ftp://h"])
def test_a_proxy_that_cannot_be_used_is_one_error_and_not_one_per_photo(monkeypatch, proxy_url: str) -> None:
    monkeypatch.setenv("http_proxy", proxy_url)
    with pytest.raises(UsageError, match="http_proxy") as caught:
        open_session(guard(False))
    assert "hunter2" not in str(caught.value)


def test_a_name_that_resolves_differently_the_second_time_does_not_lead_elsewhere(monkeypatch) -> None:
    """DNS rebinding: 127.0.0.2 is the address that the guard allows, 127.0.0.1 stands for a private one."""
    allowed, private = "127.0.0.2", "127.0.0.1"
    answers = [[allowed], [private], [allowed, private]]

    def resolve(host, port, *_: object, **__: object):
        addresses = answers.pop(0) if host == "rebinding.test" else [host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with (
        RawServer(sends(OK + b"\r\nsecret")) as server,
        open_session(lambda address: address == ipaddress.ip_address(allowed)) as session,
    ):
        reasons = [reason_of(session, f"http://rebinding.test:{server.port}/x.jpg").reason for _ in range(3)]
    assert reasons == ["connection", "private-address", "private-address"]
    assert server.requests == []


@pytest.mark.parametrize("length", ["\u00b2", "9" * 6000, "9" * 30, "-1", "1e3", "0x10", "5 5", "", "5, 6", "\x00"])
def test_a_content_length_that_is_none_is_no_error_of_ours(length: str) -> None:
    payload = OK + f"Content-Length: {length}\r\n\r\n".encode("latin-1") + jpeg(1)
    with RawServer(sends(payload)) as server, open_session(is_loopback) as session:
        try:
            assert fetch(session, f"{server.url}/x.jpg") == jpeg(1)
        except RejectError as err:
            assert err.reason in ("connection", "truncated", "too-large")


@pytest.mark.parametrize("header", ["\u00b2", "9" * 6000, "1" * 18 + "\u00b2", "\u0663", "inf", "nan", "-1", "\x00"])
def test_a_retry_after_that_is_none_is_ignored(header: str) -> None:
    assert retry_after(header) is None


@pytest.mark.parametrize(
    "location",
    [
        "http://[::1",
        "http://[::1]x/",
        "http://exa\uff0fmple.com/",
        "http://\u2100.com/",
        "http://a\udcffb/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x.jpg",
        "http://h:99999999/",
        "http://h:\u00b2/",
        "http://" + "a" * 300 + "/",
        "http://a..b/",
        "http://%00/",
    ],
)
def test_a_redirect_to_what_is_no_address_is_a_reason(location: str) -> None:
    raw = b"HTTP/1.1 302 Found\r\nLocation: " + location.encode("utf-8", "surrogateescape") + b"\r\n\r\n"
    with RawServer(sends(raw)) as server, open_session(is_loopback) as session:
        url = f"{server.url}/x.jpg"
        with pytest.raises(RejectError) as caught:
            for _ in range(2):
                try:
                    fetch(session, url)
                except MovedError as moved:
                    url = moved.url
    assert caught.value.reason in ("bad-url", "connection")


@pytest.mark.parametrize(
    "host",
    [
        "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
        "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
        "127\u30020\u30020\u30021",
    ],
)
def test_a_redirect_to_loopback_in_other_letters_is_refused(host: str) -> None:
    raw = b"HTTP/1.1 302 Found\r\nLocation: http://" + host.encode() + b":1/x.jpg\r\n\r\n"
    with RawServer(sends(raw)) as server, open_session(is_loopback) as session, pytest.raises(MovedError) as moved:
        fetch(session, f"{server.url}/x.jpg")
    with open_session(guard(False)) as session:
        assert reason_of(session, moved.value.url).reason in ("private-address", "bad-url")


STARTS = (b"HTTP/1.1 200 OK", b"HTTP/1.0 301 Moved", b"HTTP/1.1 302 Found")
PARTS = (
    *(b"HTTP/1.1 206 Part", b"HTTP/1.1 429 Busy", b"HTTP/1.1 503 Busy", b"HTTP/1.1 416 No", b"HTTP/9.9 999 ?"),
    *(b"HTTP/1.1 100 Continue\r\n\r\n", b"ICY 200 OK", b"\r\n", b"\r\n\r\n", b"\n", b": ", b",", b";", b"=", b"\t"),
    *(b"Content-Length: ", b"Transfer-Encoding: chunked", b"Location: ", b"Retry-After: ", b"Content-Type: text/html"),
    *(b"Content-Encoding: gzip", b"Content-Encoding: deflate, gzip", b"X-Robots-Tag: ", b"Content-Range: bytes "),
    *(b"Set-Cookie: a=b; expires=", b"Connection: keep-alive", b"ETag: ", b"Last-Modified: ", b"5\r\nhello\r\n"),
    *(b"0\r\n\r\n", b"-5\r\n", b"ffffffffffffffff\r\n", b"\xc2\xb2", b"\xb2", b"9" * 6000, b"-1", b"http://[::1"),
    *(b"//", b"/x", b"\x00", b"http://\xef\xbc\x91\xef\xbc\x92", b"Wed, 21 Oct 2015 07:28:00 GMT", b"\xff\xd8\xff"),
    *(b"\x1f\x8b\x08\x00", b"a" * 70_000, b"X: y\r\n" * 120),
)


def response(rng: random.Random) -> bytes:
    """A response that begins well, more or less, and gets worse."""
    parts = [rng.choice(STARTS if rng.random() < 0.8 else PARTS)]
    for _ in range(rng.randrange(1, 9)):
        parts += [b"\r\n"] * (rng.random() < 0.8) + rng.choices(PARTS, k=rng.randrange(1, 3))
    payload = bytearray(b"".join(parts) + b"\r\n\r\n" * (rng.random() < 0.7) + b"body" * rng.randrange(4))
    for _ in range(rng.choice((0, 0, 1, 3))):
        payload[rng.randrange(len(payload))] = rng.randrange(256)
    return bytes(payload)


def test_no_response_ends_in_an_error_that_is_not_ours() -> None:
    """Fuzz: FUZZ_SECONDS makes it longer, FUZZ_SEED starts elsewhere."""
    seconds, seed = float(os.environ.get("FUZZ_SECONDS", "1")), int(os.environ.get("FUZZ_SEED", "1"))

    def respond(request: bytes, connection: socket.socket) -> None:
        connection.sendall(response(random.Random(int(request.split()[1].removeprefix(b"/x")))))

    ends, started, outcomes = time.monotonic() + seconds, seed * 1_000_000, set()
    limits = Limits(seconds=1.5, bytes=2**22)
    with RawServer(respond) as server, open_session(is_loopback, limits=limits) as session:
        number = started
        while time.monotonic() < ends or number < started + 40:
            before = time.monotonic()
            try:
                fetch(session, f"{server.url}/x{number}")
                outcomes.add("body")
            except MovedError as moved:
                assert is_address(moved.url), number
                outcomes.add("moved")
            except RejectError as err:
                outcomes.add(str(err.reason))
            assert time.monotonic() - before < 6, number
            number += 1
    assert {"moved", "connection"} <= outcomes


def test_no_header_or_address_ends_in_an_error_that_is_not_ours() -> None:
    rng = random.Random(int(os.environ.get("FUZZ_SEED", "1")))
    signs = [
        *"0123456789abcxyzABC -+:;,./?#&=@[]%\u00b2\u0663\uff11\u2100\udcff\x00\x7f\n",
        "GMT",
        "Wed, ",
        "token",
        "//",
    ]
    for _ in range(3000):
        text = "".join(rng.choices(signs, k=rng.randrange(40)))
        assert (retry_after(text) or 0) >= 0
        assert redact(redact(text)) == redact(text)
        for url in (text, f"http://{text}", f"http://h/{text}"):
            assert is_address(url) in (True, False)
            assert host_of(url) is not None
