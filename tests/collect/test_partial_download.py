"""Downloads that were cut off: continued only if the file is still the same, and never kept if it is something else."""

import hashlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from collect.candidate import SourceContext
from collect.datasets import Dataset
from collect.errors import SourceError
from collect.sources import archive
from collect.sources import download as downloads
from tests.servers.raw import RawServer, drips, sends

OLD, NEW = (b"\x1f\x8b" + letter * 5000 for letter in (b"o", b"n"))
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"
HTML = b"<!DOCTYPE html><title>Please sign in</title>"


class FileServer:
    """Answers with one file and honours ranges of it. `version` is its ETag or date, `cut` where it breaks."""

    def __init__(self, content: bytes, version: str, cut: int | None = None, honours_if_range: bool = True):
        self.content, self.version, self.cut, self.honours_if_range = content, version, cut, honours_if_range

    def __call__(self, request: bytes, connection: socket.socket) -> None:
        headers = dict(line.split(": ", 1) for line in request.decode().split("\r\n")[1:] if line)
        may_continue = headers.get("If-Range") in (None, self.version) or not self.honours_if_range
        start = int(headers["Range"][len("bytes=") : -1]) if "Range" in headers and may_continue else 0
        size = len(self.content)
        if start >= size:
            connection.sendall(f"HTTP/1.1 416 No\r\nContent-Range: bytes */{size}\r\n\r\n".encode())
            return
        head = f"HTTP/1.1 {206 if start else 200} OK\r\nContent-Length: {size - start}\r\n"
        head += f"Content-Range: bytes {start}-{size - 1}/{size}\r\n" if start else ""
        head += f"{'Last-Modified' if 'GMT' in self.version else 'ETag'}: {self.version}\r\n" if self.version else ""
        connection.sendall(head.encode() + b"\r\n" + self.content[start : self.cut])


@pytest.fixture
def get(tmp_path: Path, monkeypatch):
    """A function that downloads from a server; its `lines` are what the user was shown."""
    monkeypatch.setattr(downloads, "TRIES", 2)

    def get(server: RawServer, is_list: bool = False, **recipe: object) -> bytes:
        dataset = Dataset("x", "archive", url=f"{server.url}/set.tgz", **recipe)
        context = SourceContext(tmp_path, None, True, get.lines.append, threading.Event())
        return downloads.download(dataset, context, is_list).read_bytes()

    get.lines = []
    get.folder = tmp_path
    return get


def cut_off(get, version: str = '"1"', **recipe: object) -> FileServer:
    """A server whose file was downloaded up to byte 2000; from now on it sends all of it."""
    file = FileServer(OLD, version, cut=2000)
    with RawServer(file) as server, pytest.raises(SourceError, match="run the same command again to continue"):
        get.port = server.port
        get(server, **recipe)
    assert next(get.folder.rglob("*.part")).read_bytes() == OLD[:2000]
    file.cut = None
    return file


@pytest.mark.parametrize("version", ['"1"', DATE])
def test_a_download_that_was_cut_off_continues_if_the_file_is_the_same(get, version: str) -> None:
    file = cut_off(get, version)
    with RawServer(file, get.port) as server:
        assert get(server) == OLD
    assert f"If-Range: {version}".encode() in server.requests[0]
    assert b"Range: bytes=2000-" in server.requests[0]
    assert [p.name for p in get.folder.rglob("*") if p.is_file()] == ["set.tgz"]


@pytest.mark.parametrize("version", ['"1"', DATE, 'W/"1"', ""])
@pytest.mark.parametrize("honours_if_range", [True, False])
def test_a_file_that_changed_on_the_server_is_downloaded_from_its_beginning(
    get, version: str, honours_if_range: bool
) -> None:
    file = cut_off(get, version)
    file.content, file.version = NEW, version and version.replace("1", "2")
    file.honours_if_range = honours_if_range
    with RawServer(file, get.port) as server:
        assert get(server) == NEW


def test_two_downloads_of_one_file_at_once_wait_for_each_other(get) -> None:
    file = FileServer(OLD * 200, "")

    def respond(request: bytes, connection: socket.socket) -> None:
        time.sleep(0.2)
        file(request, connection)

    with RawServer(respond) as server, ThreadPoolExecutor(3) as pool:
        assert list(pool.map(get, [server] * 3)) == [OLD * 200] * 3
    assert len(server.requests) == 1
    assert any("waiting until it ends" in line for line in get.lines)


def test_without_a_version_the_digest_of_the_recipe_decides(get) -> None:
    recipe = {"sha256": hashlib.sha256(OLD).hexdigest()}
    file = cut_off(get, "", **recipe)
    with RawServer(file, get.port) as server:
        assert get(server, **recipe) == OLD
        assert b"Range: bytes=2000-" in server.requests[0]
    next(get.folder.rglob("set.tgz")).unlink()
    file = cut_off(get, "", **recipe)
    file.content = NEW
    with RawServer(file, get.port) as server:
        with pytest.raises(SourceError, match="it is not the file that the recipe"):
            get(server, **recipe)
        file.content = OLD
        assert get(server, **recipe) == OLD


