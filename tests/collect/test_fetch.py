"""Fetch: rate limits and queues of hosts, how an entry ends, and what progress gets to see."""

import signal
import threading
import time
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from collect.candidate import Candidate, RejectError, SourceContext
from collect.fetch import Gatherer, Host
from collect.fetch.entries import Entry, EntryState
from collect.fetch.gatherer import INTERRUPTIONS_PER_PHOTO
from collect.fetch.ledger import Ledger
from collect.http import open_session
from collect.journal import Journal, Photo, PhotoStatus
from tests.collect.test_flickr import photos
from tests.servers.flickr import FlickrServer
from tests.servers.photos import jpeg


def test_the_rate_limit_grows_with_success_and_halves_after_a_protest() -> None:
    host = Host()
    for _ in range(200):
        host.succeeded()
    assert host.limit == 64
    host.protested(now=100.0, retry_after=5.0)
    assert host.limit == 32
    host.protested(now=100.1, retry_after=None)
    assert host.limit == 32  # the same moment counts once
    assert not host.may_start(104.9)
    assert host.may_start(105.0)
    host.in_flight = 32
    assert not host.may_start(106.0)
    for _ in range(70):
        host.failed(now=200.0)
    assert host.given_up


def test_a_rejected_photo_is_no_failure_of_its_host() -> None:
    host = Host(in_flight=4)
    host.answered(1.0, RejectError("connection", transient=True))
    assert host.failures_in_row == 1
    host.answered(1.0, RejectError("gone"))
    assert host.failures_in_row == 0
    host.answered(1.0, RejectError("throttled", transient=True, retry_after=400.0))
    assert host.throttled == 1
    assert host.given_up
    assert host.in_flight == 1


@pytest.fixture
def journal(tmp_path: Path):
    with Journal(tmp_path / "x") as opened:
        yield opened


def entry_in(ledger: Ledger, number: int, state: EntryState) -> Entry:
    entry = ledger.new_entry(Candidate("car", f"car{number}", read=lambda: b""))
    assert entry
    ledger.entries["car"].append(entry)
    entry.state = state
    ledger.under_way["car"] += entry.under_way
    return entry


def test_an_entry_ends_once_in_journal_and_counts(journal: Journal) -> None:
    ledger = Ledger(journal, ["car"], {("car", "car0"): None})
    placed, good, gone, failed = (
        entry_in(ledger, i, state)
        for i, state in enumerate([EntryState.IDLE, EntryState.RUNNING, EntryState.RUNNING, EntryState.WAITING])
    )
    ledger.finish(placed)
    ledger.finish(good, PhotoStatus.GOOD)
    ledger.finish(gone, PhotoStatus.REJECTED, RejectError("gone", "HTTP 404"))
    ledger.finish(failed, PhotoStatus.FAILED, RejectError("timeout", transient=True))
    assert [e.state for e in ledger.entries["car"]] == ["good", "good", "bad", "bad"]
    assert all(e.candidate.read is None for e in ledger.entries["car"])
    assert (ledger.good["car"], ledger.under_way["car"]) == (2, 0)
    assert ledger.reasons == {"car": {"gone": 1, "timeout": 1}}
    statuses = {key[1]: photo.status for key, photo in journal.photos().items()}
    assert statuses == {"car1": "good", "car2": "rejected", "car3": "failed"}
    gathered = ledger.gathered(set())
    assert [row.source_id for row in gathered.rows] == ["car1"]
    assert [(r.source_id, r.reason) for r in gathered.rejected] == [("car2", "gone"), ("car3", "timeout")]


def test_a_candidate_that_is_listed_twice_has_one_entry(journal: Journal) -> None:
    ledger = Ledger(journal, ["car"], ())
    assert ledger.new_entry(Candidate("car", "1"))
    assert ledger.new_entry(Candidate("car", "1")) is None


def test_requests_that_a_kill_interrupts_are_not_counted_as_requests(tmp_path: Path) -> None:
    for kills in range(INTERRUPTIONS_PER_PHOTO):
        with Journal(tmp_path / "x") as journal:
            ledger = Ledger(journal, ["car"], ())
            entry = ledger.new_entry(Candidate("car", "1", url="http://h/1.jpg", taken="2020"))
            assert entry
            assert (entry.requests, entry.interruptions) == (0, kills)
            ledger.begin(entry)
            ledger.begin(entry)  # after a redirect
            assert entry.requests == 2
    with Journal(tmp_path / "x") as journal:
        ledger = Ledger(journal, ["car"], ())
        entry = ledger.new_entry(Candidate("car", "1", url="http://h/1.jpg"))
        assert entry
        ledger.begin(entry)
        ledger.record(entry, RejectError("timeout", transient=True))
        photo = journal.photos()["car", "1"]
        assert (photo.requests, entry.requests) == (1, 1)
        assert photo.facts()["taken"] == "2020"


def test_a_photo_in_whose_requests_collect_was_stopped_many_times_is_given_up(journal: Journal, tmp_path: Path) -> None:
    photo = Photo("car", "1", extra=f'{{"interrupted": "{INTERRUPTIONS_PER_PHOTO}"}}')
    journal.save(photo)
    streams = {"car": iter([Candidate("car", "1", url="http://127.0.0.1:1/1.jpg")])}
    context = SourceContext(tmp_path, journal, False, lambda line: None, threading.Event())
    with open_session(lambda address: False) as session:
        gatherer = Gatherer(tmp_path / "x", streams, context, session, 2, ())
        gathered = gatherer.gather({"car": 1}, lambda snapshot: None)
        gatherer.close()
    assert [(r.reason, r.detail) for r in gathered.rejected] == [
        ("interrupted", "collect was stopped 16 times during it")
    ]


def test_kills_do_not_use_up_the_requests_of_photos_that_redirect(place) -> None:
    """Each kill comes when the targets of the redirects are being requested."""
    numbers = range(8)
    with FlickrServer(photos(8, {}, tags=("car",)), latency_seconds=0.4) as web:
        web.redirects.update({f"/moved/{i}": f"/photo/car{i}.jpg" for i in numbers})
        (place.folder / "list.txt").write_text("\n".join(f"{web.url}/moved/{i} {'ab'[i % 2]}" for i in numbers))
        for kill in range(3):
            process = place.start("--from", "list.txt", "--name", "x", "--allow-private")
            while process.poll() is None and web.requests["/photo/car0.jpg"] <= kill:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert not place.folder.joinpath("data/x/manifest.jsonl").exists()
        web.latency_seconds = 0.0
        place.good("--from", "list.txt", "--name", "x", "--allow-private")
    assert sorted(r["source_id"].rpartition("/")[2] for r in place.rows("x")) == [str(i) for i in numbers]
    assert place.rows("x", "rejected.jsonl") == []


def test_progress_gets_frozen_snapshots(journal: Journal, tmp_path: Path) -> None:
    streams = {"car": iter([Candidate("car", str(i), read=lambda i=i: jpeg(i)) for i in range(5)])}
    context = SourceContext(tmp_path, journal, False, lambda line: None, threading.Event())
    snapshots = []
    with open_session(lambda address: False) as session:
        gatherer = Gatherer(tmp_path / "x", streams, context, session, 2, ())
        gathered = gatherer.gather({"car": 3}, snapshots.append)
        gatherer.close()
    last = snapshots[-1]
    assert (last.good["car"], last.under_way["car"], last.classes) == (3, 0, ("car",))
    assert len(gathered.rows) == 3
    assert not gathered.exhausted
    with pytest.raises(FrozenInstanceError):
        last.fetched_bytes = 0
