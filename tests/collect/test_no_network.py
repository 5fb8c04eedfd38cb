"""Requests that get no answer: the message says in words which host failed and why."""

import re
import socket
import ssl
import threading
from itertools import islice
from pathlib import Path

import pytest
import requests

from collect.candidate import RejectError, SourceContext
from collect.datasets import ClassSearch, Dataset
from collect.errors import SourceError, connection_error_text
from collect.http import fetch, guard, open_session, request_error_text
from collect.journal import Journal
from collect.pipeline import collect
from collect.sources import api, open_streams
from tests.servers.flickr import KEY, SECRET
from tests.servers.raw import RawServer, drips, sends

LIBRARY_WORDS = re.compile(r"urllib3|Guarded|Max retries|Errno|HTTPSConnection|object at|Error\b")


@pytest.fixture
def closed_port() -> int:
    """A port of loopback on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name has an address, as without a network."""

    def fail(host: str, *_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)


def reason(url: str, seconds: float = 10.0) -> str:
    """What is said about a request that fails."""
    with open_session(None) as session, pytest.raises(requests.RequestException) as caught:
        session.get(url, timeout=seconds)
    text = request_error_text(caught.value, url)
    assert not LIBRARY_WORDS.search(text)
    return text


def test_a_name_without_an_address(no_names: None) -> None:
    assert reason("https://api.openverse.org/v1") == (
        "api.openverse.org cannot be reached: no network or no name server"
    )


def test_a_refused_connection(closed_port: int) -> None:
    host = f"127.0.0.1:{closed_port}"
    assert reason(f"http://{host}/x?key=1") == f"{host} cannot be reached: it refuses the connection"


def test_an_answer_that_does_not_come() -> None:
    with RawServer(drips(b"", b"", 1.0)) as server:
        assert reason(server.url, 0.1) == f"127.0.0.1:{server.port} does not answer in time"


def test_a_server_without_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_in_plain_text() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer_in_plain_text, daemon=True).start()
        host = f"127.0.0.1:{server.getsockname()[1]}"
        assert reason(f"https://{host}").startswith(f"{host} offers no secure connection (")


def test_a_connection_that_is_closed() -> None:
    with RawServer(sends(b"")) as server:
        assert reason(server.url) == f"127.0.0.1:{server.port} closed the connection"


def test_a_certificate_that_is_not_valid() -> None:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "certificate has expired"
    assert connection_error_text(requests.exceptions.SSLError(cause), "example.org") == (
        "example.org has no valid certificate (certificate has expired); is this computer's clock right?"
    )


@pytest.mark.parametrize("is_running", [False, True])
def test_a_proxy_that_fails(is_running: bool, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(sends(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")) as server:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.port if is_running else closed_port}")
        monkeypatch.delenv("no_proxy", raising=False)
        text = reason("https://api.openverse.org/v1")
    expected = ": Tunnel connection failed: 407" if is_running else " cannot be reached: it refuses the connection"
    assert text.startswith(f"the proxy for api.openverse.org{expected}")


@pytest.mark.parametrize("source", ["flickr", "openverse"])
def test_a_search_without_a_network(
    source: str, tmp_path: Path, no_names: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "pause", lambda stop, seconds: None)
    monkeypatch.setenv("FLICKR_API_KEY", KEY)
    monkeypatch.setenv("FLICKR_API_SECRET", SECRET)
    host = {"flickr": "api.flickr.com", "openverse": "api.openverse.org"}[source]
    with Journal(tmp_path / "x") as journal, pytest.raises(SourceError) as caught:
        context = SourceContext(tmp_path, journal, False, lambda line: None, threading.Event())
        list(islice(open_streams(Dataset("x", source, (ClassSearch("car"),), 1, 1), context)["car"], 1))
    assert f"does not answer: {host} cannot be reached: no network or no name server; " in str(caught.value)
    assert not LIBRARY_WORDS.search(str(caught.value))


@pytest.mark.parametrize("name", ["photos.zip", "photos.csv"])
def test_an_archive_or_a_list_without_a_network(name: str, tmp_path: Path, no_names: None) -> None:
    kind = "urls" if name.endswith("csv") else "archive"
    with pytest.raises(SourceError) as caught:
        collect(Dataset("x", kind, url=f"https://example.org/{name}"), tmp_path, quiet=True)
    assert str(caught.value) == (
        f"https://example.org/{name}: cannot be downloaded: example.org cannot be reached: no network or no name server"
    )


def test_a_photo_of_a_list(closed_port: int) -> None:
    with open_session(guard(allow_private=True)) as session, pytest.raises(RejectError) as caught:
        fetch(session, f"http://127.0.0.1:{closed_port}/a.jpg")
    assert caught.value.detail == f"127.0.0.1:{closed_port} cannot be reached: it refuses the connection"
