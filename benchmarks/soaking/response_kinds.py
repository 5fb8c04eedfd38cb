"""Hostile HTTP responses, as bytes and pauses: a literal dict from the name of a kind to how it is made."""

import gzip
import itertools
import zlib
from collections.abc import Callable, Iterator
from random import Random

Pieces = Iterator[bytes | float]  # bytes are sent, a float is a pause in seconds
Maker = Callable[[Random, bytes, str], Pieces]  # random numbers, a valid photo, the address of the server

SUPERSCRIPT, FULL_WIDTH = "²", "http://１２７．０．０．１:{port}/photo"
REFUSED = (  # literal addresses, so that nothing is looked up; the guard is on
    "http://169.254.169.254/latest/meta-data/", "//169.254.169.254/", "http://2852039166/", "http://0xa9fea9fe/",
    "http://10.0.0.1/", "http://172.16.0.1:8080/", "http://192.168.1.1/", "http://100.64.0.1/",
    "http://[fe80::1]/", "http://[fd00::1]/", "http://[::ffff:169.254.169.254]/", "http://user:secret@10.1.2.3/",
)  # fmt: skip
MALFORMED = (  # none of them has a host that could be looked up
    "http://[::1", "http://[", "http://]/", "http://127.0.0.1:99999/", "http://127.0.0.1:b/", "http://127.0.0.1:-1/",
    "http:///x", "//", "http://", "http://\x00/", "http://" + "a" * 300 + "/", "http://127.0.0.1:" + "9" * 5000,
)  # fmt: skip
OTHER_SCHEMES = (
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "javascript:alert(1)",
    "data:image/png;base64,AAAA",
    "gopher://127.0.0.1:1/",
)


def head(status: str = "200 OK", *lines: str, version: str = "HTTP/1.1") -> bytes:
    """Status line and header lines."""
    return "\r\n".join([f"{version} {status}", *lines, "", ""]).encode("utf-8", "surrogateescape")


def whole(body: bytes, *lines: str, status: str = "200 OK") -> Pieces:
    """A response with its Content-Length."""
    yield head(status, f"Content-Length: {len(body)}", *lines) + body


def raw(*pieces: bytes | float) -> Pieces:
    """These pieces."""
    return iter(pieces)


def with_line(line: str, status: str = "200 OK") -> Maker:
    """A response that is right but for one more header line."""
    return lambda random, photo, url: whole(photo, line, status=status)


def without_length(line: str) -> Maker:
    """A response whose only header line is this one."""
    return lambda random, photo, url: raw(head("200 OK", line) + photo)


def slowly(before: bytes, drop: bytes) -> Maker:
    """A response that never gets any further than `before`: a few bytes more, ten times a second."""
    return lambda random, photo, url: itertools.chain([before], *(((drop, 0.1)) for _ in range(1500)))


def redirect(locations: tuple[str, ...]) -> Maker:
    """A redirect to one of these addresses."""

    def make(random: Random, photo: bytes, url: str) -> Pieces:
        location = random.choice(locations).replace("{port}", url.rpartition(":")[2]).replace("{url}", url)
        return whole(b"", f"Location: {location}", status=random.choice(("301 Moved", "302 Found", "307 Temporary")))

    return make


def chunks(body: bytes, extension: bytes = b"", size: int = 1000) -> bytes:
    """A body in chunks, without the last one."""
    parts = (body[i : i + size] for i in range(0, len(body), size))
    return b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts)


def cut(random: Random, photo: bytes, url: str) -> Pieces:
    """A body that ends too early."""
    yield head("200 OK", f"Content-Length: {len(photo)}") + photo[: random.randrange(len(photo))]


def noise(random: Random, photo: bytes, url: str) -> Pieces:
    """Random bytes in place of a response."""
    yield random.randbytes(random.randrange(1, 5000))


def damaged_head(random: Random, photo: bytes, url: str) -> Pieces:
    """A right response with some bytes of its head changed."""
    response = bytearray(b"".join(p for p in whole(photo, "Content-Type: image/jpeg") if isinstance(p, bytes)))
    for _ in range(random.randrange(1, 6)):
        response[random.randrange(60)] = random.randrange(256)
    yield bytes(response)