def test_a_file_that_was_complete_before_a_kill_is_kept(get) -> None:
    file = cut_off(get)
    next(get.folder.rglob("*.part")).write_bytes(OLD)
    with RawServer(file, get.port) as server:
        assert get(server) == OLD


WRONG_RANGE = b"HTTP/1.1 206 Part\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 416 No\r\nContent-Range: bytes */7\r\n\r\n",
        b"HTTP/1.1 416 No\r\n\r\n",
        WRONG_RANGE,
        WRONG_RANGE.replace(b"bytes 0-9/10", b"bytes \xb2-9/10"),
        WRONG_RANGE.replace(b"Content-Range", b"X"),
    ],
)
def test_a_server_that_cannot_continue_a_file_is_asked_for_all_of_it(get, answer: bytes) -> None:
    file = cut_off(get)
    with RawServer(lambda r, c: sends(answer)(r, c) if b"\r\nRange:" in r else file(r, c), get.port) as server:
        assert get(server) == OLD
    next(get.folder.rglob("set.tgz")).unlink()
    cut_off(get)
    with RawServer(sends(answer), get.port) as server, pytest.raises(SourceError, match=r"HTTP (416|206)"):
        get(server)
    assert len(server.requests) == 2
    assert not list(get.folder.rglob("*.part"))


@pytest.mark.parametrize("is_list", [True, False])
@pytest.mark.parametrize("page", [HTML, b"\xef\xbb\xbf\n <html>", b"<?xml version='1.0'?><Error>AccessDenied</Error>"])
def test_a_web_page_is_never_kept_in_place_of_a_file(get, page: bytes, is_list: bool) -> None:
    with RawServer(sends(b"HTTP/1.1 200 OK\r\n\r\n" + page)) as server:
        with pytest.raises(SourceError, match=r"is a web page, not a.* open the address in a browser"):
            get(server, is_list)
        assert not [p for p in get.folder.rglob("set.tgz*") if not p.name.endswith(".version")]
        server.respond = FileServer(OLD, "")
        assert get(server, is_list) == OLD


@pytest.mark.parametrize("body", [b"", b'{"error": "no such file"}', b"\0" * 512])
def test_what_is_no_archive_is_not_kept_as_one(get, body: bytes) -> None:
    with (
        RawServer(sends(b"HTTP/1.1 200 OK\r\n\r\n" + body)) as server,
        pytest.raises(SourceError, match=r"is not a .tgz"),
    ):
        get(server)


def test_the_error_about_a_damaged_archive_says_how_to_start_afresh(tmp_path: Path) -> None:
    context = SourceContext(tmp_path, None, True, print, threading.Event())
    with RawServer(FileServer(OLD, "")) as server, pytest.raises(SourceError, match=r"set\.tgz: .* remove it and run"):
        archive.streams(Dataset("x", "archive", url=f"{server.url}/set.tgz"), context)


def test_a_web_page_that_an_earlier_version_kept_is_replaced(get) -> None:
    with RawServer(FileServer(OLD, "")) as server:
        get(server)
        next(get.folder.rglob("set.tgz")).write_bytes(HTML)
        assert get(server) == OLD
    assert any("is a web page, not an archive; downloading it again" in line for line in get.lines)


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;"]
)
def test_a_download_of_which_every_part_comes_byte_by_byte_is_given_up(get, monkeypatch, head: bytes) -> None:
    monkeypatch.setattr(downloads, "LIMITS", downloads.Limits(seconds=0.2, slowest=10_000))
    with RawServer(drips(head, b"x", 0.02)) as server, pytest.raises(SourceError, match="cannot be downloaded"):
        get(server)


@pytest.mark.parametrize("location", ["http://[::1", "http://exa\uff0fmple.com/", "ftp://127.0.0.1/x.zip", "/loop"])
def test_a_redirect_that_leads_nowhere_is_one_error(get, location: str) -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: " + location.encode() + b"\r\n\r\n"
    with RawServer(sends(answer)) as server, pytest.raises(SourceError, match="redirected"):
        get(server)


def test_a_redirect_to_a_private_address_is_refused(tmp_path: Path, monkeypatch) -> None:
    """The guard is on: the proxy on loopback answers for a public host."""
    with RawServer(sends(b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/x.zip\r\n\r\n")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        context = SourceContext(tmp_path, None, False, print, threading.Event())
        with pytest.raises(SourceError, match=r"10.0.0.1, not a public address"):
            downloads.download(Dataset("x", "archive", url="http://93.184.216.34/x.zip"), context)
    assert len(proxy.requests) == 1


def test_a_file_that_is_longer_than_the_recipe_says_is_not_read_to_its_end(get, monkeypatch) -> None:
    monkeypatch.setattr(downloads, "CHUNK_BYTES", 1000)
    answer = drips(b"HTTP/1.1 200 OK\r\n\r\n\x1f\x8b", b"x" * 1000, 0)
    with RawServer(answer) as server, pytest.raises(SourceError, match="should have 9,000"):
        get(server, bytes=9000)


@pytest.mark.parametrize("path", ["..", ".", "", "a" * 300, ".x", "a%2fb"])
def test_every_file_has_a_name_within_its_folder(path: str) -> None:
    name = downloads._file_name(f"http://host/b/{path}")
    assert "/" not in name
    assert not name.startswith(".")
    assert 0 < len(name) < 210
