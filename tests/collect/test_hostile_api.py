"""APIs that answer nonsense: one error of ours, or candidates that can be written to a manifest."""

import json
import threading
from itertools import islice
from pathlib import Path

import pytest

from collect.candidate import SourceContext
from collect.datasets import ClassSearch, Dataset
from collect.errors import SourceError
from collect.http import Limits
from collect.journal import Journal
from collect.sources import api, flickr, open_streams, openverse
from tests.servers.flickr import KEY, SECRET
from tests.servers.raw import RawServer, drips, sends

ODD = {
    "id": {"a": 1},
    "owner": 5,
    "title": ["x"],
    "license": {},
    "url_z": {},
    "url": 7,
    "dateupload": "\u00b2",
    "pages": [],
}
TEXTS = dict.fromkeys([*ODD, "ownername", "creator", "foreign_landing_url", "license_url"], "a\ud800b")
BODIES = [
    *(
        "",
        "null",
        "[]",
        "5",
        '"x"',
        "{}",
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 5000,
        '{"stat": 5}',
        "\ud800",
        "<html>",
    ),
    *('{"photos": []}', '{"photos": {"photo": {}}}', '{"results": {"a": 1}}', '{"results": [1, null, "x"]}'),
    '{"licenses": {"license": [{"id": 1, "url": "http://[::1"}, 5, {"id": [], "url": {}}]}}',
    *(
        json.dumps({"photos": {"photo": [p], "pages": n}, "results": [p]})
        for p in (ODD, TEXTS)
        for n in ("\u00b2", 1e400, 1)
    ),
]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch):
    """A function that gives the first candidates of a search on an API at this address."""
    for module in (flickr, openverse):
        monkeypatch.setattr(module, "TRIES", 1)
    monkeypatch.setattr(api, "pause", lambda stop, seconds: None)

    def ask(source: str, url: str) -> list:
        values = {"FLICKR_API_KEY": KEY, "FLICKR_API_SECRET": SECRET, api.ENDPOINTS[source]: url}
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        with Journal(tmp_path / "x") as journal:
            context = SourceContext(tmp_path, journal, False, lambda line: None, threading.Event())
            streams = open_streams(Dataset("x", source, (ClassSearch("car"),), 1, 1), context)
            return list(islice(streams["car"], 5))

    return ask


@pytest.mark.parametrize("source", ["flickr", "openverse"])
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_an_answer_that_is_nonsense_is_an_error_of_ours_or_gives_clean_candidates(ask, source: str, body: str) -> None:
    data = body.encode("utf-8", "surrogatepass")
    with RawServer(sends(b"HTTP/1.1 200 OK\r\n\r\n" + data)) as server:
        try:
            candidates = ask(source, server.url)
        except SourceError as err:
            assert "\n" not in str(err)
            return
    for candidate in candidates:
        values = [getattr(candidate, name) for name in ("source_id", "url", "owner", "owner_name", "title", "license")]
        assert all(value is None or (isinstance(value, str) and value.encode()) for value in values)


@pytest.mark.parametrize("source", ["flickr", "openverse"])
def test_an_api_that_answers_byte_by_byte_is_given_up(ask, monkeypatch, source: str) -> None:
    monkeypatch.setattr(api, "LIMITS", Limits(seconds=0.2))
    with RawServer(drips(b"HTTP/1.1 200 OK\r\n", b"x", 0.02)) as server, pytest.raises(SourceError, match="not answer"):
        ask(source, server.url)


@pytest.mark.parametrize("source", ["flickr", "openverse"])
def test_an_api_that_asks_for_a_pause_of_centuries_is_asked_later(ask, source: str) -> None:
    answer = b"HTTP/1.1 429 Busy\r\nRetry-After: 99999999999999999\r\nContent-Length: 0\r\n\r\n"
    with (
        RawServer(sends(answer)) as server,
        pytest.raises(SourceError, match=r"pause of .* run the same command later"),
    ):
        ask(source, server.url)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[1e999]", "[NaN]", f"[{'9' * 400}]", "[99999999999]", "{}", "\u00b2", "[[]]"]
)
def test_a_count_of_calls_that_is_damaged_or_from_the_future_is_begun_again(tmp_path: Path, text: str) -> None:
    (tmp_path / "calls.json").write_text(text)
    stop = threading.Event()
    api.CallBudget("X", tmp_path / "calls.json", ((1, 3600.0),), "", stop, print).spend()
    assert len(json.loads((tmp_path / "calls.json").read_text())) == 1


@pytest.mark.parametrize("source", ["flickr", "openverse"])
def test_an_api_that_redirects_to_a_private_address_is_refused(ask, source: str) -> None:
    """The guard is on: an API on loopback opens loopback and nothing else."""
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/rest/\r\nContent-Length: 0\r\n\r\n"
    with RawServer(sends(answer)) as server, pytest.raises(SourceError, match="not a public address"):
        ask(source, server.url)


@pytest.mark.parametrize("source", ["flickr", "openverse"])
@pytest.mark.parametrize("url", ["http://ana:hunter2@[::1", "localhost:80", "http://", "http://exa\uff0fmple.com/"])
def test_an_api_address_that_is_none_is_named_without_its_secrets(ask, source: str, url: str) -> None:
    with pytest.raises(SourceError, match=f"{source.upper()}_API_URL") as caught:
        ask(source, url)
    assert "hunter2" not in str(caught.value)