CHUNKED, ZIPPED = "Transfer-Encoding: chunked", "Content-Encoding: gzip"
PAGE = b"<!DOCTYPE html><html><body>Photo unavailable</body></html>"
SHORT = (b"\xff\xd8\xff\xe0", b"")
KEPT: dict[str, Maker] = {  # unusual but right: the photo must arrive as it is
    "lower-case names": lambda r, p, u: raw(b"HTTP/1.1 200 ok\r\ncontent-length:%d\r\n\r\n%s" % (len(p), p)),
    "no reason phrase": lambda r, p, u: raw(b"HTTP/1.1 200\r\nContent-Length: %d\r\n\r\n%s" % (len(p), p)),
    "HTTP/1.0 without a length": lambda r, p, u: raw(head(version="HTTP/1.0") + p),
    "chunked": lambda r, p, u: raw(head("200 OK", CHUNKED) + chunks(p, size=r.randrange(1, 999)) + b"0\r\n\r\n"),
    "chunk extensions": lambda r, p, u: raw(head("200 OK", CHUNKED) + chunks(p, b";a=b") + b"0\r\n\r\n"),
    "trailers": lambda r, p, u: raw(head("200 OK", CHUNKED) + chunks(p) + b"0\r\nA: b\r\n\r\n"),
    "100 Continue first": lambda r, p, u: itertools.chain([head("100 Continue")], whole(p)),
    "90 header lines": lambda r, p, u: whole(p, *(f"A{i}: b" for i in range(90))),
    "gzip unasked": lambda r, p, u: whole(gzip.compress(p), ZIPPED),
    "bytes after the body": lambda r, p, u: raw(b"".join(whole(p)) + r.randbytes(500)),  # type: ignore[arg-type]
    "wrong content type": with_line("Content-Type: application/pdf"),
    "long content type": with_line("Content-Type: image/jpeg; a=" + "b" * 50_000),
    "Latin-1 in a header": with_line("A: caf\udce9"),
    "odd X-Robots-Tag": with_line("X-Robots-Tag: ²,,,:::\x01, all"),
}  # fmt: skip
PRIVATE: dict[str, Maker] = {"redirect to a private address": redirect(REFUSED)}
SLOW: dict[str, Maker] = {
    "status line byte by byte": slowly(b"HTTP/1.1 200 O", b"k"),
    "headers byte by byte": slowly(b"HTTP/1.1 200 OK\r\nA: ", b"b"),
    "header lines for ever": slowly(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "100 Continue for ever": slowly(b"", head("100 Continue")),
    "chunk extension byte by byte": slowly(head("200 OK", CHUNKED) + b"5;", b"a"),
    "trailers for ever": slowly(head("200 OK", CHUNKED) + b"0\r\n", b"A: b\r\n"),
    "body byte by byte": slowly(head("200 OK", "Content-Length: 9999"), b"x"),
    "silence": lambda r, p, u: raw(150.0),
    "silence after the head": lambda r, p, u: raw(head("200 OK", "Content-Length: 9"), 150.0),
}  # fmt: skip
ENDED: dict[str, Maker] = {  # any documented outcome, but an outcome
    "nothing": lambda r, p, u: raw(b""),
    "noise": noise,
    "damaged head": damaged_head,
    "cut short": cut,
    "endless body": lambda r, p, u: itertools.chain([head()], itertools.repeat(p * 100, 3000)),
    "gzip bomb": lambda r, p, u: whole(BOMB, ZIPPED),
    "gzip of gzip": lambda r, p, u: whole(gzip.compress(gzip.compress(p)), "Content-Encoding: " + "gzip, " * 30),
    "not gzip": with_line(ZIPPED),
    "gzip cut short": lambda r, p, u: whole(gzip.compress(p)[:-200], ZIPPED),
    "unknown encoding": with_line("Content-Encoding: " + SUPERSCRIPT),
    "100,000 byte header": with_line("A: " + "b" * 100_000),
    "200 header lines": lambda r, p, u: whole(p, *(f"A{i}: b" for i in range(200))),
    "header without a colon": with_line("nonsense"),
    "NUL in a header": with_line("A: \x00\x01"),
    "folded header": with_line("A: b\r\n  c"),
    "LF alone": lambda r, p, u: raw(b"HTTP/1.1 200 OK\nContent-Length: %d\n\n%s" % (len(p), p)),
    "CR alone": lambda r, p, u: raw(b"HTTP/1.1 200 OK\rContent-Length: %d\r\r%s" % (len(p), p)),
    "length in superscript": without_length(f"Content-Length: {SUPERSCRIPT}"),
    "length of 6,000 digits": without_length("Content-Length: " + "9" * 6000),
    "negative length": without_length("Content-Length: -1"),
    "length in hex": without_length("Content-Length: 0x10"),
    "two lengths": without_length("Content-Length: 5\r\nContent-Length: 6"),
    "length of 1 TB": without_length(f"Content-Length: {10**12}"),
    "length and chunked": lambda r, p, u: raw(head("200 OK", CHUNKED, "Content-Length: 3") + chunks(p) + b"0\r\n\r\n"),
    "chunk size in words": lambda r, p, u: raw(head("200 OK", CHUNKED) + b"five\r\n" + p),
    "negative chunk size": lambda r, p, u: raw(head("200 OK", CHUNKED) + b"-5\r\n" + p),
    "chunk size of 6,000 digits": lambda r, p, u: raw(head("200 OK", CHUNKED) + b"9" * 6000 + b"\r\n" + p),
    "last chunk missing": lambda r, p, u: raw(head("200 OK", CHUNKED) + chunks(p)),
    "status in words": with_line("A: b", "OK fine"),
    "odd status": lambda r, p, u: whole(p, status=r.choice(("000 x", "99 x", "999 x", "-1 x", "2000 x", "600 x"))),
    "odd version": lambda r, p, u: raw(head("200 OK", version=r.choice(("HTTP/9.9", "ICY", "http/1.1", "HTTP/x")))),
    "client error": lambda r, p, u: whole(p, status=f"{r.choice((400, 401, 403, 404, 407, 410, 418, 451))} No"),
    "server error": lambda r, p, u: whole(p, status=f"{r.choice((500, 502, 503, 504, 507, 599))} No"),
    "no content": lambda r, p, u: whole(p, status=r.choice(("204 None", "205 Reset", "304 Same"))),
    "partial unasked": with_line("Content-Range: bytes 5-9/3", "206 Partial"),
    "upgrade": with_line("Upgrade: websocket", "101 Switching"),
    "early hints": lambda r, p, u: itertools.chain([head("103 Early Hints", "Link: </a>")], whole(p)),
    "TLS": lambda r, p, u: raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + r.randbytes(400)),
    "Retry-After in superscript": with_line(f"Retry-After: {SUPERSCRIPT}", "503 Busy"),
    "Retry-After of 6,000 digits": with_line("Retry-After: " + "9" * 6000, "429 Slow"),
    "Retry-After in the past": with_line("Retry-After: Mon, 01 Jan 0001 00:00:00 GMT", "429 Slow"),
    "Retry-After in the year 9999": with_line("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", "503 Busy"),
    "Retry-After negative": with_line("Retry-After: -5", "429 Slow"),
    "a page": lambda r, p, u: whole(PAGE, "Content-Type: text/html; charset=²"),
    "a page called image": lambda r, p, u: whole(PAGE, "Content-Type: image/jpeg"),
    "redirect to itself": redirect(("{url}/same", "/", "?", "")),
    "redirect without an address": lambda r, p, u: whole(b"", status="302 Found"),
    "redirect to no valid address": redirect(MALFORMED),
    "redirect to full-width digits": redirect((FULL_WIDTH,)),
    "redirect to another scheme": redirect(OTHER_SCHEMES),
    "redirect to a long address": redirect(("{url}/" + "a" * 60_000,)),
    "redirect with a surrogate": redirect(("/\udcff\udcfe",)),
}  # fmt: skip
BOMB = zlib.compress(bytes(2**26), 9, 31)
KINDS = {**KEPT, **PRIVATE, **SLOW, **ENDED}
